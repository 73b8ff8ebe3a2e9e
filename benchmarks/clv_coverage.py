"""Measure how often the models' intervals hold the truth, on synthetic customers with known parameters.

    python benchmarks/clv_coverage.py                 # about two minutes
    python benchmarks/clv_coverage.py --repeats 50

Three kinds of interval: of parameters (standard errors from the exact Hessian), of what a single customer orders
(exact predictive distribution at the fitted parameters; "promised" is the mean probability the intervals state, above
the level because orders are whole numbers), and of a segment's total (parametric bootstrap).
"""

import argparse
from typing import Any

import numpy as np
import pandas as pd

from rfm_ml.models import BetaGeo, ModifiedBetaGeo, ParetoNBD
from rfm_ml.models.intervals import draw_orders, segment_totals

TRUTHS: dict[Any, dict[str, float]] = {
    BetaGeo: {"r": 0.24, "alpha": 31.0, "a": 0.79, "b": 2.4},
    ModifiedBetaGeo: {"r": 0.52, "alpha": 43.0, "a": 0.89, "b": 1.6},
    ParetoNBD: {"r": 0.55, "alpha": 74.0, "s": 0.61, "beta": 82.0},
}
HORIZON = 180.0
COLUMNS = ("repeat_orders", "active_days", "age_days")


def one_draw(kind: Any, size: int, rng: np.random.Generator) -> tuple[Any, pd.DataFrame, np.ndarray]:
    """Return the truth, customers drawn from it, and what they order in the horizon."""
    truth = kind()
    truth.params_ = pd.Series(TRUTHS[kind])
    customers = truth.simulate(rng.integers(150, 366, size).astype(float), rng=rng)
    rows = tuple(customers[c].to_numpy(float) for c in COLUMNS)
    return truth, customers.assign(customer_id=np.arange(size)), draw_orders(truth, rows, horizon=HORIZON, rng=rng)


def promised(model: Any, customers: pd.DataFrame, ends: pd.DataFrame) -> float:
    """Return the mean probability that the intervals say they hold."""
    x, T = (customers[c].to_numpy(float) for c in ("repeat_orders", "age_days"))
    alive = ends["p_alive"].to_numpy()

    def at_least(n: pd.Series) -> np.ndarray:
        return np.where(n <= 0, 1.0, alive * model._at_least(np.maximum(n.to_numpy(), 1.0), x, T, HORIZON))

    return float((at_least(ends["orders_low"]) - at_least(ends["orders_high"] + 1)).mean())


def measure(kind: Any, *, repeats: int, size: int, level: float) -> dict[str, Any]:
    """Return the shares of intervals that held, for one model."""
    rng = np.random.default_rng(2024)
    held: dict[str, list[float]] = {"parameters": [], "customers": [], "promised": [], "repeaters": [], "totals": []}
    for repeat in range(repeats):
        truth, customers, done = one_draw(kind, size, rng)
        model = kind().fit(customers)
        table = model.summary(level=level)
        inside = (table["low"] <= truth.params_) & (truth.params_ <= table["high"])
        held["parameters"].append(inside.mean())
        ends = model.predict(customers, horizon_days=HORIZON, level=level)
        inside = (ends["orders_low"] <= done) & (done <= ends["orders_high"])
        held["customers"].append(inside.mean())
        held["promised"].append(promised(model, customers, ends))
        held["repeaters"].append(inside[customers["repeat_orders"] >= 3].mean())
        if repeat % 4 == 0:  # each of these fits the model 100 times
            segments = customers["repeat_orders"].clip(upper=2)
            total = pd.Series(done).groupby(segments).sum()
            sums = segment_totals(
                model, customers, horizon_days=HORIZON, segments=segments, level=level, draws=100, random_state=repeat
            )
            inside = (sums["orders_low"] <= total) & (total <= sums["orders_high"])
            held["totals"].append(inside.mean())
    means = {name: float(np.mean(values)) for name, values in held.items()}
    return {"model": kind.__name__, "level": level, "samples": repeats, "customers_each": size, **means}


def main() -> None:
    """Measure the coverage of all three models and print it as one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument("--level", type=float, default=0.9)
    options = parser.parse_args()
    rows = [measure(k, repeats=options.repeats, size=options.customers, level=options.level) for k in TRUTHS]
    names = {"customers": "customers_held", "repeaters": "customers_3plus_held", "totals": "segment_totals_held"}
    print(pd.DataFrame(rows).rename(columns={**names, "parameters": "parameters_held"}).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
