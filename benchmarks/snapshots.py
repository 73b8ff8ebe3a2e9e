"""Time the customers table at 24 month-ends against one such table, on the same rows.

Run `python benchmarks/snapshots.py --help`; benchmarks/README.md says what is measured.
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
from datetime import date
from pathlib import Path
from typing import Any

from customer_table import generate  # the same log

TARGET = 3.0
MONTHS = 24


def month_ends() -> list[date]:
    import pandas as pd

    return [d.date() for d in pd.date_range(end="2023-12-31", periods=MONTHS, freq="ME")]


def one(path: Path) -> Callable[[], object]:
    import ibis

    from rfm_ml.customers import customer_table

    orders = ibis.duckdb.connect().read_parquet(path)
    return lambda: customer_table(orders, as_of=month_ends()[-1], with_features=False)


def all_months(path: Path) -> Callable[[], object]:
    import ibis

    from rfm_ml.customers import each_snapshot

    orders = ibis.duckdb.connect().read_parquet(path)
    return lambda: sum(len(frame) for _, frame in each_snapshot(orders, as_of=month_ends()))


def one_frame(path: Path) -> Callable[[], object]:
    import ibis

    from rfm_ml.customers import snapshots

    orders = ibis.duckdb.connect().read_parquet(path)
    return lambda: len(snapshots(orders, as_of=month_ends()))


def loop(path: Path) -> Callable[[], object]:
    import ibis

    from rfm_ml.customers import customer_table

    orders = ibis.duckdb.connect().read_parquet(path)
    return lambda: [len(customer_table(orders, as_of=d, with_features=False)) for d in month_ends()]


CONTENDERS = {"one table": one, "24 month-ends": all_months, "24 in one frame": one_frame, "24 tables in a loop": loop}


def time_all(path: Path, *, repeats: int, names: list[str]) -> dict[str, list[float]]:
    """Time the contenders in this process, taking turns, after one run each without the clock."""
    runs = {name: CONTENDERS[name](path) for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def in_a_fresh_process(*arguments: str) -> Any:
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(*, rows: int, repeats: int, ids: str, with_loop: bool) -> None:
    names = [n for n in CONTENDERS if with_loop or n != "24 tables in a loop"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.parquet"
        generate(path, rows=rows, ids=ids)
        asked = ["--path", str(path), "--repeats", str(repeats), *(["--loop"] if with_loop else [])]
        seconds = in_a_fresh_process(*asked)
        peaks = {n: in_a_fresh_process("--path", str(path), "--peak-of", n) for n in names}
    print(f"\n{rows:,} order rows, {ids} ids\n{'':22}{'median s':>10}{'best s':>10}{'peak GB':>10}{'x one':>10}")
    base = statistics.median(seconds["one table"])
    for name in names:
        median = statistics.median(seconds[name])
        print(f"{name:22}{median:10.2f}{min(seconds[name]):10.2f}{peaks[name]:10.2f}{median / base:10.2f}")
    ratio = statistics.median(seconds["24 month-ends"]) / base
    print(f"\nTarget: 24 month-ends / one table {ratio:.2f} <= {TARGET:g} {'met' if ratio <= TARGET else 'MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="order rows; a tenth as many customers")
    parser.add_argument("--repeats", type=int, default=5, help="timed runs of each, after one that is not timed")
    parser.add_argument("--ids", choices=["int", "text"], default="int", help="kind of customer_id")
    parser.add_argument("--loop", action="store_true", help="also time 24 tables in a loop")
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--peak-of", choices=list(CONTENDERS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # those of ibis about newer pandas and DuckDB
    if options.peak_of:
        CONTENDERS[options.peak_of](options.path)()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9)
    elif options.path:
        names = [n for n in CONTENDERS if options.loop or n != "24 tables in a loop"]
        print(json.dumps(time_all(options.path, repeats=options.repeats, names=names)))
    else:
        compare(rows=options.rows, repeats=options.repeats, ids=options.ids, with_loop=options.loop)


if __name__ == "__main__":
    main()
