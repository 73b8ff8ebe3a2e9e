"""The waterfall: from every row of the source to the rows that count, in steps that add up exactly."""

from datetime import date
from pathlib import Path
from typing import Any, Final

import pandas as pd

from rfm_ml.transactions.engine import literal, one_row

STEPS: Final[dict[str, str]] = {
    "gross": "every row of the source",
    "unreadable lines": "lines that could not be cut into columns (quarantined)",
    "exact duplicate lines": "copies of a line that is kept once",
    "date missing or unreadable": "quarantined",
    "date before the earliest credible day": "quarantined",
    "amount missing or unreadable": "no number, not finite, or a trillion and more (quarantined)",
    "unknown order kind": "quarantined",
    "order id missing": "quarantined",
    "customer missing": "lines nobody can be credited with",
    "return lines": "money given back, dropped by policy",
    "order of several customers": "orders whose lines name more than one customer (quarantined)",
    "zero orders": "orders whose lines sum to zero",
    "after the as-of day": "orders of later days",
    "returns without an order": "money given back to customers without an order up to the as-of day",
    "returns are not orders": "returns stay in the amount but do not count as orders",
    "net": "what every later stage is computed from",
}
"""Steps in the order in which they are taken, with what each means."""

QUARANTINED: Final = (
    "unreadable lines",
    "date missing or unreadable",
    "date before the earliest credible day",
    "amount missing or unreadable",
    "unknown order kind",
    "order id missing",
    "order of several customers",
)
"""Steps whose rows are written to the quarantine file."""

RANK: Final = {step: rank for rank, step in enumerate(STEPS)}


def waterfall(con: Any, orders: Path, rejected: Path, *, as_of: date, order_is_row: bool = False) -> pd.DataFrame:
    """Count what happened to every row of the source, as of a day.

    Parameters
    ----------
    con
        DuckDB connection.
    orders, rejected
        Parquet files written by `contract.clean`.
    as_of
        Orders after this day do not count.
    order_is_row
        True if the source has no order id, so that every row is an order.

    Returns
    -------
    One row per step that happened, from `gross` to `net`, with `step, rows, orders, customers, amount`
    (amount in currency, exact decimals). The steps between the two are changes: gross plus all of them is net.
    """
    steps = {"later": "after the as-of day", "alone": "returns without an order", "net": "net"}
    ranks = {name: RANK[step] for name, step in steps.items()}
    paths = {"orders": literal(str(orders)), "rejected": literal(str(rejected))}
    con.execute(_EVENTS.format(**paths, as_of=as_of.isoformat(), **ranks))
    by_order = _ROWS if order_is_row else _ORDERS
    ends = {
        column: dict(con.execute(query).fetchall())
        for column, query in {"rows": _ROWS, "orders": by_order, "customers": _CUSTOMERS, "amount": _AMOUNT}.items()
    }
    (returned,) = one_row(
        con, f"SELECT count(*) FROM _events WHERE step = {RANK['net']} AND kept AND order_kind = 'return'"
    )
    con.execute("DROP TABLE _events")
    return _as_steps(ends, returned=returned)


def _as_steps(ends: dict[str, dict[int, Any]], *, returned: int) -> pd.DataFrame:
    """Turn how much ends at each step into gross, changes and net; amounts are exact until the last line."""
    rows = []
    for step, rank in RANK.items():
        values = {column: -counts.get(rank, 0) for column, counts in ends.items()}
        if step == "gross":
            values = {column: sum(counts.values()) for column, counts in ends.items()}
        if step == "returns are not orders":
            values["orders"] = -returned
        if step == "net":
            values = {column: -value for column, value in values.items()}
            values["orders"] -= returned
        if any(values.values()) or step in ("gross", "after the as-of day", "net"):
            rows.append({"step": step, **values})
    types = {"rows": "int64", "orders": "int64", "customers": "int64", "amount": "float64"}
    return pd.DataFrame(rows).astype(types)


_EVENTS = """
CREATE OR REPLACE TEMP TABLE _events AS
WITH orders AS (SELECT * FROM read_parquet({orders})),
buyers AS (
    SELECT DISTINCT customer_id FROM orders WHERE order_kind = 'order' AND ordered_on <= DATE '{as_of}'
)
SELECT
    CASE
        WHEN ordered_on > DATE '{as_of}' THEN {later}
        WHEN order_kind = 'return' AND customer_id NOT IN (SELECT customer_id FROM buyers) THEN {alone}
        ELSE {net}
    END AS step,
    customer_id, order_id, order_kind, lines AS rows, amount::DECIMAL(38, 4) AS amount, TRUE AS kept
FROM orders
UNION ALL
SELECT step, customer_id, order_id, NULL, rows, amount::DECIMAL(38, 4), FALSE
FROM read_parquet({rejected})
"""

_ROWS = "SELECT step, sum(rows)::BIGINT FROM _events GROUP BY step"

_AMOUNT = "SELECT step, sum(amount) FROM _events GROUP BY step"

_ORDERS = """
SELECT step, count(*) FROM _events WHERE kept GROUP BY step
UNION ALL BY NAME
SELECT step, count(*) FROM (
    SELECT order_id, max(step) AS step FROM _events WHERE NOT kept AND order_id IS NOT NULL
    AND order_id NOT IN (SELECT order_id FROM _events WHERE kept) GROUP BY order_id
) GROUP BY step
"""

_CUSTOMERS = """
SELECT step, count(*) FROM (
    SELECT customer_id, max(step) AS step FROM _events WHERE customer_id IS NOT NULL GROUP BY customer_id
) GROUP BY step
"""
