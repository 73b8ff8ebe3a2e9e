"""The vocabulary: every column that stages hand to each other, with its meaning and unit."""

from collections.abc import Container
from typing import Any, Final

ORDERS: Final[dict[str, str]] = {
    "customer_id": "who ordered (text or whole number)",
    "order_id": "the order, unique over all customers",
    "ordered_at": "instant of the order in the study's time zone",
    "ordered_on": "day of the order in the study's time zone",
    "amount": "sum of the order's lines, in currency (decimal, 4 places)",
    "order_kind": "'order', or 'return' for an order that only gives money back",
    "lines": "rows of the source that were summed to this order",
}
"""Columns of the clean orders table, one row per order."""

OPTIONAL_LINE: Final[dict[str, str]] = {
    "quantity": "units on the line",
    "product_id": "the product",
    "category": "the product's category",
    "channel": "where the order was placed (web, shop, app, ...)",
    "utm_source": "the visit that led to the order: its utm_source",
    "utm_medium": "its utm_medium",
    "utm_campaign": "its utm_campaign",
    "referrer": "the page it came from",
    "discount": "money taken off the line, in currency, as a positive number",
    "currency": "ISO code of the amount's currency",
    "order_kind": "'order' or 'return' (also 'sale', 'refund')",
}
"""Optional columns of an order log."""

RFM: Final[dict[str, str]] = {
    "customer_id": "who ordered",
    "recency_days": "days from the last order to the as-of day",
    "orders": "number of orders (within window_days if one is set)",
    "spend": "net amount of these orders, in currency",
    "orders_per_year": "orders a year, over window_days or the last 365 days",
    "spend_per_year": "spend a year, over window_days or the last 365 days, in currency",
    "first_order_on": "day of the first order",
    "last_order_on": "day of the last order on or before the as-of day",
    "age_days": "days from the first order to the as-of day (T of repeat-buying models)",
}
"""Columns of the RFM table, one row per customer as of a day."""

REPEAT_BUYING: Final[dict[str, str]] = {
    "repeat_orders": "days with an order after the first such day (x)",
    "active_days": "days from the first to the last order (t_x, the models' own 'recency')",
    "mean_repeat_value": "mean spend per repeat order day, in currency; 0 without one (m)",
}
"""Columns that repeat-buying models need, with same-day orders merged."""


def row_keys(*frames: Any) -> list[str]:
    """Return the columns that name a row in every one of some tables: the customer, and the channel if they have it."""
    held: list[Container[str]] = [getattr(frame, "columns", frame) for frame in frames]
    return [key for key in ("customer_id", "channel") if all(key in columns for columns in held)]
