"""The whole comparison on CDNOW's cohort: 8 strategies beside the baselines, 4 origins, 1,000 bootstraps."""

import argparse
import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from joblib.externals.loky import get_reusable_executor

from rfm_ml.features.comparison.comparison import StrategyComparison
from rfm_ml.study import Study

EIGHT = "quantiles, kmeans_5, kmeans_10, rfm_cells, mbg_nbd, bg_nbd, pareto_nbd, boosted"
PARAMS = """\
study: comparison_benchmark
as_of: 1998-06-30
currency: USD
orders: {{dataset: cdnow_master, policies: {{duplicates: keep, zero_orders: keep}}}}
strategies: {{quantiles: {{use: quantile_rfm, map: twelve, options: {{bins: 5}}}}}}
notebooks: [50_strategy_comparison]
comparison: {{candidates: [{eight}], bootstraps: {bootstraps}}}
"""


def processor_seconds() -> float:
    """Return the seconds that processors worked for this process and the ended ones it had started."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def main() -> None:
    """Print seconds, and the seconds that processors worked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstraps", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "benchmark.yml"
        path.write_text(PARAMS.format(eight=EIGHT, bootstraps=asked.bootstraps))
        study = Study(path)
        study.orders  # noqa: B018 - reading is not what is measured
        start, worked = time.perf_counter(), processor_seconds()
        found = StrategyComparison(study, jobs=asked.jobs)
        days, strategies = len(found.customers), found.scorecard["strategy"].nunique()
        taken = time.perf_counter() - start
        get_reusable_executor().shutdown(wait=True)  # only ended processes are counted
        print(f"{strategies} strategies (cut ones counted) on {days} days: {taken:,.1f} s, {asked.jobs} processes")
        print(f"processors worked {processor_seconds() - worked:,.1f} s")


if __name__ == "__main__":
    main()
