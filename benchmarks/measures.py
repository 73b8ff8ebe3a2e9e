"""Bootstrap samples as weights against bootstrap samples as repeated rows, for the measures of scores and segments."""

import argparse
import time
from collections.abc import Callable

import numpy as np

from rfm_ml.evaluation import segment_measures, value_measures
from rfm_ml.evaluation.inference import bootstrap_weights


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    """Print milliseconds per bootstrap sample, the best of the repeats, contenders in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=23_570)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    n, rng = asked.customers, np.random.default_rng(0)
    spend = np.where(rng.random(n) < 0.12, rng.gamma(1, 50, n).round(2), 0.0)
    score, segment = rng.random(n), rng.integers(0, 10, n)
    rows = bootstrap_weights(n, repeats=asked.samples)

    def scores(values: np.ndarray) -> dict[str, Callable[[], object]]:
        return {
            "weights": lambda: value_measures(spend, values, mean_train=6.0, weights=rows),
            "repeated rows": lambda: [
                value_measures(np.repeat(spend, w), np.repeat(values, w), mean_train=6.0) for w in rows
            ],
        }

    contests = {
        "a score of its own for each": scores(score),
        "a score for each of 10 segments": scores(segment.astype(np.float64)),
        "10 segments": {
            "weights": lambda: segment_measures(spend, segment, weights=rows),
            "repeated rows": lambda: [segment_measures(np.repeat(spend, w), np.repeat(segment, w)) for w in rows],
        },
    }
    print(f"{n:,} customers, {asked.samples:,} samples; ms per sample")
    for name, contenders in contests.items():
        taken: dict[str, list[float]] = {c: [] for c in contenders}
        for _ in range(asked.repeats):
            for contender, run in contenders.items():
                taken[contender].append(seconds(run) * 1000 / asked.samples)
        weights, repeated = (min(t) for t in taken.values())
        print(f"{name:32} weights {weights:7.2f}  repeated rows {repeated:7.2f}  ratio {repeated / weights:5.1f}")


if __name__ == "__main__":
    main()
