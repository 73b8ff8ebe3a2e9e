"""What else is known of each customer as of a day: order value, rhythm, recent activity, trend.

Where the inputs exist also: categories, channel shares, share of orders with a discount, and
engagement (see `engagement`). A missing input leaves its columns out.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd

from rfm_ml.core.checks import require_columns
from rfm_ml.core.columns import row_keys
from rfm_ml.core.errors import DataError
from rfm_ml.customers.days import (
    as_day,
    as_table,
    count_orders,
    customer_days,
    group_keys,
    is_order,
    summarise,
    with_days,
)
from rfm_ml.customers.engagement import engagement
from rfm_ml.customers.regularity import rhythm_columns, rhythm_measures
from rfm_ml.customers.rfm import count, money, within

RECENT_DAYS = (30, 90, 365)
TREND_DAYS = 90


def features(
    orders: ir.Table | pd.DataFrame,
    *,
    as_of: date | str,
    by: str | None = None,
    lines: ir.Table | pd.DataFrame | None = None,
    events: ir.Table | pd.DataFrame | None = None,
    channels: Sequence[str] = (),
) -> ir.Table:
    """Compute the features: one row per customer who has ordered up to `as_of`.

    Parameters
    ----------
    orders
        Orders or customer-days, see `customer_days`.
    as_of
        The day the table is seen from, included; later rows of every input are ignored.
    by
        "channel" for one row per customer and channel; events then count for all their channels.
    lines
        One row per order line with `category`; gives `categories`.
    events
        `customer_id`, `event_at`, `kind`; gives the columns of `engagement`.
    channels
        Names of channels to give a share column; `orders` must then have `channel`.

    Returns
    -------
        In no particular order; all over the whole history up to `as_of` unless a number of days
        is in the name.

        - `mean_order_value`: amount of orders / number of orders, before returns, in currency.
        - `gap_mean_days`, `gap_cv`, `buying_rhythm`, `overdue_days`: see `regularity.rhythm_columns`.
        - `orders_30d`, `orders_90d`, `orders_365d`, `spend_30d`, `spend_90d`, `spend_365d`: orders
          and net amount in (as_of - days, as_of].
        - `orders_trend`: (a - b) / (a + b), a the orders of the last `TREND_DAYS` days, b of those
          before; from -1 (stopped) to 1 (started), 0.0 without any.
        - `categories`: number of distinct categories ordered.
        - `channel_share_<name>`: share of their orders placed in the channel.
        - `coupon_share`: share of their orders with a discount, where `discount` exists.
        - `clicks_180d`, `visits_90d`, `engagement_score`: see `engagement`.

    Raises
    ------
    ParamsError, DataError
        As `customer_days`; DataError too if ids of the inputs are of different kinds.
    """
    day = as_day(as_of)
    table = as_table(orders, what="orders")
    days = with_gaps(customer_days(table, by=by, as_of=day), by=by)
    sums = summarise(days, by=by, measures=feature_measures(days, as_of=day))
    result = sums.select(*group_keys(by), **feature_columns(sums, as_of=day))
    return with_inputs(result, {"orders": table, "lines": lines, "events": events}, as_of=day, channels=channels)


def with_gaps(days: ir.Table, *, by: str | None) -> ir.Table:
    """Add `gap_days`, days since the customer's order day before; missing on the first one."""
    # Days with returns only are kept apart, so that they neither end nor start a gap.
    window = ibis.window(group_by=[*(days[k] for k in group_keys(by)), days.orders > 0], order_by=days.ordered_on)
    gap = days.ordered_on.delta(days.ordered_on.lag().over(window), unit="day")
    return days.mutate(gap_days=gap.cast("int64"))


def feature_measures(days: ir.Table, *, as_of: date) -> dict[str, ir.Value]:
    """Name the sums over customer-days (with gaps) that `feature_columns` needs."""
    measures = {
        **rhythm_measures(days),
        "all_orders": days.orders.sum(),
        "order_amount": days.order_amount.sum(),
    }
    for n in RECENT_DAYS:
        recent = within(days.ordered_on, as_of=as_of, days=n)
        measures[f"orders_{n}d"] = days.orders.sum(where=recent)
        measures[f"spend_{n}d"] = days.amount.sum(where=recent)
    for name, n in (("trend_orders", TREND_DAYS), ("trend_orders_twice", 2 * TREND_DAYS)):
        measures[name] = days.orders.sum(where=within(days.ordered_on, as_of=as_of, days=n))
    if "discounted_orders" in days.columns:
        measures["discounted_orders"] = days.discounted_orders.sum()
    return measures


def feature_columns(sums: ir.Table, *, as_of: date) -> dict[str, ir.Value]:
    """Turn the sums of `feature_measures` into the features, in their order."""
    columns = {
        "mean_order_value": money(sums.order_amount) / count(sums.all_orders),
        **rhythm_columns(sums, as_of=as_of),
        **{f"orders_{n}d": count(sums[f"orders_{n}d"]) for n in RECENT_DAYS},
        **{f"spend_{n}d": money(sums[f"spend_{n}d"]) for n in RECENT_DAYS},
    }
    recent = count(sums.trend_orders)
    both = count(sums.trend_orders_twice)
    columns["orders_trend"] = ((2 * recent - both).cast("float64") / both.nullif(0)).fill_null(0)
    if "discounted_orders" in sums.columns:
        discounted = count(sums.discounted_orders).cast("float64")
        columns["coupon_share"] = discounted / count(sums.all_orders)
    return columns


def with_inputs(
    result: ir.Table,
    inputs: Mapping[str, ir.Table | pd.DataFrame | None],
    *,
    as_of: date,
    channels: Sequence[str],
) -> ir.Table:
    """Join the features that need `orders` by channel, `lines` or `events` to the others."""
    given = {name: as_table(data, what=name) for name, data in inputs.items() if data is not None}
    extra = []
    if channels and "channel" not in result.columns:
        extra.append(_channel_shares(given["orders"], as_of=as_of, channels=channels))
    if "lines" in given and "category" in given["lines"].columns:
        extra.append(_categories(given["lines"], as_of=as_of, split="channel" in result.columns))
    if "events" in given:
        extra.append(engagement(given["events"], as_of=as_of))
    for table in extra:
        result = _join(result, table)
    return result


def _categories(lines: ir.Table, *, as_of: date, split: bool) -> ir.Table:
    lines = with_days(lines)
    past = lines.filter((lines.ordered_on <= ibis.literal(as_of)) & is_order(lines))
    keys = group_keys("channel" if split and "channel" in lines.columns else None)
    return past.group_by(keys).aggregate(categories=past.category.nunique())


def _channel_shares(orders: ir.Table, *, as_of: date, channels: Sequence[str]) -> ir.Table:
    require_columns(orders.columns, ["channel"], what="The orders table")
    orders = with_days(orders)
    past = orders.filter(orders.ordered_on <= ibis.literal(as_of))
    total = count_orders(past).nullif(0)
    # Engines do not tell column names apart by case: "Web" and "web" share a column.
    alike: dict[str, list[str]] = {}
    for name in channels:
        alike.setdefault(name.lower(), []).append(name)
    shares = {
        f"channel_share_{names[0]}": count_orders(past, where=past.channel.isin(names)).cast("float64") / total
        for names in alike.values()
    }
    return past.group_by("customer_id").aggregate(**shares)


def _join(result: ir.Table, extra: ir.Table) -> ir.Table:
    ids = result.customer_id.type(), extra.customer_id.type()
    if ids[0].is_string() != ids[1].is_string():
        raise DataError(
            f"customer_id must be of one kind in orders, lines and events. Got {ids[0]} and {ids[1]}. "
            "Convert one of them."
        )
    keys = row_keys(extra)
    added = [c for c in extra.columns if c not in keys]
    joined = result.left_join(extra, keys)
    # A customer without lines or events has none of them; shares are there for every customer.
    filled = {c: joined[c].fill_null(0) for c in added}
    return joined.select(*(joined[c] for c in result.columns), **filled)
