"""Time the customers table against a hand-written query, lifetimes and pandas, on the same rows.

Run `python benchmarks/customer_table.py --help`; benchmarks/README.md says what is measured.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

AS_OF = "2023-12-31"
CUSTOMERS_PER_ORDER = 0.1
TARGETS = {"hand-written": 1.2, "lifetimes": 6.0, "peak GB": 1.5}

HAND_WRITTEN = """
WITH days AS (
    SELECT customer_id, ordered_on, count(*) FILTER (order_kind <> 'return') AS orders, sum(amount) AS amount
    FROM read_parquet('{path}') WHERE ordered_on <= DATE '{as_of}' GROUP BY ALL
), customers AS (
    SELECT customer_id,
        min(ordered_on) FILTER (orders > 0) AS first_order_on,
        max(ordered_on) FILTER (orders > 0) AS last_order_on,
        sum(orders) AS orders, sum(amount) AS spend,
        sum(orders) FILTER (ordered_on > DATE '{as_of}' - 365) AS year_orders,
        sum(amount) FILTER (ordered_on > DATE '{as_of}' - 365) AS year_spend,
        count(*) FILTER (orders > 0) - 1 AS repeat_orders,
        sum(amount) FILTER (orders > 0) AS order_day_amount,
        arg_min(amount, ordered_on) FILTER (orders > 0) AS first_day_amount
    FROM days GROUP BY customer_id
)
SELECT customer_id, DATE '{as_of}' - last_order_on AS recency_days, orders::BIGINT AS orders, spend::DOUBLE AS spend,
    coalesce(year_orders, 0)::DOUBLE AS orders_per_year, coalesce(year_spend, 0)::DOUBLE AS spend_per_year,
    first_order_on, last_order_on, DATE '{as_of}' - first_order_on AS age_days, repeat_orders,
    last_order_on - first_order_on AS active_days,
    CASE WHEN repeat_orders > 0 THEN (order_day_amount - first_day_amount)::DOUBLE / repeat_orders ELSE 0 END
        AS mean_repeat_value
FROM customers WHERE first_order_on IS NOT NULL {order_by}
"""


def generate(path: Path, *, rows: int, ids: str) -> None:
    """Write a seeded log of one tenth as many customers as orders; one order in 33 is a return."""
    import duckdb

    customers = max(1, int(rows * CUSTOMERS_PER_ORDER))
    key = f"(hash(i, 1) % {customers})::BIGINT"
    key = key if ids == "int" else f"printf('C%010d', {key})"
    sign = "CASE WHEN hash(i, 4) % 33 = 0 THEN -1 ELSE 1 END"
    duckdb.sql(f"""
        COPY (
            SELECT {key} AS customer_id, i AS order_id, ordered_at, ordered_at::DATE AS ordered_on,
                ({sign} * (1 + hash(i, 3) % 20000) / 100)::DECIMAL(18, 4) AS amount,
                CASE WHEN hash(i, 4) % 33 = 0 THEN 'return' ELSE 'order' END AS order_kind
            FROM (SELECT i, TIMESTAMP '2021-01-01' + to_seconds((hash(i, 2) % (1095 * 86400))::BIGINT) AS ordered_at
                  FROM range({rows}) AS r(i))
        ) TO '{path}' (FORMAT parquet)
    """)


def ours(path: Path) -> Callable[[], object]:
    import ibis

    from rfm_ml.customers import customer_table

    orders = ibis.duckdb.connect().read_parquet(path)
    return lambda: customer_table(orders, as_of=AS_OF, with_features=False)


def ours_with_features(path: Path) -> Callable[[], object]:
    import ibis

    from rfm_ml.customers import customer_table

    orders = ibis.duckdb.connect().read_parquet(path)
    return lambda: customer_table(orders, as_of=AS_OF)


def hand_written(path: Path, *, order_by: str = "") -> Callable[[], object]:
    import duckdb

    con = duckdb.connect()
    query = HAND_WRITTEN.format(path=path, as_of=AS_OF, order_by=order_by)
    return lambda: con.sql(query).to_arrow_table().to_pandas()


def hand_written_sorted(path: Path) -> Callable[[], object]:
    return hand_written(path, order_by="ORDER BY customer_id")


def lifetimes(path: Path) -> Callable[[], object]:
    """Compute only x, t_x, T and m; the frame is read and its types converted beforehand."""
    import pandas as pd
    from lifetimes.utils import summary_data_from_transaction_data

    frame = pd.read_parquet(path, columns=["customer_id", "ordered_on", "amount"])
    frame["amount"] = frame["amount"].astype("float64")
    frame["ordered_on"] = pd.to_datetime(frame["ordered_on"])
    arguments = {"monetary_value_col": "amount", "observation_period_end": AS_OF}
    return lambda: summary_data_from_transaction_data(frame, "customer_id", "ordered_on", **arguments)


def lifetimes_from_parquet(path: Path) -> Callable[[], object]:
    return lambda: lifetimes(path)()


def pandas_groupby(path: Path) -> Callable[[], object]:
    """Compute the plain columns with two group-bys, reading included, amounts as floats."""
    import pandas as pd

    def run() -> pd.DataFrame:
        frame = pd.read_parquet(path, columns=["customer_id", "ordered_on", "amount", "order_kind"])
        frame = frame.assign(
            amount=frame["amount"].astype("float64"),
            ordered_on=pd.to_datetime(frame["ordered_on"]),
            orders=(frame.pop("order_kind") == "order").astype("int64"),
        )
        days = frame.groupby(["customer_id", "ordered_on"], as_index=False)[["amount", "orders"]].sum()
        recent = days["ordered_on"] > pd.Timestamp(AS_OF) - pd.Timedelta(days=365)
        days = days.assign(year_orders=days["orders"].where(recent, 0), year_spend=days["amount"].where(recent, 0.0))
        totals = days.groupby("customer_id")[["orders", "amount", "year_orders", "year_spend"]].sum()
        by_customer = days[days["orders"] > 0].groupby("customer_id")
        dates = by_customer["ordered_on"].agg(["min", "max", "count"])
        money = by_customer["amount"].agg(["sum", "first"])
        repeats = dates["count"] - 1
        return dates.assign(
            repeat_orders=repeats,
            mean_repeat_value=((money["sum"] - money["first"]) / repeats.where(repeats > 0)).fillna(0.0),
            recency_days=(pd.Timestamp(AS_OF) - dates["max"]).dt.days,
            age_days=(pd.Timestamp(AS_OF) - dates["min"]).dt.days,
            active_days=(dates["max"] - dates["min"]).dt.days,
        ).join(totals)

    return run


CONTENDERS: dict[str, Callable[[Path], Callable[[], object]]] = {
    "ours": ours,
    "hand-written": hand_written,
    "hand-written, sorted": hand_written_sorted,
    "pandas": pandas_groupby,
    "lifetimes": lifetimes,
    "lifetimes, reading": lifetimes_from_parquet,
    "ours, with features": ours_with_features,
}


def time_all(path: Path, *, repeats: int) -> dict[str, list[float]]:
    """Time every contender in this process, taking turns, so that noise hits all of them alike."""
    runs = {name: prepare(path) for name, prepare in CONTENDERS.items()}
    for run in runs.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def peak_gb(name: str, *, path: Path) -> float:
    """Run one contender twice in this process and return the peak memory of all of it."""
    run = CONTENDERS[name](path)
    run()
    run()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def in_a_fresh_process(*arguments: str) -> Any:
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(path: Path, *, repeats: int) -> dict[str, dict[str, float]]:
    seconds = in_a_fresh_process("--path", str(path), "--repeats", str(repeats))
    return {
        name: {
            "seconds": statistics.median(seconds[name]),
            "best": min(seconds[name]),
            "peak": in_a_fresh_process("--path", str(path), "--peak-of", name),
        }
        for name in CONTENDERS
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000], help="sizes of the log")
    parser.add_argument("--repeats", type=int, default=5, help="timed runs of each, after one that is not timed")
    parser.add_argument("--ids", choices=["int", "text"], default="int", help="kind of customer_id")
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--peak-of", choices=list(CONTENDERS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # those of lifetimes and ibis about newer pandas and DuckDB
    if options.peak_of:
        print(peak_gb(options.peak_of, path=options.path))
    elif options.path:
        print(json.dumps(time_all(options.path, repeats=options.repeats)))
    else:
        compare(sorted(options.rows), repeats=options.repeats, ids=options.ids)


def compare(sizes: list[int], *, repeats: int, ids: str) -> None:
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for rows in sizes:
            path = Path(folder) / f"{rows}.parquet"
            generate(path, rows=rows, ids=ids)
            results[rows] = measure(path, repeats=repeats)
            report(results[rows], rows=rows, ids=ids)
    verdicts(results, sizes=sizes)


def report(results: dict[str, dict[str, float]], *, rows: int, ids: str) -> None:
    print(f"\n{rows:,} order rows, {ids} ids")
    print(f"{'':22}{'median s':>10}{'best s':>10}{'peak GB':>10}{'x ours':>10}")
    for name in CONTENDERS:
        r = results[name]
        ratio = r["seconds"] / results["ours"]["seconds"]
        print(f"{name:22}{r['seconds']:10.2f}{r['best']:10.2f}{r['peak']:10.2f}{ratio:10.2f}", flush=True)


def verdicts(results: dict[int, dict[str, dict[str, float]]], *, sizes: list[int]) -> None:
    small, big = sizes[0], sizes[-1]
    mine = results[big]["ours"]
    against_hand = mine["seconds"] / results[big]["hand-written"]["seconds"]
    against_lifetimes = results[big]["lifetimes"]["seconds"] / mine["seconds"]
    against_reading = results[big]["lifetimes, reading"]["seconds"] / mine["seconds"]
    growth = mine["seconds"] / results[small]["ours"]["seconds"]
    print(f"\nTargets, at {big:,} rows")
    lines = [
        ("time / hand-written query", against_hand, "<=", TARGETS["hand-written"]),
        ("lifetimes / our time", against_lifetimes, ">=", TARGETS["lifetimes"]),
        ("lifetimes, reading / our time", against_reading, ">=", TARGETS["lifetimes"]),
        ("peak memory in GB", mine["peak"], "<=", TARGETS["peak GB"]),
    ]
    if big > small:
        lines.append((f"growth from {small:,} rows", growth, "<=", big / small))
    for what, found, sign, target in lines:
        met = found <= target if sign == "<=" else found >= target
        print(f"{what:34}{found:8.2f}  {sign} {target:<6g} {'met' if met else 'MISSED'}")


if __name__ == "__main__":
    main()
