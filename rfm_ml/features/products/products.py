"""Products for the customers of a study, by the `recommendations` of its params."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import pandas as pd

from rfm_ml.campaigns.products import BY, ProductRules, next_products, product_columns, product_lift
from rfm_ml.core.errors import ParamsError
from rfm_ml.features.feature import Feature
from rfm_ml.segments import SegmentModel
from rfm_ml.study import Study

SHOWN: Final = 10
"""Products per segment in a report's table."""


def product_rules(study: Study) -> ProductRules | None:
    """Return how products are ranked, None if the params do not ask for any."""
    asked = study.params.recommendations
    return None if asked is None else ProductRules(**asked.model_dump())


def require_products(study: Study) -> None:
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


def with_offers(study: Study, assigned: pd.DataFrame) -> pd.DataFrame:
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


def offer_list(study: Study, name: str | None = None, *, model: SegmentModel | None = None) -> pd.DataFrame:
    """Return the list a campaign tool imports: as `Study.segment_list`, with the products each could be offered."""
    return with_offers(study, study.segment_list(name, model=model))


def customer_offers(study: Study, customer_id: Any) -> pd.DataFrame | None:
    """Return what a list offers one customer, one row per product, the first first; None if the params do not ask.

    Columns: `product`, what is known of it (`name`, `category`, `brand`), and `lift`: how many times as often their
    segment buys it as all customers do; missing where it is offered because the shop sells it most.
    """
    rules = product_rules(study)
    if rules is None:
        return None
    require_products(study)
    found = next_products(study.lines, study.segments()[["customer_id", "segment"]], as_of=study.as_of, rules=rules)
    found = found.filter(found.customer_id == customer_id)
    details = _details(study, rules)
    if details is not None:
        found = found.left_join(details.rename(product_of="product_id"), found.product == details.product_id)
    shown = [c for c in ("product", "name", "category", "brand") if c in found.columns]
    rows = found.order_by("segment", "place").select(*shown, "lift", "by_lift").to_pyarrow().to_pandas()
    return rows.assign(lift=rows["lift"].where(rows["by_lift"])).drop(columns="by_lift").drop_duplicates("product")


def product_words(product: Mapping[Any, Any]) -> str:
    """Return a row of `customer_offers` in words.

    Examples
    --------
    >>> product_words({"product": 840361, "name": "EGGS - LARGE", "category": "GROCERY"})
    '840361 EGGS - LARGE, GROCERY'
    """
    known = [product.get(c) for c in ("name", "category")]
    words = ", ".join(str(k) for k in known if isinstance(k, str))
    return f"{product['product']} {words}".rstrip()


def segment_products(study: Study, name: str | None = None) -> pd.DataFrame:
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


def _details(study: Study, rules: ProductRules) -> Any:
    """Return `product_id` with name, category and brand, None where they are not known."""
    if rules.by != "product" or study.products is None:
        return None
    named = [c for c in ("name", "category", "brand") if c in study.products.columns]
    return study.products.select("product_id", *named) if named else None


class Recommendations(Feature):
    """The products that each segment of each strategy buys more than others."""

    def require_usable(self) -> None:
        """Refuse recommendations of what the order log does not name, see `require_products`."""
        require_products(self.study)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return `products_<strategy>`, if the params ask for recommendations."""
        if self.study.params.recommendations is None:
            return {}
        return {f"products_{name}": segment_products(self.study, name) for name in self.study.strategies}


class Offers:
    """What the segments of a strategy buy more than others, as a notebook shows it.

    Parameters
    ----------
    study
        With `recommendations` in its params, or without.
    strategy
        None for the leading one.
    """

    def __init__(self, study: Study, strategy: str | None = None) -> None:
        self.study, self.strategy = study, strategy
        self.why_not = ""
        """Why there are no products to show, empty if there are."""
        if study.params.recommendations is None:
            self.why_not = "The params ask for no products: there is no recommendations: in them."
        else:
            require_products(study)

    @cached_property
    def products(self) -> pd.DataFrame:
        """As `segment_products`, with a `label`: name, or id and category. Empty if there are none."""
        if self.why_not:
            columns = ["segment", "rank", "product", "buyers", "segment_buyers", "share", "lift", "by_lift", "label"]
            return pd.DataFrame({c: [] for c in columns})
        found = segment_products(self.study, self.strategy)
        label = found["product"].astype("str")
        if "name" in found:
            label = found["name"].where(found["name"].notna(), label)
        elif "category" in found:
            label = label + found["category"].map(lambda word: f" {word}" if isinstance(word, str) else "")
        return found.assign(label=label)

    @cached_property
    def reach(self) -> pd.DataFrame:
        """One row per segment: `segment, customers, offers, by_lift`, the last the share of offers ranked by lift."""
        rules = product_rules(self.study)
        if rules is None:
            return pd.DataFrame({c: [] for c in ("segment", "customers", "offers", "by_lift")})
        labels = self.study.segments(self.strategy)[["customer_id", "segment"]]
        found = next_products(self.study.lines, labels, as_of=self.study.as_of, rules=rules)
        sums = found.group_by("segment").aggregate(
            customers=found.customer_id.nunique(), offers=found.count(), by_lift=found.by_lift.cast("float64").mean()
        )
        return sums.order_by(sums.customers.desc(), "segment").to_pyarrow().to_pandas()
