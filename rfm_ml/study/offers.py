"""Products for the customers of a study, by the `recommendations` of its params."""

from typing import Any, Final

import pandas as pd

from rfm_ml.campaigns.products import BY, ProductRules, next_products, product_columns, product_lift
from rfm_ml.core.errors import ParamsError
from rfm_ml.study.segments import StudySegments

SHOWN: Final = 10
"""Products per segment in a report's table."""


def product_rules(study: StudySegments) -> ProductRules | None:
    """Return how products are ranked, None if the params do not ask for any."""
    asked = study.params.recommendations
    return None if asked is None else ProductRules(**asked.model_dump())


def require_products(study: StudySegments) -> None:
    """Refuse recommendations of what the order log does not name.

    Raises
    ------
    ParamsError
        If the params ask for them and the lines have no such column.
    """
    rules = product_rules(study)
    if rules is None:
        return
    known = () if study.lines is None else study.lines.columns
    if BY[rules.by] not in known:
        raise ParamsError(
            f"recommendations must be of what the order log names: {BY[rules.by]}. It does not. "
            f"Map it in the params, as in orders: columns: {{{BY[rules.by]}: ...}}, or remove recommendations."
        )


def with_offers(study: StudySegments, assigned: pd.DataFrame) -> pd.DataFrame:
    """Add `product_1`, `product_2`, ... to a list with `customer_id` and `segment`, if the params ask for them.

    With a products table in the params their names and categories follow, where it has them.
    """
    rules = product_rules(study)
    if rules is None:
        return assigned
    require_products(study)
    who = ["customer_id", "segment"]
    found = next_products(study.lines, assigned[who], as_of=study.as_of, rules=rules)
    wide = product_columns(found, per_customer=rules.per_customer, products=_details(study, rules))
    return assigned.merge(wide.to_pyarrow().to_pandas(), on=who, how="left")


def segment_products(study: StudySegments, name: str | None = None) -> pd.DataFrame:
    """Return the first `SHOWN` products of each segment of a strategy, as `product_lift`, with what is known of them.

    Sorted by segment and rank.

    Raises
    ------
    ParamsError
        If the params ask for no recommendations, or the lines do not name what they ask for.
    """
    rules = product_rules(study)
    if rules is None:
        raise ParamsError("Products must be asked for. There is no recommendations: in the params. Add it.")
    require_products(study)
    ranked = product_lift(study.lines, study.segments(name)[["customer_id", "segment"]], as_of=study.as_of, rules=rules)
    shown = ranked.filter(ranked["rank"] <= SHOWN)
    details = _details(study, rules)
    if details is not None:
        facts = details.rename(product="product_id")
        shown = shown.left_join(facts, "product").drop("product_right")
    first = ["segment", "rank", "product"]
    columns = [*first, *(c for c in shown.columns if c not in first)]
    return shown.select(*columns).order_by("segment", "rank").to_pyarrow().to_pandas()


def _details(study: StudySegments, rules: ProductRules) -> Any:
    """Return `product_id` with name, category and brand, None where they are not known."""
    if rules.by != "product" or study.products is None:
        return None
    named = [c for c in ("name", "category", "brand") if c in study.products.columns]
    return study.products.select("product_id", *named) if named else None
