"""Count how often a customer buys one of the products they would have been offered, against the best sellers.

Run `python benchmarks/next_products.py --help`; docs/products.md has the figures.
"""

import argparse
from datetime import date, timedelta

import pandas as pd

from rfm_ml.campaigns.products import ProductRules, next_products
from rfm_ml.study import Study


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--params", default="params/complete_journey.yml")
    parser.add_argument("--as-of", nargs="+", default=["2017-06-30", "2017-09-30", "2017-11-30"])
    parser.add_argument("--horizon-days", type=int, default=28)
    parser.add_argument("--among", nargs="+", type=int, default=[10, 30, 100])
    args = parser.parse_args()
    tables = [hits(args.params, day, horizon_days=args.horizon_days, among=args.among) for day in args.as_of]
    print(pd.concat(tables).round(4).to_string(index=False))


def hits(params: str, day: str, *, horizon_days: int, among: list[int]) -> pd.DataFrame:
    """Return the share of later buyers who bought one of the three, per way to choose the three."""
    study = Study(params, as_of=day)
    lines, seen = study.lines, date.fromisoformat(day)
    later = lines.filter((lines.ordered_on > seen) & (lines.ordered_on <= seen + timedelta(horizon_days)))
    bought = later.select("customer_id", product="product_id").distinct().to_pyarrow().to_pandas()
    segments = study.segments()[["customer_id", "segment"]]
    buyers = set(bought["customer_id"]) & set(segments["customer_id"])
    ways = {"best sellers they never bought": (segments.assign(segment="all"), ProductRules())}
    ways |= {f"lift among {n}": (segments, ProductRules(among=n)) for n in among}
    rows = []
    for way, (labels, rules) in ways.items():
        offered = next_products(lines, labels, as_of=day, rules=rules).to_pyarrow().to_pandas()
        offered = offered[offered["customer_id"].isin(buyers)]
        hit = offered.merge(bought, on=["customer_id", "product"])
        rows.append(
            {
                "as_of": day,
                "way": way,
                "buyers": len(buyers),
                "bought one of three": hit["customer_id"].nunique() / len(buyers),
                "offers bought": len(hit) / len(offered),
                "offers by lift": offered["by_lift"].mean(),
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
