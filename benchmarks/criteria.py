"""Time ten criteria counted at once on a large log: seconds and peak memory.

Run `python benchmarks/criteria.py --help`; benchmarks/README.md says what is measured.
"""

import argparse
import resource
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb
from customer_table import generate  # the same log

AS_OF = date(2023, 12, 31)
CRITERIA = {
    "lately": {"orders": {"within_days": 90}},
    "often": {"orders": {"count": ">= 3", "within_days": 365}},
    "spenders": {"orders": {"spend": ">= 500", "within_days": 365}},
    "large": {"orders": {"largest_order": ">= 100"}},
    "average": {"orders": {"mean_order_value": "between 20 and 50", "from": date(2023, 1, 1)}},
    "new": {"first_order": {"days_ago": "< 30"}},
    "silent": {"all": [{"orders": {"count": ">= 2"}}, {"not": {"orders": {"within_days": 180}}}]},
    "visitors": {"events": {"kind": "visit", "source": ["advert", "search"], "within_days": 30}},
    "left_carts": {
        "all": [{"events": {"kind": "cart_abandon", "within_days": 14}}, {"not": {"orders": {"within_days": 14}}}]
    },
    "either": {"any": [{"orders": {"last_days_ago": "<= 7"}}, {"events": {"kind": "email_click", "count": ">= 3"}}]},
}


def generate_events(path: Path, *, orders: Path) -> None:
    """Write one event an order, within the hundred days before it."""
    duckdb.execute(
        f"COPY (SELECT customer_id, ordered_on::TIMESTAMP - to_days(number % 100) AS event_at, "
        "['visit', 'visit', 'visit', 'email_click', 'cart_abandon'][number % 5 + 1] AS kind, "
        "['google', 'newsletter', NULL][number % 3 + 1] AS utm_source, "
        "['cpc', 'email', NULL][number % 3 + 1] AS utm_medium "
        f"FROM (SELECT *, row_number() OVER () AS number FROM '{orders}')) TO '{path}' (FORMAT parquet)"
    )


def count(orders: Path, events: Path) -> dict[str, int]:
    import ibis

    from rfm_ml.criteria import count_members, membership, parse_criteria

    con = ibis.duckdb.connect()
    tables = {"orders": con.read_parquet(orders), "events": con.read_parquet(events)}
    parsed = {name: parse_criteria(given) for name, given in CRITERIA.items()}
    return count_members(membership(parsed, tables, as_of=AS_OF), list(parsed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        orders, events = Path(folder) / "orders.parquet", Path(folder) / "events.parquet"
        generate(orders, rows=asked.rows, ids="int")
        generate_events(events, orders=orders)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        for _ in range(asked.repeats):
            start = time.perf_counter()
            found = count(orders, events)
            print(f"{time.perf_counter() - start:.1f} s for {len(found)} segments of {asked.rows:,} orders and events")
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2:.1f} GB ({before:.1f} GB before)")
    for name, number in found.items():
        print(f"{name:12}{number:>12,}")


if __name__ == "__main__":
    main()
