"""Measure how often the intervals of a campaign's lift hold the effect planted in the synthetic webshop.

    python benchmarks/lift_coverage.py                            # 100 shops of 100,000 order lines
    python benchmarks/lift_coverage.py --seeds 10 --rows 20000

Every shop has six campaigns with a held-out fifth. Its log is cleaned as a study's is; then, per campaign and over all
six, incremental orders and spend (net of returns) of the 28 days from sending are compared with the planted truth:

- planted: the expected effect, treated customers times the probability of an extra order (times its expected value);
- came out: the extra orders that were drawn, with their value. The held-out customers are a sample all the same.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from rfm_ml.customers import customer_days
from rfm_ml.customers.windows import window_sums
from rfm_ml.experiments.cuped import cuped
from rfm_ml.experiments.lift import Lift, bootstrap_lift, welch_lift
from rfm_ml.transactions.contract import clean
from rfm_ml.transactions.policies import Policies
from rfm_ml.transactions.sources import connect, dataset_source

WINDOWS = {"after": (0, 28), "before": (-182, 0)}
OUTCOMES = {"orders": "orders", "spend": "amount"}


def planted(campaign: dict, *, outcome: str) -> dict[str, float]:
    """Return the planted effect of a campaign on all its treated customers, expected and drawn."""
    levels = campaign["levels"]
    value = {"orders": [1.0] * len(levels), "spend": [v["extra_order_value"] for v in levels]}[outcome]
    expected = sum(v["treated"] * v["extra_order_probability"] * worth for v, worth in zip(levels, value, strict=True))
    return {"planted": expected, "came out": float(sum(v[f"extra_{OUTCOMES[outcome]}"] for v in levels))}


def lifts(values: np.ndarray, past: np.ndarray, treated: np.ndarray, *, bootstrap: bool) -> dict[str, Lift]:
    """Return the lift by each method."""
    adjusted = cuped(values, past).values
    found = {"Welch": welch_lift(values, treated), "Welch on CUPED": welch_lift(adjusted, treated)}
    return found | ({"bootstrap on CUPED": bootstrap_lift(adjusted, treated, repeats=500)} if bootstrap else {})


def one_shop(folder: Path, *, rows: int, seed: int, bootstrap: bool) -> Iterator[dict]:
    """Yield, per campaign, outcome and method, the total lift with its interval and the truth."""
    con = connect(folder / "spill", memory_gb=2, threads=1)
    source = dataset_source("webshop", folder, rows=rows, seed=seed)
    shop = source.files[0].parent
    (folder / "clean").mkdir()
    options = {"date_format": None, "decimal": None, "time_zone": "Europe/Berlin"}
    log = clean(source.load(con), folder / "clean", columns=source.columns, policies=Policies(), **options)
    days = customer_days(con.read_parquet(str(log.orders)))
    sent = pd.read_parquet(shop / "campaigns.parquet")
    for campaign in json.loads((shop / "truth.json").read_text())["campaigns"]:
        who = sent[sent["campaign_id"] == campaign["campaign_id"]].reset_index(drop=True)
        treated = (who["group"] == "treatment").to_numpy()
        targets = who[["customer_id"]].assign(day=who["sent_at"].dt.normalize())
        sums = window_sums(days, targets, windows=WINDOWS)
        past = sums[["before_orders", "before_spend"]].to_numpy(dtype=float)
        for outcome in OUTCOMES:
            values = sums[f"after_{outcome}"].to_numpy(dtype=float)
            for method, lift in lifts(values, past, treated, bootstrap=bootstrap).items():
                yield {
                    "seed": seed,
                    "campaign": campaign["campaign_id"],
                    "outcome": outcome,
                    "method": method,
                    "total": lift.difference * lift.treated,
                    "error": lift.standard_error * lift.treated,
                    "low": lift.low * lift.treated,
                    "high": lift.high * lift.treated,
                    **planted(campaign, outcome=outcome),
                }


def over_all_campaigns(found: pd.DataFrame) -> pd.DataFrame:
    """Sum the campaigns of each shop; their lots are independent, so variances add."""
    keys = ["seed", "outcome", "method"]
    sums = found.assign(square=found["error"] ** 2).groupby(keys)[["total", "square", "planted", "came out"]].sum()
    reach = 1.959964 * np.sqrt(sums["square"])
    every = sums.assign(campaign="all six", low=sums["total"] - reach, high=sums["total"] + reach)
    return every.reset_index()


def coverage(found: pd.DataFrame) -> pd.DataFrame:
    """Return, per outcome, method and campaign, how many shops' intervals held the truth."""
    every = pd.concat([found, over_all_campaigns(found)], ignore_index=True)
    for truth in ("planted", "came out"):
        every[f"holds {truth}"] = (every["low"] <= every[truth]) & (every[truth] <= every["high"])
    every["bias"] = every["total"] - every["planted"]
    every["width"] = every["high"] - every["low"]
    by = every.groupby(["outcome", "method", "campaign"])
    named = {"shops": ("seed", "size"), "holds planted": ("holds planted", "sum")}
    named |= {"holds what came out": ("holds came out", "sum"), "planted": ("planted", "mean")}
    return by.agg(**named, bias=("bias", "mean"), width=("width", "mean")).reset_index()


def measure(*, seeds: int, rows: int, first: int = 1, bootstrap: bool = False) -> pd.DataFrame:
    """Return the coverage over so many shops."""
    found: list[dict] = []
    for seed in range(first, first + seeds):
        with tempfile.TemporaryDirectory() as name:
            found += one_shop(Path(name), rows=rows, seed=seed, bootstrap=bootstrap)
    return coverage(pd.DataFrame(found))


def main() -> None:
    """Measure the coverage and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--bootstrap", action="store_true", help="bootstrap intervals as well, which takes far longer")
    options = parser.parse_args()
    table = measure(**vars(options))
    print(table.round(2).to_string(index=False))


if __name__ == "__main__":
    main()
