"""Write lists of two lengths for every destination: seconds a million contacts, and peak memory of each.

Run `python benchmarks/lists.py --help`; benchmarks/README.md says what is measured.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BATCH_ROWS = 50_000
TARGET = 1.2
MISFITS = {"linkedin": {"maximum": None, "max_bytes": None}}
"""Limits lifted for the measurement: LinkedIn takes 300,000 rows."""


def contacts(rows: int) -> Iterator[Any]:
    """Make batches of contacts as they come: different addresses, a tenth without a usable one."""
    import pyarrow as pa

    for start in range(0, rows, BATCH_ROWS):
        ids = range(start, min(start + BATCH_ROWS, rows))
        yield pa.record_batch(
            {
                "customer_id": [f"C{k:09d}" for k in ids],
                "email": [f"customer.{k}@example.com" if k % 10 else "none" for k in ids],
                "phone": [f"+49171{k:07d}" if k % 3 else None for k in ids],
                "first_name": [("Anna", "Zoë", "Jürgen", "-")[k % 4] for k in ids],
                "last_name": [("Müller", "O'Brien", "van Dijk")[k % 3] for k in ids],
                "country": [("DE", "FR", "US")[k % 3] for k in ids],
                "zip": [("10115", "75001", "94103-1234")[k % 3] for k in ids],
                "city": [("Köln", "Paris", "San Francisco")[k % 3] for k in ids],
                "consent_ads": [k % 5 > 0 for k in ids],
                "consent_sms": [k % 2 > 0 for k in ids],
                "segment": [("Champions", "Loyal", "Lost")[k % 3] for k in ids],
                "value": [k / 8 for k in ids],
                "product_1": [f"P{k % 500:04d}" for k in ids],
            }
        )


def write(name: str, *, rows: int) -> dict[str, float]:
    """Write one list in this process; a short one before, so that what is imported does not count as time."""
    from rfm_ml.campaigns.destinations import DESTINATIONS, make_destination

    for limit, value in MISFITS.get(name, {}).items():
        setattr(DESTINATIONS[name], limit, value)
    with tempfile.TemporaryDirectory() as folder:
        make_destination(name).write(contacts(1_000), Path(folder) / "before", audience="x")
        start = time.perf_counter()
        written = make_destination(name).write(contacts(rows), Path(folder) / "list", audience="x")
        seconds = time.perf_counter() - start
    assert written.rows_in == written.rows + written.rejected + written.merged + written.below_minimum == rows
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return {"seconds": seconds, "peak": peak, "rows": written.rows}


def in_a_fresh_process(name: str, *, rows: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--only", name, "--rows", str(rows)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    from rfm_ml.campaigns.destinations import DESTINATIONS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="contacts of the long list; the short one: a tenth")
    parser.add_argument("--formats", nargs="+", choices=list(DESTINATIONS), default=list(DESTINATIONS))
    parser.add_argument("--only", choices=list(DESTINATIONS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(write(options.only, rows=options.rows)))
        return
    print(f"{'':22}{'s/million':>10}{'peak MB':>10}{'x a tenth':>10}{'x seconds':>10}")
    for name in options.formats:
        short, long = (in_a_fresh_process(name, rows=rows) for rows in (options.rows // 10, options.rows))
        growth = long["peak"] / short["peak"]
        print(
            f"{name:22}{long['seconds'] / options.rows * 1e6:10.1f}{long['peak']:10.0f}{growth:10.2f}"
            f"{long['seconds'] / short['seconds']:10.1f}  {'met' if growth <= TARGET else 'MISSED'}",
            flush=True,
        )


if __name__ == "__main__":
    main()
