"""The customers table as a frame: RFM, repeat-buying columns and features side by side."""

from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from rfm_ml.core.errors import DataError
from rfm_ml.customers.days import (
    as_day,
    as_table,
    count_orders,
    customer_days,
    group_keys,
    summarise,
    with_days,
)
from rfm_ml.customers.features import feature_columns, feature_measures, with_gaps, with_inputs
from rfm_ml.customers.repeat_buying import repeat_buying_columns, repeat_buying_measures
from rfm_ml.customers.rfm import require_window, rfm_columns, rfm_measures

MOST_CHANNELS = 20
"""Only as many channels, those with most orders, get a share column."""


def customer_table(
    orders: ir.Table | pd.DataFrame,
    *,
    as_of: date | str,
    window_days: int | None = None,
    annualise: bool = False,
    by: str | None = None,
    lines: ir.Table | pd.DataFrame | None = None,
    events: ir.Table | pd.DataFrame | None = None,
    with_features: bool = True,
) -> pd.DataFrame:
    """Compute the customers table: one row per customer who has ordered up to `as_of`.

    The same values for any order of the rows, any split into files, and ids as text or numbers:
    money is summed as exact decimals and divided once.

    Parameters
    ----------
    orders
        Orders or customer-days, see `customer_days`.
    as_of
        The day the table is seen from, included; later rows are ignored.
    window_days, annualise
        See `rfm`.
    by
        "channel" for one row per customer and channel.
    lines, events
        Inputs of some features, see `features`.
    with_features
        Add the features; without them it is one query of two nested group-bys.

    Returns
    -------
        Sorted by `customer_id` (and `channel`): the columns of `rfm`, `repeat_buying` and, if asked
        for, `features`. Counts and days are int64, money float64, days datetime64.

    Raises
    ------
    ParamsError
        If an argument is not usable.
    DataError
        If a needed column is missing, or nobody has ordered up to `as_of`.

    Examples
    --------
    >>> orders = pd.DataFrame({
    ...     "customer_id": [2, 1, 1],
    ...     "ordered_on": pd.to_datetime(["2024-03-01", "2024-01-01", "2024-01-11"]),
    ...     "amount": [5.0, 99.0, 10.0],
    ... })
    >>> frame = customer_table(orders, as_of="2024-03-31", with_features=False)
    >>> frame[["customer_id", "recency_days", "orders", "spend", "repeat_orders", "active_days"]]
       customer_id  recency_days  orders  spend  repeat_orders  active_days
    0            1            80       2  109.0              1           10
    1            2            30       1    5.0              0            0
    """
    day = as_day(as_of)
    require_window(window_days, annualise=annualise)
    source = as_table(orders, what="orders")
    days = customer_days(source, by=by, as_of=day)
    days = with_gaps(days, by=by) if with_features else days
    measures = rfm_measures(days, as_of=day, window_days=window_days) | repeat_buying_measures(days)
    if with_features:
        measures |= feature_measures(days, as_of=day)
    sums = summarise(days, by=by, measures=measures)
    columns = rfm_columns(sums, as_of=day, window_days=window_days, annualise=annualise)
    columns |= repeat_buying_columns(sums)
    if with_features:
        columns |= feature_columns(sums, as_of=day)
    table = sums.select(*group_keys(by), **columns)
    if with_features:
        inputs = {"orders": source, "lines": lines, "events": events}
        table = with_inputs(table, inputs, as_of=day, channels=channel_names(source, as_of=day))
    frame = _fetch(table.order_by(group_keys(by)))
    if frame.empty:
        raise _nobody(source, as_of=day)
    return frame


def channel_names(orders: ir.Table, *, as_of: date) -> list[str]:
    """Return the names of the channels with most orders up to `as_of`, in order of the alphabet."""
    if "channel" not in orders.columns:
        return []
    orders = with_days(orders)
    past = orders.filter((orders.ordered_on <= ibis.literal(as_of)) & orders.channel.notnull())
    found = past.group_by("channel").aggregate(n=count_orders(past))
    found = found.filter(found.n > 0).order_by([ibis.desc("n"), "channel"]).limit(MOST_CHANNELS)
    return sorted(found.to_pyarrow()["channel"].to_pylist())


def _fetch(table: ir.Table) -> pd.DataFrame:
    """Run the query and bring its result over in columns, with the table's own types."""
    fetched = table.to_pyarrow()
    fields = [pa.field(f.name, _frame_type(f.type)) for f in fetched.schema]
    return fetched.cast(pa.schema(fields)).to_pandas(split_blocks=True, self_destruct=True)


def _frame_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_date(kind):
        return pa.timestamp("us")
    return pa.int64() if pa.types.is_integer(kind) else kind


def _nobody(orders: ir.Table, *, as_of: date) -> DataError:
    days = customer_days(orders)
    first = days.ordered_on.min(where=days.orders > 0).to_pyarrow().as_py()
    if first is None:
        return DataError("There must be at least one order. Got returns only, or nothing. Check order_kind.")
    return DataError(
        f"There must be an order on or before as_of. Got as_of {as_of}, and the first order is on {first}. "
        "Choose a later as_of."
    )
