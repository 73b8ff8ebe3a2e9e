"""The customers table at many as-of days, from one query over the log."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, Final, Self

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.customers.days import MONEY, MONEY_DIGITS, as_day, group_keys, order_rows
from rfm_ml.customers.rfm import ANNUALISE_FLOOR_DAYS, DAYS_PER_YEAR, require_window

Days = Sequence[date | str]
Ints = NDArray[np.int64]

CENTS: Final = 10**MONEY_DIGITS
"""Money is summed as whole numbers of so small a part of the currency's unit, as exact as `MONEY`."""

EPOCH: Final = date(1970, 1, 1)

_LARGEST_SUM = 9e18  # of an int64


def snapshots(
    orders: ir.Table | pd.DataFrame,
    *,
    as_of: Days,
    window_days: int | None = None,
    annualise: bool = False,
    by: str | None = None,
) -> pd.DataFrame:
    """Compute the customers table at many days in one frame; `each_snapshot` holds one day in memory at a time.

    Parameters
    ----------
    orders, as_of, window_days, annualise, by
        As for `each_snapshot`.

    Returns
    -------
        `as_of` (datetime64) and the columns of `customer_table(with_features=False)`, sorted by day and customer.

    Raises
    ------
    ParamsError, DataError
        As `each_snapshot`.

    Examples
    --------
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["a", "b", "a"],
    ...     "ordered_on": pd.to_datetime(["2024-01-10", "2024-02-10", "2024-02-20"]),
    ...     "amount": [10.0, 20.0, 30.0],
    ... })
    >>> snapshots(orders, as_of=["2024-01-31", "2024-02-29"])[["as_of", "customer_id", "recency_days", "spend"]]
           as_of customer_id  recency_days  spend
    0 2024-01-31           a            21   10.0
    1 2024-02-29           a             9   40.0
    2 2024-02-29           b            19   20.0
    """
    require_window(window_days, annualise=annualise)
    days, sums = _read(orders, as_of=as_of, by=by)
    ends = np.cumsum(sums.sizes(days))
    columns: dict[str, NDArray[np.generic]] = {}

    # Written where they stay: frames of every day, joined, would need twice the memory and more time.
    def write(day: date, end: int) -> pd.DataFrame:
        frame = sums.table(day, window_days=window_days, annualise=annualise)
        figures = {"as_of": np.full(len(frame), day, dtype="datetime64[us]")}
        figures |= {name: frame[name].to_numpy() for name in frame.columns.drop(group_keys(by))}
        for name, values in figures.items():
            if name not in columns:  # `setdefault`, as the other thread may come between
                columns.setdefault(name, np.empty(ends[-1], dtype=values.dtype))
            columns[name][end - len(frame) : end] = values
        return frame[group_keys(by)]

    with ThreadPoolExecutor(max_workers=2) as pool:
        ids = pd.concat(pool.map(write, days, ends), ignore_index=True)
    known: dict[str, Any] = {"as_of": columns.pop("as_of"), **{name: ids[name] for name in ids.columns}}
    return pd.DataFrame(known | columns, copy=False)


def each_snapshot(
    orders: ir.Table | pd.DataFrame,
    *,
    as_of: Days,
    window_days: int | None = None,
    annualise: bool = False,
    by: str | None = None,
) -> Iterator[tuple[date, pd.DataFrame]]:
    """Give the customers table at each of many days, the earliest first, reading the log once.

    Parameters
    ----------
    orders
        Orders or customer-days, see `customer_days`.
    as_of
        The days, in any order; a day given twice counts once.
    window_days, annualise
        See `rfm`.
    by
        "channel" for one row per customer and channel.

    Yields
    ------
    tuple
        The day, and exactly what `customer_table(with_features=False)` returns for it; no rows on a day before the
        first order.

    Raises
    ------
    ParamsError
        If an argument is not usable, or there is no day.
    DataError
        If a needed column is missing, or a customer's amounts are too large to be summed exactly.

    Notes
    -----
    One query brings the orders, sorted; those of a day lie side by side and are merged here, which costs less than a
    group-by before the sort. A customer's figures on a day are differences of running sums over their customer-days: at
    their last row up to that day, at their first row, and at the last row before the window. So each further day costs
    a few looks per customer, and nothing is read or grouped again. In memory are the running sums, about 50 bytes a
    customer-day, and the tables of two days.
    """
    require_window(window_days, annualise=annualise)
    days, sums = _read(orders, as_of=as_of, by=by)
    return _ahead(days, partial(sums.table, window_days=window_days, annualise=annualise))


def _read(orders: ir.Table | pd.DataFrame, *, as_of: Days, by: str | None) -> tuple[list[date], "_RunningSums"]:
    """Return the days in order, and the log up to the last of them."""
    days = sorted({as_day(d) for d in as_of})
    if not days:
        raise ParamsError("as_of must name at least one day. Got none. Give a list of days.")
    return days, _RunningSums.of(order_rows(orders, by=by, as_of=days[-1]), keys=group_keys(by))


def _ahead(days: list[date], make: Callable[[date], pd.DataFrame]) -> Iterator[tuple[date, pd.DataFrame]]:
    """Give each day's table while the next one is being made."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        coming = deque(pool.submit(make, day) for day in days[:2])
        for position, day in enumerate(days):
            table = coming.popleft().result()
            coming.extend(pool.submit(make, later) for later in days[position + 2 : position + 3])
            yield day, table


@dataclass(frozen=True)
class _RunningSums:
    """Customer-days sorted by customer and day, as running sums: entry i is the sum of the first i rows."""

    ids: pa.Table  # one row per customer (and channel)
    starts: Ints  # each customer's first row
    day: NDArray[np.int32]  # of each row, days since 1970
    orders: Ints
    amount: Ints
    order_days: Ints  # rows with an order
    order_day: NDArray[np.int32]  # of each order day
    order_day_amount: Ints  # running over order days alone

    @classmethod
    def of(cls, rows: ir.Table, *, keys: list[str]) -> Self:
        """Fetch the orders, sorted, merge those of a day, and sum."""
        wanted = rows.select(*keys, "orders", day=rows.ordered_on, amount=rows.amount.fill_null(0).cast(MONEY))
        fetched = wanted.order_by([*keys, "day"]).to_pyarrow()
        first = _first_rows(fetched.select(keys))
        ids = fetched.select(keys).filter(pa.array(first))
        day = fetched["day"].cast(pa.int32()).to_numpy()
        orders, amount = fetched["orders"].to_numpy(), _units(fetched["amount"])
        _require_exact(amount, np.flatnonzero(first))
        other_day = first.copy()
        other_day[1:] |= day[1:] != day[:-1]
        if not other_day.all():
            begin = np.flatnonzero(other_day)
            first, day = first[begin], day[begin]
            orders, amount = np.add.reduceat(orders, begin), np.add.reduceat(amount, begin)
        ordered = orders > 0
        return cls(
            ids=ids,
            starts=np.flatnonzero(first),
            day=day,
            orders=_running(orders),
            amount=_running(amount),
            order_days=_running(ordered),
            order_day=day[ordered],
            order_day_amount=_running(amount[ordered]),
        )

    def table(self, as_of: date, *, window_days: int | None, annualise: bool) -> pd.DataFrame:
        """Return the customers table as of a day."""
        today = (as_of - EPOCH).days
        period = window_days or DAYS_PER_YEAR
        last, before = self._rows_up_to(today), self._rows_up_to(today - period)
        first_order = self.order_days[self.starts]
        # Before their first order, with returns alone, nobody is a customer.
        born = np.flatnonzero(self.order_days[last] > first_order)
        ids = self.ids.take(pa.array(born)) if len(born) < len(self.ids) else self.ids
        start, last, before, first_order = self.starts[born], last[born], before[born], first_order[born]
        last_order = self.order_days[last]
        first_on, last_on = (
            self.order_day[first_order].astype(np.int64),
            self.order_day[last_order - 1].astype(np.int64),
        )
        begin = start if window_days is None else before
        repeats = last_order - first_order - 1
        value = self.order_day_amount[last_order] - self.order_day_amount[first_order + 1]
        age = today - first_on
        observed = np.minimum(period, np.maximum(age + 1, ANNUALISE_FLOOR_DAYS)) if annualise else period
        columns = {
            "recency_days": today - last_on,
            "orders": self.orders[last] - self.orders[begin],
            "spend": _money(self.amount[last] - self.amount[begin]),
            "orders_per_year": (self.orders[last] - self.orders[before]) * 1.0 * DAYS_PER_YEAR / observed,
            "spend_per_year": _money(self.amount[last] - self.amount[before]) * DAYS_PER_YEAR / observed,
            "first_order_on": _days_of(first_on),
            "last_order_on": _days_of(last_on),
            "age_days": age,
            "repeat_orders": repeats,
            "active_days": last_on - first_on,
            "mean_repeat_value": np.where(repeats > 0, _money(value) / np.maximum(repeats, 1), 0.0),
        }
        frame = ids.to_pandas()
        return pd.concat([frame, pd.DataFrame(columns, copy=False)], axis=1)

    def sizes(self, days: list[date]) -> Ints:
        """Count those who have ordered up to each day."""
        ends = np.append(self.starts[1:], len(self.day))
        first_order = self.order_days[self.starts]
        first_on = np.sort(self.order_day[first_order[self.order_days[ends] > first_order]])
        return np.searchsorted(first_on, [(d - EPOCH).days for d in days], side="right")

    def _rows_up_to(self, day: int) -> Ints:
        """Return for each customer the row after their last one on or before the day."""
        if len(self.starts) == 0:
            return self.starts
        return self.starts + np.add.reduceat(self.day <= day, self.starts, dtype=np.int64)


def _first_rows(keys: pa.Table) -> NDArray[np.bool_]:
    """Say which rows differ from the one before in any column."""
    first = np.ones(len(keys), dtype=bool)
    if len(keys) > 1:
        first[1:] = False
        for column in keys.columns:
            first[1:] |= pc.not_equal(column.slice(1), column.slice(0, len(keys) - 1)).to_numpy()
    return first


def _units(money: pa.ChunkedArray) -> Ints:
    """Read `MONEY` as whole `CENTS`: 18 digits are the lower half of the 128 bits in which Arrow keeps a decimal."""
    halves = [
        np.frombuffer(chunk.buffers()[1], dtype="<i8")[2 * chunk.offset : 2 * (chunk.offset + len(chunk)) : 2]
        for chunk in money.chunks
        if len(chunk)
    ]
    return np.concatenate(halves) if halves else np.zeros(0, dtype=np.int64)


def _running(values: NDArray[np.generic]) -> Ints:
    sums = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=sums[1:])
    return sums


def _require_exact(amount: Ints, starts: Ints) -> None:
    """Refuse amounts whose sum for one customer leaves int64; over all customers it may wrap, differences hold."""
    if len(starts) == 0:
        return
    most_rows = int(np.diff(starts, append=len(amount)).max())
    if float(max(amount.max(), -amount.min())) * most_rows <= _LARGEST_SUM:
        return  # the usual case, without a look at every customer
    if np.add.reduceat(np.abs(amount.astype(np.float64)), starts).max() > _LARGEST_SUM:
        raise DataError(
            f"The amounts of one customer must sum to less than {_LARGEST_SUM / CENTS:.0e}. Got more. "
            "Give amounts in a larger unit."
        )


def _money(units: Ints) -> NDArray[np.float64]:
    """Turn whole units into currency, rounded as the engine rounds a decimal."""
    exact = np.abs(units) <= 2**53
    if exact.all():
        return units / CENTS
    rest = np.fmod(units, CENTS)
    return np.where(exact, units / CENTS, (units - rest) // CENTS + rest / CENTS)


def _days_of(days: Ints) -> NDArray[np.datetime64]:
    return days.astype("datetime64[D]").astype("datetime64[us]")
