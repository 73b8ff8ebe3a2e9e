"""SQL expressions that read single columns of a raw log, by the type the source gives them."""

from typing import Any

from rfm_ml.core.errors import DataError
from rfm_ml.transactions.engine import one_row, quoted
from rfm_ml.transactions.files import RawLog
from rfm_ml.transactions.parsing import read_amounts, read_dates

MISSING_IDS = ("", "nan", "nat", "null", "none", "<na>", "#n/a", "n/a")
"""Texts that stand for an id that is not there, in small letters."""
_BLANKS = "' ' || chr(9) || chr(10) || chr(13) || chr(160) || chr(65279)"


class ColumnReader:
    """Reads the columns of a raw log that lies in the engine as a view; `mapping` is our name to the source's."""

    def __init__(self, raw: RawLog, *, view: str, mapping: dict[str, str], decimal: str | None = None) -> None:
        self.con, self.types = raw.con.con, dict(raw.table.schema().items())
        self.view, self.mapping, self.decimal = view, mapping, decimal
        self.notes: list[str] = []

    def _column(self, ours: str) -> tuple[str, Any]:
        theirs = self.mapping[ours]
        return quoted(theirs), self.types[theirs]

    def _all(self, condition: str) -> bool:
        """Return whether a condition holds in every row in which it is not NULL, and in at least one."""
        return bool(one_row(self.con, f"SELECT bool_and({condition}) FROM {self.view}")[0])

    def identifier(self, ours: str) -> str:
        """Whole numbers stay numbers, text is trimmed and otherwise left alone (leading zeros matter)."""
        column, kind = self._column(ours)
        if kind.is_integer() and str(kind) != "uint64":
            return f"{column}::BIGINT"
        if kind.is_numeric() and not kind.is_boolean():
            # A column with gaps becomes float in pandas: 17850.0 is customer 17850.
            finite = f"isfinite({column})" if kind.is_floating() else f"{column} IS NOT NULL"
            whole = f"{column} = floor({column}) AND abs({column}) < 9e18"
            if self._all(f"CASE WHEN {finite} THEN {whole} END"):
                return f"CASE WHEN {finite} THEN {column}::BIGINT END"
            return f"CASE WHEN {finite} THEN {column}::VARCHAR END"
        text = f"trim({column}::VARCHAR, {_BLANKS})"
        missing = ", ".join(f"'{m}'" for m in MISSING_IDS)
        known = f"CASE WHEN lower({text}) NOT IN ({missing}) THEN {text} END"
        if self._written_by_pandas(known):
            self.notes.append(f"{self.mapping[ours]}: ids such as 17850.0 were read as 17850.")
            return f"regexp_replace({known}, '\\.0$', '')"
        return known

    def _written_by_pandas(self, known: str) -> bool:
        pattern = r"^(0|[1-9]\d*)(\.0)?$"
        some = one_row(self.con, f"SELECT bool_or({known} LIKE '%.0') FROM {self.view}")[0]
        return bool(some) and self._all(f"regexp_matches({known}, '{pattern}')")

    def instant(self, ours: str, *, date_format: list[str] | None, time_zone: str) -> str:
        """Instants in the study's time zone; text is read in the given or found format."""
        column, kind = self._column(ours)
        if kind.is_timestamp():
            zoned = f"timezone('{time_zone}', {column}::TIMESTAMPTZ)"
            return f"{zoned}::TIMESTAMP" if kind.timezone else f"{column}::TIMESTAMP"
        if kind.is_date():
            return f"{column}::TIMESTAMP"
        if not (kind.is_string() or kind.is_integer()):
            raise DataError(
                f"{ours} must be dates. The column {self.mapping[ours]!r} holds {kind}. Check the column mapping."
            )
        read = read_dates(self.con, self.view, f"{column}::VARCHAR", formats=date_format, time_zone=time_zone)
        self._note(ours, read.note)
        return read.sql

    def number(self, ours: str) -> str:
        """Exact decimals; what is not a finite number becomes NULL."""
        column, kind = self._column(ours)
        if kind.is_string():
            read = read_amounts(self.con, self.view, column, decimal=self.decimal)
            self._note(ours, read.note)
            return read.sql
        if not kind.is_numeric() or kind.is_boolean():
            raise DataError(
                f"{ours} must be numbers. The column {self.mapping[ours]!r} holds {kind}. Check the column mapping."
            )
        return f"try_cast({column} AS DECIMAL(18, 4))"

    def amount(self, *, rate: str | None) -> str:
        """Money in the study's currency: the amount column, or quantity times unit price."""
        value = self.number("amount") if "amount" in self.mapping else self._priced()
        return value if rate is None else f"try_cast(try(({value})::DECIMAL(38, 4) * ({rate})) AS DECIMAL(18, 4))"

    def _priced(self) -> str:
        self.notes.append("Amounts are quantity times unit price.")
        quantity, price = (f"({self.number(n)})::DECIMAL(38, 4)" for n in ("quantity", "unit_price"))
        return f"try_cast(try({quantity} * {price}) AS DECIMAL(18, 4))"

    def kind(self) -> str:
        """Return order or return; NULL for a word we do not know."""
        if "order_kind" not in self.mapping:
            return "'order'"
        column, _ = self._column("order_kind")
        word = f"lower(trim({column}::VARCHAR))"
        return (
            f"CASE WHEN {word} IN ('order', 'sale') THEN 'order' WHEN {word} IN ('return', 'refund') THEN 'return' END"
        )

    def as_text(self, ours: str) -> str:
        """Return what the source says, as text; for a person who looks for the fault."""
        return f"{self._column(ours)[0]}::VARCHAR"

    def _note(self, ours: str, note: str | None) -> None:
        if note:
            self.notes.append(f"{self.mapping[ours]}: {note}")
