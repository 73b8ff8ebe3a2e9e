"""Params for a new study, written by looking at the columns of the user's file."""

import os
import re
from importlib import resources
from pathlib import Path

import yaml

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.core.places import base_folder
from rfm_ml.params import parse_params
from rfm_ml.transactions.sources import source_columns
from rfm_ml.transactions.typed import KNOWN

# What other systems call our columns; compared without case, spaces and signs, the likeliest first.
_NAMES: dict[str, str] = {
    "customer_id": """
        customerid custid customer customernumber customernr customerno customercode clientid client userid user
        memberid householdid household buyerid buyer accountid account contactid kundennummer kundennr kundenid kunde
        customeremail billingemail email emailadresse""",
    "order_id": """
        orderid ordernumber orderno ordernr order invoiceno invoiceid invoicenumber invoice transactionid
        transaction basketid basket receiptid receipt bestellnummer bestellnr bestellid auftragsnummer
        auftragsnr rechnungsnummer rechnungsnr belegnummer belegnr""",
    "ordered_at": """
        orderedat orderdate orderdatetime ordertime orderts orderedon purchasedate purchasedat invoicedate
        transactiondate transactiontimestamp createdat created datetime timestamp date day bestelldatum auftragsdatum
        rechnungsdatum kaufdatum belegdatum datum""",
    "amount": """
        amount netamount totalamount ordertotal ordervalue orderamount linetotal totalprice grandtotal total revenue
        salesvalue sales spend grossamount value umsatz betrag gesamtbetrag nettobetrag bruttobetrag gesamtpreis
        gesamtsumme summe""",
    "quantity": "quantity qty units lineitemquantity menge anzahl stückzahl",
    "unit_price": "unitprice priceperunit itemprice lineitemprice price einzelpreis stückpreis preis",
    "product_id": """
        productid sku stockcode itemid articleid lineitemsku product artikelnummer artikelnr article artikel""",
    "category": "category productcategory department kategorie warengruppe produktkategorie",
    "channel": "channel saleschannel orderchannel kanal vertriebskanal",
    "utm_source": "utmsource",
    "utm_medium": "utmmedium",
    "utm_campaign": "utmcampaign",
    "referrer": "referrer referer referringsite",
    "discount": "discount discountamount rabatt",
    "currency": "currency currencycode waehrung währung",
    "order_kind": "orderkind",
}
SYNONYMS = {ours: tuple(names.split()) for ours, names in _NAMES.items()}
# An export with one row per item that names the order's total on the first of its rows only, as Shopify's does:
# the total of a row is not its share, so the items count.
_PER_ITEM = ("lineitemprice", "lineitemquantity")


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
    found = guess_columns(source_columns(data), given=columns or {})
    base = base_folder(folder.resolve())
    path = Path(os.path.relpath(Path(data).expanduser(), base)).as_posix()
    text = render_params(name, path=path, columns=found, folder=folder.name)
    parse_params(text, name=place.name)
    folder.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
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
    if set(_PER_ITEM) <= set(plain):
        if "amount" not in given:
            plain = {n: c for n, c in plain.items() if n not in SYNONYMS["amount"]}
        found = {"order_id": plain["name"]} | found if "name" in plain else found
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


def render_params(name: str, *, path: str, columns: dict[str, str], folder: str = "params") -> str:
    """Return the text of a params file, commented line by line.

    Parameters
    ----------
    name
        Name of the study.
    path
        The orders, from the folder above `params`.
    columns
        Our name to the file's name.
    folder
        Name of the folder the file will lie in.
    """
    template = resources.files("rfm_ml.cli").joinpath("template.yml").read_text(encoding="utf-8")
    has_order = "order_id" in columns
    return template.format(
        schema="params.schema.json" if folder == "params" else "params/params.schema.json",
        file=f"{folder}/{name}.yml" if folder else f"{name}.yml",
        study=_yaml_text(name),
        reports=name,
        title=_yaml_text(name.replace("_", " ").replace("-", " ").capitalize()),
        currency="",
        path=_yaml_text(path),
        columns="\n".join(f"    {ours}: {_yaml_text(theirs)}" for ours, theirs in columns.items()),
        duplicates="drop" if has_order else "keep",
        duplicates_why="" if has_order else " (kept: without order numbers two equal lines can be two orders)",
    )


def _yaml_text(text: str) -> str:
    """Quote what YAML would not read back as the same text, such as No, 2024 or a column with a colon."""
    plain = re.fullmatch(r"[^\W\d][\w ./-]*", text) and yaml.safe_load(text) == text
    return text if plain else "'" + text.replace("'", "''") + "'"
