"""Customer-days: what each customer ordered and returned on each day.

This is the common ground of every customer column. Same-day orders are merged here once; RFM,
repeat-buying columns and features are sums over its rows. For a big log, materialise it once
(`customer_days(orders).cache()`, or to Parquet) and hand it to the other functions in place of
the orders.
"""

from collections.abc import Mapping
from datetime import date, datetime

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from rfm_ml.core.checks import require_columns, require_known
from rfm_ml.core.errors import DataError, ParamsError

MONEY_DIGITS = 4
"""Digits after the point of summed money."""

MONEY = f"decimal(18, {MONEY_DIGITS})"
"""Sums of it are exact, so they do not depend on the order of the rows. Floats are cast to it."""

LARGEST_AMOUNT = 1e13
"""A tenth of what `MONEY` holds, in currency."""

RETURN_KINDS = ("return", "refund")
"""Kinds of `order_kind` that give money back; any other kind, or none, is an order."""

NO_CHANNEL = "unknown"
"""Channel of orders whose channel is missing, with `by="channel"`."""

_SPLITS = ("channel",)
_DAYS_ONLY = ("order_amount", "orders")


def as_day(as_of: date | str) -> date:
    """Return the day meant by a date, a timestamp or text in ISO form.

    Raises
    ------
    ParamsError
        If it is none of them, or a day that does not exist.

    Examples
    --------
    >>> as_day("1997-09-30")
    datetime.date(1997, 9, 30)
    """
    if isinstance(as_of, str):
        try:
            return datetime.fromisoformat(as_of).date()
        except ValueError:
            pass
    elif isinstance(as_of, datetime) and not pd.isna(as_of):
        return as_of.date()
    elif isinstance(as_of, np.datetime64) and not pd.isna(as_of):
        return pd.Timestamp(as_of).date()
    elif isinstance(as_of, date) and not pd.isna(as_of):
        return as_of
    raise ParamsError(f"as_of must be a day such as 1997-09-30. Got {as_of!r}. Give it as YYYY-MM-DD or as a date.")


def as_table(data: ir.Table | pd.DataFrame, *, what: str) -> ir.Table:
    """Return an ibis table; a pandas frame is wrapped, not copied into a database.

    Raises
    ------
    DataError
        If a frame has no rows, rows without `customer_id`, columns of mixed
        kinds, or an amount that is no number or too large.
    """
    if isinstance(data, ir.Table):
        return data
    if not isinstance(data, pd.DataFrame):
        raise ParamsError(f"{what} must be an ibis table or a pandas frame. Got {type(data).__name__}.")
    if data.empty:
        raise DataError(f"{what} must have at least one row. Got none. Check the source and its filters.")
    if "customer_id" in data and data["customer_id"].isna().any():
        missing = int(data["customer_id"].isna().sum())
        raise DataError(f"customer_id must be present in every row. Got {missing} rows without it. Drop them.")
    if "amount" in data:
        _require_finite(data["amount"], what=what)
    return ibis.memtable(_arrow(data, what=what))


def customer_days(
    orders: ir.Table | pd.DataFrame, *, by: str | None = None, as_of: date | str | None = None
) -> ir.Table:
    """Merge the orders of each customer and day.

    Parameters
    ----------
    orders
        One row per order: `customer_id`, `ordered_on` (or `ordered_at`) and `amount`; optional
        `order_kind` (without it every row is an order), `channel` and `discount`.
        A customer-day table is passed through (with its channels merged if `by` is None).
    by
        "channel" for one row per customer, channel and day.
    as_of
        Rows after this day are left out; None keeps all, for use at several as-of days.

    Returns
    -------
        One row per customer (and channel) and day: `customer_id`, (`channel`,) `ordered_on`,
        `orders` (number of orders; 0 on a day with returns only), `amount` (orders less returns),
        `order_amount` (orders alone), and, where `discount` exists, `discounted_orders`.
        Money in currency, exact decimals.

    Raises
    ------
    ParamsError
        If `by` is not "channel", or `as_of` is not a day.
    DataError
        If a needed column is missing, or a day is neither a date nor a timestamp.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({
    ...     "customer_id": [7, 7, 7],
    ...     "ordered_on": pd.to_datetime(["2024-02-28", "2024-02-28", "2024-02-29"]),
    ...     "amount": [10.0, 5.0, 20.0],
    ... })
    >>> customer_days(orders).order_by("ordered_on")["orders"].to_pyarrow().to_pylist()
    [2, 1]
    """
    table = _dated(orders, by=by, as_of=as_of)
    merged = is_customer_days(table)
    if merged and (by is not None or "channel" not in table.columns):
        return table
    measures = _merged(table) if merged else _measured(table)
    return table.group_by([*group_keys(by), "ordered_on"]).aggregate(**measures)


def order_rows(orders: ir.Table | pd.DataFrame, *, by: str | None = None, as_of: date | str | None = None) -> ir.Table:
    """Give the rows that `customer_days` merges, unmerged: for readers that sort them anyway and merge as they read."""
    table = _dated(orders, by=by, as_of=as_of)
    if is_customer_days(table):
        counted = table.orders
    else:
        require_columns(table.columns, ["amount"], what="The orders table")
        counted = is_order(table)
    kind = _money(table).type()
    if kind.scale is None or kind.scale > MONEY_DIGITS:
        return customer_days(orders, by=by, as_of=as_of)  # finer money is rounded once a day, as there
    return table.select(*group_keys(by), "ordered_on", orders=counted.cast("int32"), amount=_money(table))


def _dated(orders: ir.Table | pd.DataFrame, *, by: str | None, as_of: date | str | None) -> ir.Table:
    """Check orders or customer-days, and give them days, names for missing channels, and no row after `as_of`."""
    table = as_table(orders, what="orders")
    if by is not None:
        require_known(by, _SPLITS, what="by")
    require_columns(table.columns, group_keys(by), what="The orders table")
    merged = is_customer_days(table)
    table = table if merged else with_days(table)
    if as_of is not None:
        table = table.filter(table.ordered_on <= ibis.literal(as_day(as_of)))
    if merged or by is None:
        return table
    return table.mutate(table[by].cast("string").fill_null(NO_CHANNEL).name(by))


def is_customer_days(table: ir.Table) -> bool:
    """Tell a customer-day table from a table of orders by its columns."""
    return all(c in table.columns for c in _DAYS_ONLY)


def with_days(table: ir.Table, *, day: str = "ordered_on", instant: str = "ordered_at") -> ir.Table:
    """Give the table a date column `day`, cut from `instant` where it is missing.

    Raises
    ------
    DataError
        If neither column is there, or it is neither a date nor a timestamp without time zone.
    """
    source = day if day in table.columns else instant
    require_columns(table.columns, [source], what="The table")
    kind = table[source].type()
    if kind.is_timestamp() and kind.timezone is None:
        return table.mutate(table[source].date().name(day))
    if not kind.is_date():
        raise DataError(
            f"{source} must be a date, or a timestamp without time zone. Got {kind}. "
            "Convert it to the study's time zone first."
        )
    return table if source == day else table.mutate(table[source].name(day))


def group_keys(by: str | None) -> list[str]:
    """Columns that identify a row of the customers table."""
    return ["customer_id"] if by is None else ["customer_id", by]


def is_order(table: ir.Table) -> ir.BooleanValue:
    """Say which rows are orders, not returns."""
    if "order_kind" not in table.columns:
        return ibis.literal(True)
    return ~table.order_kind.isin(RETURN_KINDS).fill_null(False)


def count_orders(table: ir.Table, *, where: ir.BooleanValue | None = None) -> ir.IntegerScalar:
    """Count the orders of a table of orders or of customer-days."""
    if is_customer_days(table):
        return table.orders.sum(where=where).fill_null(0).cast("int64")
    ordered = is_order(table)
    return table.count(where=ordered if where is None else ordered & where)


def summarise(days: ir.Table, *, by: str | None, measures: Mapping[str, ir.Value]) -> ir.Table:
    """Sum customer-days to customers; who only ever returned is no customer.

    `first_order_on` must be among the measures.
    """
    per_customer = days.group_by(group_keys(by)).aggregate(**measures)
    return per_customer.filter(per_customer.first_order_on.notnull())


def _measured(table: ir.Table) -> dict[str, ir.Value]:
    require_columns(table.columns, ["amount"], what="The orders table")
    ordered = is_order(table)
    amount = _money(table)
    # Back to 18 digits: a sum of decimals is 38 digits wide, which makes every later sum slower.
    measures = {
        "orders": table.count(where=ordered),
        "amount": amount.sum().cast(MONEY),
        "order_amount": amount.sum(where=ordered).fill_null(0).cast(MONEY),
    }
    if "discount" in table.columns:
        measures["discounted_orders"] = table.count(where=ordered & (table.discount > 0).fill_null(False))
    return measures


def _money(table: ir.Table) -> ir.DecimalValue:
    return table.amount if table.amount.type().is_decimal() else table.amount.cast(MONEY)


def _merged(days: ir.Table) -> dict[str, ir.Value]:
    measures = {
        "orders": days.orders.sum().cast("int64"),
        "amount": days.amount.sum().cast(MONEY),
        "order_amount": days.order_amount.sum().cast(MONEY),
    }
    if "discounted_orders" in days.columns:
        measures["discounted_orders"] = days.discounted_orders.sum().cast("int64")
    return measures


def _arrow(frame: pd.DataFrame, *, what: str) -> pa.Table:
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except pa.ArrowException as error:
        raise DataError(
            f"Every column of {what} must hold values of one kind. Got: {error}. Convert the column."
        ) from error
    # Categoricals come as dictionaries, which engines do not take.
    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def _require_finite(amount: pd.Series, *, what: str) -> None:
    numbers = pd.to_numeric(amount, errors="coerce").astype("float64")
    bad = int((~(numbers.abs() < LARGEST_AMOUNT)).sum())
    if bad:
        raise DataError(
            f"amount must be a number below {LARGEST_AMOUNT:.0e} in every row of {what}. "
            f"Got {bad} rows where it is not. Drop or correct them."
        )
