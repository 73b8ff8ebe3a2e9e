"""The contract between a shop's order log and everything else: clean orders, and every other row accounted for."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rfm_ml.core.errors import DataError
from rfm_ml.transactions.engine import literal, one_row, register
from rfm_ml.transactions.files import FILE_STRIDE, SOURCE, RawLog
from rfm_ml.transactions.policies import Policies
from rfm_ml.transactions.typed import COPIES, ORDER_TEXT, typed_select
from rfm_ml.transactions.waterfall import QUARANTINED, RANK, STEPS

LARGEST_AMOUNT = 1_000_000_000_000
"""A line of a trillion or more is a fault of the file: it counts as unreadable."""
LARGEST_ORDER = 100_000_000_000_000
"""What an order may sum to, so that amounts fit decimal(18, 4)."""

_SUMS = {n: f"min({n})" for n in ORDER_TEXT} | {"discount": "try_cast(sum(discount) AS DECIMAL(18, 4))"}


@dataclass(frozen=True)
class CleanLog:
    """Where a clean log lies: Parquet files of one folder, plus what a reader must be told.

    `orders` (one row per order), `lines` (one row per line, only if the log names products or categories),
    `rejected` (everything else, summed by step and order), `quarantine` (CSV with source rows and reasons).
    """

    folder: Path
    order_is_row: bool
    notes: tuple[str, ...]
    rows: int
    quarantined: int

    @property
    def orders(self) -> Path:
        """Parquet file of clean orders of any date."""
        return self.folder / "orders.parquet"

    @property
    def lines(self) -> Path | None:
        """Parquet file of clean order lines, None where the log names no products or categories."""
        path = self.folder / "lines.parquet"
        return path if path.exists() else None

    @property
    def rejected(self) -> Path:
        """Parquet file of what does not count, by step, customer and order."""
        return self.folder / "rejected.parquet"

    @property
    def quarantine(self) -> Path:
        """CSV file of the rows that could not be read, with reason and source row."""
        return self.folder / "quarantine.csv"

    def save(self) -> None:
        """Write what is not in the tables themselves, so that `load` finds it again."""
        facts = {k: v for k, v in asdict(self).items() if k != "folder"}
        (self.folder / "clean.json").write_text(json.dumps(facts, indent=1))

    @classmethod
    def load(cls, folder: Path) -> "CleanLog":
        """Open a clean log that `clean` has written."""
        facts = json.loads((folder / "clean.json").read_text())
        return cls(folder=folder, **{**facts, "notes": tuple(facts["notes"])})


def clean(
    raw: RawLog,
    folder: Path,
    *,
    columns: dict[str, str] | None = None,
    policies: Policies | None = None,
    date_format: list[str] | None = None,
    decimal: str | None = None,
    time_zone: str = "UTC",
) -> CleanLog:
    """Apply the contract to a raw log and write the clean tables.

    Parameters
    ----------
    raw
        A log from one of the sources.
    folder
        Where to write; must exist.
    columns
        Our name to the source's name; a column of our own name needs no entry.
    policies
        What to do with rows that are not plain orders.
    date_format, decimal
        How text is to be read; None to find out.
    time_zone
        Days are cut here; instants with an offset are brought here.

    Raises
    ------
    DataError
        If columns are missing, nothing is left, currencies are mixed without rates, or more rows than
        `unreadable_limit` cannot be read.
    """
    policies = policies or Policies()
    con = raw.con.con
    typed, notes, present = typed_select(
        raw, columns=columns or {}, policies=policies, date_format=date_format, decimal=decimal, time_zone=time_zone
    )
    order_is_row = "order_id" not in present
    _take_out_lines(con, typed, policies=policies)
    _sum_orders(con, policies=policies, present=present, order_is_row=order_is_row)
    rows, quarantined = _write_quarantine(con, raw, folder)
    _refuse_if_unreadable(con, rows=rows, quarantined=quarantined, limit=policies.unreadable_limit)
    _refuse_if_nothing_is_left(con, rows=rows, policies=policies)
    _write_tables(con, raw, folder, present=present)
    for table in ("_typed", "_orders"):
        con.execute(f"DROP TABLE {table}")
    log = CleanLog(folder, order_is_row, (*raw.notes, *notes), rows, quarantined)
    log.save()
    return log


def _take_out_lines(con: Any, typed: str, *, policies: Policies) -> None:
    """Type every row and give it the first step of the waterfall that takes it out, or none."""
    faults = {
        "date missing or unreadable": "ordered_at IS NULL",
        "date before the earliest credible day": f"ordered_at < TIMESTAMP '{policies.earliest.isoformat()}'",
        "amount missing or unreadable": "amount IS NULL",
        "unknown order kind": "line_kind IS NULL",
        "order id missing": "order_id IS NULL",
        "customer missing": "customer_id IS NULL",
    }
    if policies.returns == "drop":
        faults["return lines"] = "amount < 0"
    cases = " ".join(f"WHEN {condition} THEN {RANK[step]}" for step, condition in faults.items())
    # What the source says is kept only of rows that go to quarantine: text is what fills the memory.
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _typed AS SELECT * EXCLUDE (line_kind) REPLACE ("
        "CASE WHEN step IS NOT NULL THEN date_as_read END AS date_as_read, "
        "CASE WHEN step IS NOT NULL THEN amount_as_read END AS amount_as_read) "
        f"FROM (SELECT *, (CASE {cases} END)::UTINYINT AS step FROM (SELECT * REPLACE ("
        f"CASE WHEN abs(amount) >= {LARGEST_AMOUNT} THEN NULL WHEN line_kind = 'return' THEN -abs(amount) "
        f"ELSE amount END AS amount) FROM ({typed})))"
    )


def _sum_orders(con: Any, *, policies: Policies, present: set[str], order_is_row: bool) -> None:
    """Sum lines to orders; an order's instant is its first line's."""
    zero = "'zero'" if policies.zero_orders == "drop" else "'order'"
    negative = "'return'" if policies.returns == "net" else "'order'"
    facts = [n for n in _SUMS if n in present]
    if order_is_row:
        more = "".join(f", {name}" for name in facts)
        sums = (
            f"SELECT customer_id, order_id, ordered_at, amount, 1::BIGINT AS lines{more} FROM _typed WHERE step IS NULL"
        )
    else:
        more = "".join(f", {_SUMS[name]} AS {name}" for name in facts)
        sums = (
            "SELECT min(customer_id) AS customer_id, max(customer_id) AS other_customer, order_id, "
            "min(ordered_at) AS ordered_at, sum(amount) AS amount, count(*)::BIGINT AS lines"
            f"{more} FROM _typed WHERE step IS NULL GROUP BY order_id"
        )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _orders AS SELECT *, ordered_at::DATE AS ordered_on, "
        f"CASE WHEN amount = 0 THEN {zero} WHEN amount < 0 THEN {negative} ELSE 'order' END AS order_kind FROM ({sums})"
    )
    if not order_is_row:
        _take_out_shared(con)
    (largest,) = one_row(con, "SELECT max(abs(amount)) FROM _orders")
    if largest is not None and largest >= LARGEST_ORDER:
        raise DataError(
            f"The lines of an order must sum to less than {LARGEST_ORDER:,}. Got {largest:,.2f}. "
            "Are order_id and amount mapped to the right columns?"
        )


def _take_out_shared(con: Any) -> None:
    """Take out orders whose lines name several customers: nobody can say whose they are."""
    shared = "SELECT order_id FROM _orders WHERE customer_id <> other_customer"
    if one_row(con, f"SELECT count(*) FROM ({shared})")[0]:
        rank = RANK["order of several customers"]
        con.execute(f"UPDATE _typed SET step = {rank} WHERE step IS NULL AND order_id IN ({shared})")
        con.execute("DELETE FROM _orders WHERE customer_id <> other_customer")


def _write_quarantine(con: Any, raw: RawLog, folder: Path) -> tuple[int, int]:
    ranks = ", ".join(str(RANK[s]) for s in QUARANTINED)
    reasons = " ".join(f"WHEN {RANK[s]} THEN '{s}'" for s in QUARANTINED)
    names = "[" + ", ".join(literal(n) for n in raw.file_names) + "]"
    place = f"{names}[{SOURCE} // {FILE_STRIDE} + 1] AS source_file, {SOURCE} % {FILE_STRIDE} AS source_row"
    register(con, "_unreadable", pd.DataFrame(raw.unreadable, columns=[SOURCE, "reason"]).astype({SOURCE: "int64"}))
    con.execute(
        f"COPY (SELECT {place}, reason, copies, customer_id, order_id, ordered_at, amount FROM ("
        f"SELECT {SOURCE}, 'unreadable line: ' || reason::VARCHAR AS reason, 1 AS copies, NULL AS customer_id, "
        "NULL AS order_id, NULL AS ordered_at, NULL AS amount FROM _unreadable UNION ALL "
        f"SELECT {SOURCE}, CASE step {reasons} END, {COPIES}, customer_id::VARCHAR, order_id::VARCHAR, "
        "coalesce(date_as_read, ordered_at::VARCHAR), coalesce(amount_as_read, amount::VARCHAR) "
        f"FROM _typed WHERE step IN ({ranks})) ORDER BY {SOURCE}) TO {literal(str(folder / 'quarantine.csv'))} (HEADER)"
    )
    con.unregister("_unreadable")
    rows, bad = one_row(
        con, f"SELECT coalesce(sum({COPIES}), 0)::BIGINT, count(*) FILTER (step IN ({ranks})) FROM _typed"
    )
    return rows + len(raw.unreadable), bad + len(raw.unreadable)


def _refuse_if_unreadable(con: Any, *, rows: int, quarantined: int, limit: float) -> None:
    if rows == 0:
        raise DataError("The order log must have at least one row. It has a header and nothing else. Check the export.")
    if quarantined <= limit * rows:
        return
    steps = con.execute(
        "SELECT step, count(*) AS n, min(date_as_read), min(amount_as_read) FROM _typed "
        f"WHERE step IN ({', '.join(str(RANK[s]) for s in QUARANTINED)}) GROUP BY step ORDER BY n DESC, step LIMIT 3"
    ).fetchall()
    names = list(STEPS)
    reasons = "; ".join(
        f"{names[step]} in {n:,} rows" + (f" (for example date {day!r}, amount {amount!r})" if day or amount else "")
        for step, n, day, amount in steps
    )
    raise DataError(
        f"At most {limit:.0%} of the rows may be unreadable. {quarantined:,} of {rows:,} are: "
        f"{reasons or 'lines with too many or too few columns'}. "
        "Check the column mapping, separator, date_format and decimal in the params."
    )


def _refuse_if_nothing_is_left(con: Any, *, rows: int, policies: Policies) -> None:
    kinds = dict(con.execute("SELECT order_kind, count(*) FROM _orders GROUP BY 1").fetchall())
    if kinds.get("order"):
        return
    lines = con.execute(f"SELECT step, sum({COPIES}) FROM _typed WHERE step IS NOT NULL GROUP BY 1 ORDER BY 2 DESC")
    names = list(STEPS)
    counts = [f"{names[step]}: {n:,} rows" for step, n in lines.fetchall()]
    counts += [f"orders that sum to zero: {kinds['zero']:,}"] if kinds.get("zero") else []
    counts += [f"returns (negative totals): {kinds['return']:,}"] if kinds.get("return") else []
    advice = "Check the column mapping and the policies in the params."
    if kinds.get("return"):
        advice = "If the sign of the amounts is turned around in your export, set policies: {returns: keep} or turn it."
    raise DataError(
        f"At least one order must count. None of the {rows:,} rows makes one ({'; '.join(counts)}). {advice}"
    )


def _write_tables(con: Any, raw: RawLog, folder: Path, *, present: set[str]) -> None:
    extras = "".join(f", {name}" for name in _SUMS if name in present)
    con.execute(
        "COPY (SELECT customer_id, order_id, ordered_at, ordered_on, amount::DECIMAL(18, 4) AS amount, order_kind, "
        f"lines{extras} FROM _orders WHERE order_kind <> 'zero') TO {literal(str(folder / 'orders.parquet'))} "
        "(FORMAT parquet, COMPRESSION zstd)"
    )
    con.execute(
        "COPY (SELECT step::INTEGER AS step, customer_id, order_id, sum(rows)::BIGINT AS rows, "
        "coalesce(sum(amount), 0)::DECIMAL(38, 4) AS amount FROM ("
        "SELECT step, customer_id, order_id, 1 AS rows, amount::DECIMAL(38, 4) AS amount "
        "FROM _typed WHERE step IS NOT NULL UNION ALL "
        f"SELECT {RANK['exact duplicate lines']}, customer_id, order_id, {COPIES} - 1, "
        f"amount::DECIMAL(38, 4) * ({COPIES} - 1) FROM _typed WHERE {COPIES} > 1 UNION ALL "
        f"SELECT {RANK['zero orders']}, customer_id, order_id, lines, amount FROM _orders WHERE order_kind = 'zero' "
        f"UNION ALL SELECT {RANK['unreadable lines']}, NULL, NULL, {len(raw.unreadable)}, 0 "
        f"WHERE {len(raw.unreadable)} > 0) GROUP BY ALL) TO {literal(str(folder / 'rejected.parquet'))} "
        "(FORMAT parquet)"
    )
    if not present & {"product_id", "category"}:
        return
    facts = [n for n in ("quantity", "product_id", "category", *_SUMS) if n in present]
    con.execute(
        "COPY (SELECT _typed.customer_id, order_id, _orders.ordered_on, _typed.amount, _orders.order_kind, "
        f"{', '.join(f'_typed.{f}' for f in facts)} FROM _typed JOIN _orders USING (order_id) "
        f"WHERE step IS NULL AND _orders.order_kind <> 'zero') TO {literal(str(folder / 'lines.parquet'))} "
        "(FORMAT parquet, COMPRESSION zstd)"
    )
