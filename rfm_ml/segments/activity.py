"""Segments by what their people do besides ordering: responsiveness, retention, and carts left behind."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from rfm_ml.core.checks import require_between, require_columns
from rfm_ml.core.columns import row_keys
from rfm_ml.customers.days import as_day, as_table, with_days
from rfm_ml.customers.engagement import ACTIVITIES
from rfm_ml.customers.rfm import within


def responsiveness(
    assigned: pd.DataFrame, activity: pd.DataFrame, *, order: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return per segment how much its people open, click, visit and fill carts.

    Parameters
    ----------
    assigned
        `customer_id`, `segment`; somebody listed once per channel counts once in each of their segments.
    activity
        As `customers.engagement.activity` gives.
    order
        The segments in the order of the rows; None: by name. Segments with nobody in them are left out.

    Returns
    -------
        `segment, customers, active_share` (who did anything lately), and per customer `opens, clicks, visits, carts,
        abandoned_carts, engagement_score`.
    """
    require_columns(list(assigned.columns), ["customer_id", "segment"], what="The table of segments")
    people = assigned[["customer_id", "segment"]].drop_duplicates()
    counted = list(ACTIVITIES.values())
    joined = people.merge(activity, on="customer_id", how="left")
    joined[[*counted, "engagement_score"]] = joined[[*counted, "engagement_score"]].fillna(0)
    joined["active_share"] = (joined[counted].sum(axis=1) > 0).astype("float64")
    grouped = joined.groupby("segment")
    table = grouped[["active_share", *counted, "engagement_score"]].mean()
    table.insert(0, "customers", grouped.size())
    return in_order(table, order)


def clicks_per_open(responses: pd.DataFrame, *, at_least: int = 30) -> pd.Series:
    """Return how many clicks came of an e-mail opened, by segment; NaN where too few were opened to tell.

    Parameters
    ----------
    responses
        `segment, customers, opens, clicks`, the last two per customer, as `responsiveness` gives.
    at_least
        Opens below which nothing is told.

    Examples
    --------
    >>> table = pd.DataFrame({"segment": ["New", "Lost"], "customers": 10, "opens": [4.0, 0.4], "clicks": [1.0, 0.3]})
    >>> clicks_per_open(table).tolist()
    [0.25, nan]
    """
    opened = (responses["opens"] * responses["customers"]).round()
    enough = responses["opens"].where(opened >= max(at_least, 1))
    return (responses["clicks"] / enough).set_axis(pd.Index(responses["segment"])).rename("clicks_per_open")


def retention(assigned: pd.DataFrame, recent: pd.DataFrame, *, order: Sequence[str] | None = None) -> pd.DataFrame:
    """Return how many customers of each segment have ordered since they were seen in it.

    Parameters
    ----------
    assigned
        `customer_id`, `segment` (and the channel, if `recent` is split by it) as of the beginning of the period.
    recent
        `customer_id, orders_recent, revenue_recent`, as `customers.panels.recent_and_before` gives for the period.
    order
        As for `responsiveness`.

    Returns
    -------
        `segment, customers, ordered, ordered_share, revenue, revenue_each`: who ordered in the period, and what the
        segment brought, in all and per customer of it.
    """
    keys = row_keys(recent)
    require_columns(list(assigned.columns), [*keys, "segment"], what="The table of segments")
    figures = ["orders_recent", "revenue_recent"]
    joined = assigned[[*keys, "segment"]].merge(recent[[*keys, *figures]], on=keys, how="left")
    joined[figures] = joined[figures].fillna(0)
    grouped = joined.assign(ordered=joined["orders_recent"] > 0).groupby("segment")
    table = pd.DataFrame({"customers": grouped.size(), "ordered": grouped["ordered"].sum().astype("int64")})
    table["ordered_share"] = table["ordered"] / table["customers"]
    table["revenue"] = grouped["revenue_recent"].sum()
    table["revenue_each"] = table["revenue"] / table["customers"]
    return in_order(table, order)


def abandoned_carts(
    assigned: pd.DataFrame,
    customers: pd.DataFrame,
    events: Any,
    *,
    as_of: str | dt.date,
    days: int = 30,
    min_value: float | None = None,
) -> pd.DataFrame:
    """Return the customers of the highest scores who lately left a cart of high value behind.

    Parameters
    ----------
    assigned
        `customer_id`, `segment`, and the scores `F` and `M`, as `SegmentModel.assign` gives. High scores are the
        highest of frequency or of spend that anybody has.
    customers
        `customer_id`, `last_order_on`, `spend` (currency).
    events
        `customer_id`, `event_at`, `kind`, `value` (currency): a frame or an Ibis table.
    as_of
        The last day that counts.
    days
        Only carts left in (as_of - days, as_of], and not followed by an order on that day or later.
    min_value
        Lowest value of a cart; None: the upper quartile of all carts left in these days.

    Returns
    -------
        `customer_id` (and channel), `segment, F, M, cart_on, cart_value, carts, spend`, one row per customer with the
        dearest of their carts (of equals the latest), the dearest first.

    Raises
    ------
    DataError
        If a column is missing: without `value` no cart is of high value.
    """
    require_between(days, 1, 10_000, name="days")
    require_columns(list(assigned.columns), ["customer_id", "segment", "F", "M"], what="The table of segments")
    left = _left_behind(events, as_of=as_of, days=days)
    limit = min_value if min_value is not None else left["cart_value"].quantile(0.75) if len(left) else 0.0
    scored = assigned[assigned["F"] > 0]
    best = scored[(scored["F"] == scored["F"].max()) | (scored["M"] == scored["M"].max())]
    keys = row_keys(customers, assigned)
    found = best.merge(customers[[*keys, "last_order_on", "spend"]], on=keys).merge(left, on="customer_id")
    # An order in any channel is an answer to the cart.
    last = found["customer_id"].map(customers.groupby("customer_id")["last_order_on"].max())
    found = found[(found["cart_on"] > last) & (found["cart_value"] >= limit)]
    found = found.assign(carts=found.groupby(keys)["cart_value"].transform("size"))
    found = found.sort_values(["cart_value", "cart_on", *keys], ascending=[False, False, *[True] * len(keys)])
    columns = [*keys, "segment", "F", "M", "cart_on", "cart_value", "carts", "spend"]
    return found.drop_duplicates(keys)[columns].reset_index(drop=True)


def _left_behind(events: Any, *, as_of: str | dt.date, days: int) -> pd.DataFrame:
    table = as_table(events, what="events")
    require_columns(table.columns, ["customer_id", "event_at", "kind", "value"], what="The events table")
    table = with_days(table, day="event_on", instant="event_at")
    day = as_day(as_of)
    left = (table.kind == "cart_abandon") & (table.event_on <= day) & within(table.event_on, as_of=day, days=days)
    # Text that is no number is a cart of unknown value.
    value = table.value.try_cast("float64") if table.value.type().is_string() else table.value.cast("float64")
    found = table.filter(left).select("customer_id", cart_on=table.event_on, cart_value=value)
    frame = found.order_by(["customer_id", "cart_on", "cart_value"]).to_pyarrow().to_pandas()
    return frame.assign(cart_on=pd.to_datetime(frame["cart_on"])).dropna(subset="cart_value")


def in_order(table: pd.DataFrame, order: Sequence[str] | None) -> pd.DataFrame:
    """Return a table indexed by segment with the segments as first column, in order, others after them by name."""
    names = sorted(table.index) if order is None else [*order, *sorted(set(table.index) - set(order))]
    table = table.reindex([n for n in dict.fromkeys(names) if n in table.index])
    return table.rename_axis("segment").reset_index()


MOST_INTERESTS: Final = 3


def order_and_cart_values(
    assigned: pd.DataFrame,
    customers: pd.DataFrame,
    *,
    carts: pd.DataFrame | None = None,
    bought: pd.DataFrame | None = None,
    order: Sequence[str] = (),
) -> pd.DataFrame:
    """Return what an order and a cart of each segment are worth, and what most of its customers buy.

    Parameters
    ----------
    assigned
        `customer_id`, `segment`.
    customers
        `customer_id`, `orders`, `spend` (currency).
    carts
        `customer_id`, `value` (currency), one row per cart; None if nobody knows.
    bought
        `customer_id`, `category`; None if nobody knows.
    order
        The segments in the order of the rows; others follow by name, those with nobody are left out.

    Returns
    -------
        `segment, mean_order_value` (spend by orders), `mean_cart_value`, `interests`: the categories that most of its
        customers have bought, with the share who have; at most `MOST_INTERESTS`. Missing where there is none.

    Raises
    ------
    DataError
        If a column is missing.

    Examples
    --------
    >>> assigned = pd.DataFrame({"customer_id": [1, 2], "segment": "Loyal"})
    >>> customers = pd.DataFrame({"customer_id": [1, 2], "orders": [1, 3], "spend": [10.0, 30.0]})
    >>> bought = pd.DataFrame({"customer_id": [1, 1, 2], "category": ["shoes", "hats", "shoes"]})
    >>> order_and_cart_values(assigned, customers, bought=bought)[["mean_order_value", "interests"]].to_numpy().tolist()
    [[10.0, 'shoes 100%, hats 50%']]
    """
    require_columns(list(assigned.columns), ["customer_id", "segment"], what="The table of segments")
    require_columns(list(customers.columns), ["customer_id", "orders", "spend"], what="The customers' table")
    segment = assigned.drop_duplicates("customer_id").set_index("customer_id")["segment"]
    sums = customers.groupby(customers["customer_id"].map(segment))[["orders", "spend"]].sum()
    sums = sums.reindex(segment.unique())
    table = pd.DataFrame({"mean_order_value": sums["spend"] / sums["orders"].where(sums["orders"] > 0)})
    if carts is not None:
        table["mean_cart_value"] = carts["value"].groupby(carts["customer_id"].map(segment)).mean()
    if bought is not None:
        table["interests"] = _interests(bought, segment)
    return in_order(table, order)


def _interests(bought: pd.DataFrame, segment: pd.Series) -> pd.Series:
    pairs = bought[["customer_id", "category"]].dropna().drop_duplicates()
    pairs = pairs.assign(segment=pairs["customer_id"].map(segment)).dropna(subset="segment")
    people = pairs.groupby("segment")["customer_id"].nunique()
    sizes = pairs.groupby(["segment", "category"]).size().rename("buyers").reset_index()
    sizes = sizes.sort_values(["segment", "buyers", "category"], ascending=[True, False, True])
    top = sizes.groupby("segment").head(MOST_INTERESTS)
    shares = top["buyers"] / top["segment"].map(people)
    words = top["category"].astype("str") + " " + shares.map("{:.0%}".format)
    return words.groupby(top["segment"]).agg(", ".join)
