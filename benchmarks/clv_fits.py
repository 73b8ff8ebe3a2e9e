"""Time the repeat-buying and spend models against lifetimes, on the same synthetic customers in the same run.

    python benchmarks/clv_fits.py               # everything, two or three minutes
    python benchmarks/clv_fits.py --customers 100000

Fits include standard errors. Log-likelihoods are compared by one function, at both engines' parameters. Growth is our
own time from a tenth of the customers to all of them. Peak memory is that of a fresh process that fits and predicts.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from rfm_ml.models import BetaGeo, GammaGamma, ModifiedBetaGeo, ParetoNBD

warnings.simplefilter("ignore")
HORIZON = 360
DISCOUNT = 1.01 ** (1 / 30) - 1


def make_customers(size: int, *, seed: int = 7) -> pd.DataFrame:
    """Draw customers of a shop with the buying of the CDNOW sample, two years old, in whole days."""
    rng = np.random.default_rng(seed)
    truth = BetaGeo()
    truth.params_ = pd.Series({"r": 0.2426, "alpha": 30.9, "a": 0.793, "b": 2.426})
    drawn = truth.simulate(rng.integers(1, 731, size).astype(float), rng=rng)
    active = np.ceil(drawn["active_days"])
    x = np.minimum(drawn["repeat_orders"], active).astype("int64")
    shape, rate = 6.25 * np.maximum(x, 1), rng.gamma(3.74, 1 / 15.44, size)
    mean = np.where(x > 0, rng.gamma(shape) / rate / np.maximum(x, 1), 0.0)
    return pd.DataFrame({
        "customer_id": np.arange(size),
        "first_order_on": pd.Timestamp("2025-12-31") - pd.to_timedelta(drawn["age_days"], unit="D"),
        "repeat_orders": x,
        "active_days": active.astype("int64"),
        "age_days": drawn["age_days"].astype("int64"),
        "mean_repeat_value": mean,
    })  # fmt: skip


def seconds(action: Callable[[], Any], *, repeat: int = 1) -> tuple[float, Any]:
    """Return the median time of an action, and its last result."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        result = action()
        times.append(time.perf_counter() - start)
    return float(np.median(times)), result


def lifetimes_fit(model: Any, customers: pd.DataFrame) -> Any:
    """Fit the model's counterpart as its users do: one row per customer, default settings."""
    import lifetimes

    fitter = getattr(lifetimes, model.lifetimes_class)()
    if model.lifetimes_class == "GammaGammaFitter":
        some = customers[customers["repeat_orders"] > 0]
        return fitter.fit(some["repeat_orders"], some["mean_repeat_value"], q_constraint=True)
    return fitter.fit(customers["repeat_orders"], customers["active_days"], customers["age_days"])


def compare_fit(model: Any, customers: pd.DataFrame, *, target: int) -> dict[str, Any]:
    """Time both engines and compare log-likelihoods by our function."""
    smaller = customers.iloc[: len(customers) // 10]
    model.fit(smaller)  # warm
    tenth, _ = seconds(lambda: type(model)().fit(smaller), repeat=3)
    ours, _ = seconds(lambda: model.fit(customers), repeat=3)
    theirs, fitter = seconds(lambda: lifetimes_fit(model, customers))
    params = np.array([fitter.params_[n] for n in model.names])
    gain = model.log_likelihood_ - model.log_likelihood(customers, params)
    return {
        "what": f"{type(model).__name__} fit",
        "customers": len(customers),
        "ours_s": ours,
        "lifetimes_s": theirs,
        "ratio": theirs / ours,
        "target": target,
        "ll_ours_minus_theirs": gain,
        "status": model.status_,
        "growth_x10": ours / tenth,
    }


def lifetimes_predict(fitter: Any, spend: Any, customers: pd.DataFrame) -> None:
    """Predict orders, P(alive), order value and CLV over twelve months of 30 days with lifetimes."""
    x, t_x, T, m = (customers[c] for c in ("repeat_orders", "active_days", "age_days", "mean_repeat_value"))
    fitter.conditional_expected_number_of_purchases_up_to_time(HORIZON, x, t_x, T)
    fitter.conditional_probability_alive(x, t_x, T)
    spend.conditional_expected_average_profit(x, m)
    spend.customer_lifetime_value(fitter, x, t_x, T, m, time=12, discount_rate=0.01, freq="D")


def compare_predictions(model: Any, spend: GammaGamma, customers: pd.DataFrame) -> dict[str, Any]:
    """Time both engines on the same predictions from the same parameters."""

    def ours_on(rows: pd.DataFrame) -> pd.DataFrame:
        return model.predict(rows, horizon_days=HORIZON, spend_model=spend, daily_discount=DISCOUNT)

    smaller = customers.iloc[: len(customers) // 10]
    tenth, _ = seconds(lambda: ours_on(smaller), repeat=3)
    ours, _ = seconds(lambda: ours_on(customers), repeat=3)
    theirs, _ = seconds(lambda: lifetimes_predict(model.to_lifetimes(), spend.to_lifetimes(), customers))
    return {
        "what": f"{type(model).__name__} predictions",
        "customers": len(customers),
        "ours_s": ours,
        "lifetimes_s": theirs,
        "ratio": theirs / ours,
        "target": 10,
        "growth_x10": ours / tenth,
    }


def peak_of_own(name: str, size: int) -> None:
    """Fit and predict in this process alone and print its peak memory: run as a process of its own."""
    customers = make_customers(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    model = {"mbg": ModifiedBetaGeo, "pareto": ParetoNBD}[name]().fit(customers)
    spend = GammaGamma().fit(customers)
    model.predict(customers, horizon_days=HORIZON, spend_model=spend, daily_discount=DISCOUNT, level=0.9)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"data_mb": round(before), "peak_mb": round(after)}))


def main() -> None:
    """Run the comparisons and print them as one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--peak", choices=["mbg", "pareto"], help="print the peak memory of one model and stop")
    options = parser.parse_args()
    if options.peak:
        peak_of_own(options.peak, options.customers)
        return
    everyone = make_customers(options.customers)
    tenth = everyone.iloc[: max(1000, options.customers // 10)]
    spend = GammaGamma()
    rows = [
        compare_fit(BetaGeo(), everyone, target=15),
        compare_fit(ModifiedBetaGeo(), everyone, target=15),
        compare_fit(spend, everyone, target=12),
        compare_fit(ParetoNBD(), tenth, target=100),
    ]
    for model in (BetaGeo(), ModifiedBetaGeo()):
        rows.append(compare_predictions(model.fit(everyone), spend, everyone))
    pareto = ParetoNBD()
    whole, _ = seconds(lambda: pareto.fit(everyone))
    rows.append({"what": "ParetoNBD fit", "customers": len(everyone), "ours_s": whole})
    rows.append(compare_predictions(pareto, spend, tenth))
    with pd.option_context("display.width", 200, "display.max_columns", 20, "display.float_format", "{:.3g}".format):
        print(pd.DataFrame(rows).to_string(index=False))
    for name in ("mbg", "pareto"):
        command = [sys.executable, __file__, "--peak", name, "--customers", str(options.customers)]
        print(name, "fit and predictions:", subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main()
