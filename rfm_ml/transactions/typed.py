"""From source columns to ours: one typed SQL select over a raw log."""

from typing import Any

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.columns import OPTIONAL_LINE
from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.transactions.files import FILE, ROW, RawLog
from rfm_ml.transactions.policies import Policies
from rfm_ml.transactions.text import read_amounts, read_dates

_REQUIRED = ("customer_id", "ordered_at", "amount")
KNOWN = (*_REQUIRED, "order_id", "unit_price", *OPTIONAL_LINE)
"""Columns an order log can be mapped to."""
_MISSING_IDS = "'', 'nan', 'null', 'none', '<na>'"


def typed_select(
    raw: RawLog,
    *,
    columns: dict[str, str],
    policies: Policies,
    date_format: list[str] | None,
    decimal: str | None,
    time_zone: str,
) -> tuple[str, list[str], set[str]]:
    """Return the SELECT that types a raw log, notes on how it was read, and our names of the columns found.

    Raises
    ------
    ParamsError
        If the mapping names a column of ours that does not exist.
    DataError
        If the source lacks a column, or currencies are mixed without rates.
    """
    mapping = _resolve(raw, columns)
    con, types = raw.con.con, {c: str(t) for c, t in raw.table.schema().items()}
    con.execute(f"CREATE OR REPLACE TEMP VIEW _raw AS {_deduplicated(raw, drop=policies.duplicates == 'drop')}")
    reader = ColumnReader(con, types, mapping, decimal)
    order_is_row = "order_id" not in mapping
    when = reader.instant("ordered_at", date_format=date_format, time_zone=time_zone)
    amount = reader.amount(rate=_rates(con, mapping, policies))
    kind = reader.kind()
    select = {
        "customer_id": reader.identifier("customer_id"),
        "order_id": f"'row-' || {FILE} || '-' || {ROW}" if order_is_row else reader.identifier("order_id"),
        "ordered_at": when,
        "amount": f"CASE {kind} WHEN 'return' THEN -abs({amount}) ELSE {amount} END",
        "line_kind": kind,
        "date_as_read": f"{quoted(mapping['ordered_at'])}::VARCHAR",
        "amount_as_read": f"{quoted(mapping.get('amount', mapping.get('unit_price', '')))}::VARCHAR",
        "copies": "copies",
        ROW: ROW,
        FILE: FILE,
    }
    for name in ("quantity", "discount"):
        if name in mapping:
            select[name] = reader.number(name)
    for name in ("product_id", "category", "channel"):
        if name in mapping:
            select[name] = reader.identifier(name)
    body = ", ".join(f"{sql} AS {name}" for name, sql in select.items())
    return f"SELECT {body} FROM _raw", reader.notes, set(mapping)


def _resolve(raw: RawLog, columns: dict[str, str]) -> dict[str, str]:
    for ours in columns:
        if ours not in KNOWN:
            raise ParamsError(f"columns must map names we know. Got {ours!r}. {did_you_mean(ours, KNOWN)}")
    mapping = {c: c for c in KNOWN if c in raw.columns} | columns
    for ours, theirs in mapping.items():
        if theirs not in raw.columns:
            raise DataError(
                f"The order log must have the column {theirs!r} (for {ours}). "
                f"{did_you_mean(theirs, raw.columns)} Map it in the params: columns: {{{ours}: ...}}."
            )
    if "amount" not in mapping and {"unit_price", "quantity"} <= set(mapping):
        return mapping
    for ours in _REQUIRED:
        if ours not in mapping:
            hint = f" The file has the single column {raw.columns[0]!r}: is the separator right?"
            raise DataError(
                f"The order log must have a column for {ours}. {did_you_mean(ours, raw.columns)} "
                f"Map it in the params: columns: {{{ours}: ...}}.{hint if len(raw.columns) == 1 else ''}"
            )
    return mapping


def _deduplicated(raw: RawLog, *, drop: bool) -> str:
    source = f"({raw.con.compile(raw.table)})"
    names = ", ".join(quoted(c) for c in raw.columns)
    if not drop:
        return f"SELECT {names}, {ROW}, {FILE}, 1 AS copies FROM {source}"
    return (
        f"SELECT {names}, min({ROW}) AS {ROW}, arg_min({FILE}, {ROW}) AS {FILE}, count(*)::INTEGER AS copies "
        f"FROM {source} GROUP BY {names}"
    )


def _rates(con: Any, mapping: dict[str, str], policies: Policies) -> str:
    """Return the SQL factor that brings an amount to the study's currency."""
    if "currency" not in mapping:
        return "1"
    column = f"upper(trim({quoted(mapping['currency'])}::VARCHAR))"
    found = [c for (c,) in con.execute(f"SELECT DISTINCT {column} FROM _raw ORDER BY 1").fetchall() if c]
    if len(found) <= 1 and not policies.rates:
        return "1"
    rates = {k.upper(): v for k, v in policies.rates.items()}
    unknown = [c for c in found if c not in rates]
    if unknown:
        raise DataError(
            f"Amounts must be in one currency unless rates are given. Found {', '.join(found)}; "
            f"no rate for {', '.join(unknown)}. Add policies: {{rates: {{{unknown[0]}: ...}}}} to the params."
        )
    return f"CASE {column} " + " ".join(f"WHEN '{c}' THEN {rates[c]!r}" for c in found) + " END"


class ColumnReader:
    """SQL expressions for single columns of a raw log, by the type the source gives them."""

    def __init__(self, con: Any, types: dict[str, str], mapping: dict[str, str], decimal: str | None) -> None:
        self.con, self.types, self.mapping, self.decimal = con, types, mapping, decimal
        self.notes: list[str] = []

    def _column(self, ours: str) -> tuple[str, str]:
        theirs = self.mapping[ours]
        return quoted(theirs), self.types[theirs].lstrip("!")

    def identifier(self, ours: str) -> str:
        """Whole numbers stay numbers, text is trimmed and otherwise left alone (leading zeros matter)."""
        column, kind = self._column(ours)
        if kind.startswith(("int", "uint")):
            return f"{column}::BIGINT"
        if kind.startswith(("float", "decimal")):
            # A column with gaps becomes float in pandas: 17850.0 is customer 17850.
            whole = self.con.execute(f"SELECT bool_and({column} = floor({column})) FROM _raw").fetchone()[0]
            return f"try_cast({column} AS BIGINT)" if whole else f"{column}::VARCHAR"
        text = f"trim({column}::VARCHAR, ' ' || chr(9) || chr(160) || chr(13))"
        return f"CASE WHEN lower({text}) IN ({_MISSING_IDS}) THEN NULL ELSE {text} END"

    def instant(self, ours: str, *, date_format: list[str] | None, time_zone: str) -> str:
        """Instants in the study's time zone; text is read in the given or found format."""
        column, kind = self._column(ours)
        if kind.startswith("timestamp("):
            has_zone = "'" in kind
            return f"timezone('{time_zone}', {column})" if has_zone else f"{column}::TIMESTAMP"
        if kind == "date":
            return f"{column}::TIMESTAMP"
        if kind.startswith(("float", "decimal", "boolean", "time", "interval", "struct", "array")):
            raise DataError(
                f"{ours} must be dates. The column {self.mapping[ours]!r} holds {kind}. Check the column mapping."
            )
        read = read_dates(self.con, "_raw", f"{column}::VARCHAR", formats=date_format, time_zone=time_zone)
        self._note(ours, read.note)
        return read.sql

    def number(self, ours: str) -> str:
        """Exact decimals; what is not a finite number becomes NULL."""
        column, kind = self._column(ours)
        if kind.startswith(("int", "uint", "decimal")):
            return f"try_cast({column} AS DECIMAL(18, 4))"
        if kind.startswith("float"):
            return f"CASE WHEN isfinite({column}) THEN try_cast({column} AS DECIMAL(18, 4)) END"
        if kind != "string":
            raise DataError(
                f"{ours} must be numbers. The column {self.mapping[ours]!r} holds {kind}. Check the column mapping."
            )
        read = read_amounts(self.con, "_raw", column, decimal=self.decimal)
        self._note(ours, read.note)
        return read.sql

    def amount(self, *, rate: str) -> str:
        """Money in the study's currency: the amount column, or quantity times unit price."""
        value = self.number("amount") if "amount" in self.mapping else self._priced()
        return value if rate == "1" else f"try_cast(({value}) * ({rate}) AS DECIMAL(18, 4))"

    def _priced(self) -> str:
        self.notes.append("Amounts are quantity times unit price.")
        return f"try_cast(({self.number('quantity')}) * ({self.number('unit_price')}) AS DECIMAL(18, 4))"

    def kind(self) -> str:
        """Return order or return; NULL for a word we do not know."""
        if "order_kind" not in self.mapping:
            return "'order'"
        column, _ = self._column("order_kind")
        word = f"lower(trim({column}::VARCHAR))"
        return (
            f"CASE WHEN {word} IN ('order', 'sale') THEN 'order' WHEN {word} IN ('return', 'refund') THEN 'return' END"
        )

    def _note(self, ours: str, note: str | None) -> None:
        if note:
            self.notes.append(f"{self.mapping[ours]}: {note}")


def quoted(name: str) -> str:
    """Return a column name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'
