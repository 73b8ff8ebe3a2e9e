"""Params for a new study, written by looking at the columns of the user's file."""

import os
import re
import tempfile
from importlib import resources
from pathlib import Path

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.params import load_params
from rfm_ml.transactions.sources import connect, file_source
from rfm_ml.transactions.typed import KNOWN

# What other systems call our columns; compared without case, spaces and signs, the likeliest first.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "customer_id": (
        *("customerid", "custid", "customer", "customernumber", "customerno", "clientid", "client", "userid", "user"),
        *("memberid", "householdid", "household", "buyerid", "buyer", "accountid", "account", "contactid"),
        *("kundennummer", "kundennr", "kundenid", "kunde", "customeremail", "email"),
    ),
    "order_id": (
        *(
            "orderid",
            "ordernumber",
            "orderno",
            "ordernr",
            "order",
            "invoiceno",
            "invoiceid",
            "invoicenumber",
            "invoice",
        ),
        *("transactionid", "transaction", "basketid", "basket", "receiptid", "receipt", "bestellnummer", "bestellnr"),
    ),
    "ordered_at": (
        *(
            "orderedat",
            "orderdate",
            "orderdatetime",
            "ordertime",
            "orderts",
            "orderedon",
            "purchasedate",
            "purchasedat",
        ),
        *("invoicedate", "transactiondate", "transactiontimestamp", "createdat", "created", "datetime", "timestamp"),
        *("date", "day", "bestelldatum", "datum"),
    ),
    "amount": (
        *("amount", "netamount", "totalamount", "ordertotal", "ordervalue", "orderamount", "linetotal", "totalprice"),
        *("total", "revenue", "salesvalue", "sales", "spend", "grossamount", "value", "umsatz", "betrag", "summe"),
    ),
    "quantity": ("quantity", "qty", "units", "menge", "anzahl"),
    "unit_price": ("unitprice", "priceperunit", "itemprice", "price", "einzelpreis", "preis"),
    "product_id": ("productid", "sku", "stockcode", "itemid", "articleid", "product", "artikelnummer", "article"),
    "category": ("category", "productcategory", "department", "kategorie", "warengruppe"),
    "channel": ("channel", "saleschannel", "orderchannel", "kanal"),
    "discount": ("discount", "discountamount", "rabatt"),
    "currency": ("currency", "currencycode", "waehrung", "währung"),
    "order_kind": ("orderkind",),
}


def write_params(
    name: str, data: str, folder: Path, *, columns: dict[str, str] | None = None
) -> tuple[Path, list[str]]:
    """Write `<folder>/<name>.yml` for an order log.

    Parameters
    ----------
    name
        Name of the study.
    data
        Path of the orders.
    folder
        Where params files lie.
    columns
        Our name to the file's name, where they should not be guessed.

    Returns
    -------
    The file, and one sentence per column on how it was understood.

    Raises
    ------
    ParamsError
        If the file is there already or the name cannot be a folder's.
    DataError
        If the orders cannot be read, or a needed column is not found.
    """
    place = folder / f"{name}.yml"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise ParamsError(f"The name must be made of letters, digits, '-' and '_'. Got {name!r}.")
    if place.exists():
        raise ParamsError(f"The params file must be new. {str(place)!r} is there already. Choose another name.")
    found = guess_columns(_columns_of(data), given=columns or {})
    base = folder.resolve().parent if folder.name == "params" else folder.resolve()
    text = render_params(name, path=os.path.relpath(Path(data).expanduser(), base), columns=found, file=str(place))
    folder.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    load_params(place)
    told = [f"{ours}: the column {theirs!r}" for ours, theirs in found.items()]
    if "order_id" not in found:
        told.append("No order number was found: every line counts as an order, and equal lines are kept.")
    return place, told


def guess_columns(columns: tuple[str, ...], *, given: dict[str, str]) -> dict[str, str]:
    """Return our name to the file's name for every column that can be recognised.

    Raises
    ------
    ParamsError
        If `given` names a column that is not ours or not the file's.
    DataError
        If customer, date or amount cannot be found.
    """
    for ours, theirs in given.items():
        if ours not in KNOWN or theirs not in columns:
            raise ParamsError(
                f"--column must be OURS=THEIRS. Got {ours}={theirs}. Ours: {', '.join(KNOWN)}. "
                f"Theirs: {', '.join(columns)}."
            )
    plain = {re.sub(r"[^a-z0-9äöü]", "", c.lower()): c for c in reversed(columns) if c not in given.values()}
    found = dict(given)
    for ours, names in SYNONYMS.items():
        if ours not in found:
            match = next((plain.pop(n) for n in (ours.replace("_", ""), *names) if n in plain), None)
            found |= {ours: match} if match is not None else {}
    if "amount" in found:
        found.pop("unit_price", None)
    missing = [c for c in ("customer_id", "ordered_at") if c not in found]
    if "amount" not in found and not {"unit_price", "quantity"} <= set(found):
        missing.append("amount")
    if missing:
        raise DataError(
            f"The columns for {', '.join(missing)} must be recognisable. The file has: {', '.join(columns)}. "
            f"Say which it is: --column {missing[0]}=NAME."
        )
    return {c: found[c] for c in KNOWN if c in found}


def render_params(name: str, *, path: str, columns: dict[str, str], file: str) -> str:
    """Return the text of a params file, commented line by line."""
    template = resources.files("rfm_ml.study").joinpath("template.yml").read_text(encoding="utf-8")
    has_order = "order_id" in columns
    in_params = Path(file).parent.name == "params"
    return template.format(
        schema="params.schema.json" if in_params else "params/params.schema.json",
        file=file,
        study=name,
        title=name.replace("_", " ").replace("-", " ").capitalize(),
        currency="",
        path=_yaml_text(path),
        columns="\n".join(f"    {ours}: {_yaml_text(theirs)}" for ours, theirs in columns.items()),
        duplicates="drop" if has_order else "keep",
        duplicates_why="" if has_order else " (kept: without order numbers two equal lines can be two orders)",
    )


def _yaml_text(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z_./][\w./-]*", text) else "'" + text.replace("'", "''") + "'"


def _columns_of(data: str) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as scratch:
        return file_source(data).load(connect(Path(scratch))).columns
