"""What to offer each customer next: what others of their segment buy in this season and they have never bought.

Products are ranked per segment by lift, the share of the segment's buyers who took the product over the share of all
buyers who did. Lifts of small counts are shrunk towards 1, so that a rare product does not win by chance. Below the
products that a segment buys more than others come the shop's best sellers, so that everybody can be offered something.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final, Literal

import ibis
import ibis.expr.types as ir
import pandas as pd

from rfm_ml.core.checks import require_between, require_columns, require_known
from rfm_ml.core.errors import DataError
from rfm_ml.customers.days import as_day, as_table, is_order, with_days

YEAR_DAYS: Final = 364
"""Whole weeks, so that the season of last year begins on the same day of the week."""

BY: Final = {"product": "product_id", "category": "category"}
"""What may be offered, and the column of the order lines that holds it."""


@dataclass(frozen=True)
class ProductRules:
    """How products are ranked.

    The season is the `season_days` before the as-of day, and as many after the same day of last year (364 days
    earlier), which is the season to come; None counts all purchases. A segment's product is ranked by its lift if it
    has `least_buyers` in the season and is one of the `among` products that the segment buys most: few give offers
    near the best sellers, many give what is typical of the segment and bought by few. `shrinkage` is added to the
    buyers found and to those expected.

    Raises
    ------
    ParamsError
        If a rule is out of its range.
    """

    by: Literal["product", "category"] = "product"
    per_customer: int = 3
    season_days: int | None = 60
    least_buyers: int = 5
    among: int = 10
    shrinkage: float = 5.0

    def __post_init__(self) -> None:
        require_known(self.by, BY, what="by")
        require_between(self.per_customer, 1, 20, name="per_customer")
        if self.season_days is not None:
            require_between(self.season_days, 1, YEAR_DAYS, name="season_days")
        require_between(self.least_buyers, 1, 1e9, name="least_buyers")
        require_between(self.among, 1, 1e9, name="among")
        require_between(self.shrinkage, 0.01, 1e9, name="shrinkage")


def product_lift(
    lines: ir.Table | pd.DataFrame,
    segments: ir.Table | pd.DataFrame,
    *,
    as_of: dt.date | str,
    rules: ProductRules | None = None,
) -> ir.Table:
    """Rank what each segment buys more than others, and below it what the shop sells most.

    Parameters
    ----------
    lines
        Order lines: `customer_id`, `ordered_on` and `product_id` or `category`; optional `order_kind`, returns do
        not count. Lines after the as-of day do not count.
    segments
        `customer_id, segment`.
    as_of
        The day that the season is counted from.

    Returns
    -------
    Table
        One row per segment and product sold in the season: `segment`, `product`, `buyers` (customers of the segment
        who bought it in the season), `segment_buyers` (who bought anything), `share` (the one over the other),
        `shop_buyers` (of all segments), `lift`, `by_lift` (whether the lift ranks it, else the shop's sales), `rank`
        from 1. In no particular order.

    Raises
    ------
    DataError
        If a column is missing, or products are named by neither text nor whole numbers.

    Notes
    -----
    lift = (buyers + k) / (expected + k), expected = segment_buyers * shop_buyers / all buyers, k the shrinkage: the
    shrunk observed-to-expected ratio of Norén, Hopstadius & Bate (2013), Shrinkage observed-to-expected ratios for
    robust and transparent large-scale pattern discovery, Statistical Methods in Medical Research 22(1), 57-69, who
    take k = 1/2. Equal lifts are ordered by sales, then by product.

    Examples
    --------
    >>> lines = pd.DataFrame({
    ...     "customer_id": [1, 2, 2, 3, 4],
    ...     "product_id": ["tea", "tea", "jam", "jam", "jam"],
    ...     "ordered_on": pd.to_datetime(["2025-06-01"] * 5),
    ... })
    >>> segments = pd.DataFrame({"customer_id": [1, 2, 3, 4], "segment": ["A", "A", "B", "B"]})
    >>> lift = product_lift(lines, segments, as_of="2025-06-30", rules=ProductRules(least_buyers=2, shrinkage=1))
    >>> lift.filter(lift.segment == "A").order_by("rank").to_pandas()[["product", "lift", "by_lift"]].values.tolist()
    [['tea', 1.5, True], ['jam', 0.8, False]]
    """
    rules = rules or ProductRules()
    return _ranked(_purchases(lines, as_of=as_day(as_of), rules=rules), _labels(segments), rules=rules)


def next_products(
    lines: ir.Table | pd.DataFrame,
    segments: ir.Table | pd.DataFrame,
    *,
    as_of: dt.date | str,
    rules: ProductRules | None = None,
) -> ir.Table:
    """Give each customer the first products of their segment that they have never bought; arguments as `product_lift`.

    Returns
    -------
    Table
        One row per customer, segment and product: `customer_id, segment, place` (from 1), `product, lift, by_lift`.
        Fewer than `per_customer` rows where they have bought all but a few of what was sold in the season. In no
        particular order. One query, whose size grows with the purchases and not with customers times products.
    """
    rules = rules or ProductRules()
    purchases, labels = _purchases(lines, as_of=as_day(as_of), rules=rules), _labels(segments)
    ranked = _ranked(purchases, labels, rules=rules).select("segment", "product", "rank", "lift", "by_lift")
    who = ["customer_id", "segment"]
    owned = purchases.select("customer_id", "product").distinct().join(labels, "customer_id")
    owned = owned.join(ranked.select("segment", "product", "rank"), ["segment", "product"]).select(*who, "rank")
    counts = owned.group_by(who).aggregate(owned=lambda t: t.count())
    # A customer who owns b of their segment's ranks finds what they lack among the first per_customer + b.
    reach = labels.left_join(counts, who).select(*who, reach=lambda t: t.owned.fill_null(0) + rules.per_customer + 1)
    ranks = reach.select(*who, rank=ibis.range(1, reach.reach).unnest())
    free = ranks.anti_join(owned, [*who, "rank"]).join(ranked, ["segment", "rank"])
    first = ibis.window(group_by=who, order_by="rank")
    placed = free.mutate(place=ibis.row_number().over(first) + 1)
    return placed.filter(placed.place <= rules.per_customer).select(*who, "place", "product", "lift", "by_lift")


def product_columns(found: ir.Table, *, per_customer: int, products: ir.Table | pd.DataFrame | None = None) -> ir.Table:
    """Lay the products that `next_products` found for each customer side by side, as columns of a list.

    `products` is what is known of them: `product_id`, and `name`, `category` or both. Returns one row per customer and
    segment: `customer_id`, `segment`, and for each place `product_1` as text, and `product_1_name`,
    `product_1_category` where known; missing where there is none.
    """
    details: list[str] = []
    if products is not None:
        known = as_table(products, what="products")
        require_columns(known.columns, ["product_id"], what="The products")
        details = [c for c in ("name", "category") if c in known.columns]
        facts = known.select("product_id", **{f"_{c}": known[c].cast("string") for c in details})
        found = found.left_join(facts, found.product == facts.product_id)
    columns = {}
    for place in range(1, per_customer + 1):
        here = found.place == place
        columns[f"product_{place}"] = found.product.cast("string").max(where=here)
        columns |= {f"product_{place}_{c}": found[f"_{c}"].max(where=here) for c in details}
    return found.group_by(["customer_id", "segment"]).aggregate(**columns)


def _purchases(lines: ir.Table | pd.DataFrame, *, as_of: dt.date, rules: ProductRules) -> ir.Table:
    """Return `customer_id, product, in_season` of every line that was bought up to the day."""
    table, column = as_table(lines, what="lines"), BY[rules.by]
    require_columns(table.columns, ["customer_id", column], what="The order lines")
    table = with_days(table)
    known = is_order(table) & table.customer_id.notnull() & table[column].notnull()
    table = table.filter(known & (table.ordered_on <= ibis.literal(as_of)))
    return table.select("customer_id", product=table[column], in_season=_in_season(table, as_of, rules.season_days))


def _in_season(table: ir.Table, as_of: dt.date, days: int | None) -> ir.BooleanValue:
    if days is None:
        return ibis.literal(True)
    span, then = dt.timedelta(days), as_of - dt.timedelta(YEAR_DAYS)
    lately = table.ordered_on > ibis.literal(as_of - span)
    last_year = (table.ordered_on > ibis.literal(then)) & (table.ordered_on <= ibis.literal(then + span))
    return lately | last_year


def _labels(segments: ir.Table | pd.DataFrame) -> ir.Table:
    table = as_table(segments, what="segments")
    require_columns(table.columns, ["customer_id", "segment"], what="The segments")
    return table.select("customer_id", segment=table.segment.cast("string")).distinct()


def _ranked(purchases: ir.Table, labels: ir.Table, *, rules: ProductRules) -> ir.Table:
    if purchases.product.type() not in (ibis.dtype("string"), *(ibis.dtype(f"int{b}") for b in (8, 16, 32, 64))):
        raise DataError(
            f"Products must be named by text or whole numbers. Got {purchases.product.type()}. Convert the column."
        )
    season = purchases.filter(purchases.in_season).select("customer_id", "product").distinct()
    sold = season.group_by("product").aggregate(shop_buyers=lambda t: t.count())
    everybody = season.aggregate(all_buyers=season.customer_id.nunique())
    labelled = season.join(labels, "customer_id")
    sizes = labelled.group_by("segment").aggregate(segment_buyers=lambda t: t.customer_id.nunique())
    counts = labelled.group_by(["segment", "product"]).aggregate(buyers=lambda t: t.count())
    grid = labels.select("segment").distinct().cross_join(sold).cross_join(everybody)
    grid = grid.left_join(sizes, "segment").drop("segment_right")
    grid = grid.left_join(counts, ["segment", "product"]).drop("segment_right", "product_right")
    grid = grid.mutate(buyers=grid.buyers.fill_null(0), segment_buyers=grid.segment_buyers.fill_null(0))
    expected = grid.segment_buyers * grid.shop_buyers / grid.all_buyers
    # Rounded, because the last digits of a quotient are not the same on every engine, and order ties.
    lift = ((grid.buyers + rules.shrinkage) / (expected + rules.shrinkage)).round(9)
    grid = grid.mutate(lift=lift, share=(grid.buyers / grid.segment_buyers.nullif(0)).fill_null(0.0))
    most = ibis.window(group_by="segment", order_by=[grid.buyers.desc(), grid["product"].asc()])
    grid = grid.mutate(place=ibis.row_number().over(most))
    enough = (grid.buyers >= rules.least_buyers) & (grid.place < rules.among)
    grid = grid.mutate(by_lift=enough & (grid.lift > 1))
    best = [grid.by_lift.desc(), ibis.ifelse(grid.by_lift, grid.lift, 0.0).desc(), grid.shop_buyers.desc()]
    order = ibis.window(group_by="segment", order_by=[*best, grid["product"].asc()])
    columns = ["segment", "product", "buyers", "segment_buyers", "share", "shop_buyers", "lift", "by_lift"]
    return grid.mutate(rank=ibis.row_number().over(order) + 1).select(*columns, "rank")
