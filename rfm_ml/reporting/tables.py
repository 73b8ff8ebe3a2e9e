"""Tables and sentences as a reader of a notebook or a report sees them."""

import zlib
from collections.abc import Hashable, Iterable, Mapping
from html import escape
from typing import Any, Final

import pandas as pd
from IPython.display import Markdown
from pandas.io.formats.style import Styler

from rfm_ml.core.text import NONE, amount, percent

MONEY: Final = ("amount", "spend", "revenue", "value")
"""A column with one of these words in its name holds money, unless it is a share."""

HEADINGS: Final = {
    "customer_id": "customer",
    "customer_share": "of customers",
    "orders_share": "of orders",
    "revenue_share": "of revenue",
    "spend_share": "of revenue",
    "running_share": "running total",
    "recency_days": "days since last order",
    "median_recency_days": "days since last order (median)",
    "median_gap_days": "days between orders (median)",
    "psi": "shift (PSI)",
    "share": "of customers",
}
MOST_ROWS: Final = 20
LONG_TEXT: Final = 40
"""Cells with more characters are broken into lines; all others stay on one."""


def readable(
    table: pd.DataFrame,
    *,
    currency: str = "",
    headings: Mapping[str, str] | None = None,
    percents: Iterable[str] = (),
) -> Styler:
    """Return a table that people read: headings in words, thousands separators, no index.

    Parameters
    ----------
    table
        Columns by the names of the package; at most `MOST_ROWS` rows are shown, and the caption says of how many.
    currency
        Unit of columns of money, for their headings.
    headings
        Column: what to write above it.
    percents
        Columns of shares whose name does not end in "share".
    """
    shown = table.head(MOST_ROWS)
    given = {**HEADINGS, **(headings or {})}
    names = {c: given.get(c, _heading(str(c), currency)) for c in shown.columns}
    rates = {c for c in shown.columns if str(c).endswith("share")} | set(percents)
    formats = {names[c]: _format(str(c), shown[c], rate=c in rates) for c in shown.columns}
    left: list[Hashable] = [names[c] for c in shown.columns if not pd.api.types.is_numeric_dtype(shown[c])]
    # The same table gets the same HTML, whenever it is made.
    uuid = f"{zlib.crc32(shown.to_csv().encode()):08x}"
    styler = Styler(shown.rename(columns=names), uuid=uuid, cell_ids=False)
    styler = styler.format(formats, na_rep=NONE, escape="html").hide(axis="index")
    styler = styler.set_properties(subset=left, **{"text-align": "left"})
    long = [n for n in left if shown.rename(columns=names)[n].astype("str").str.len().max() > LONG_TEXT]
    if long:
        styler = styler.set_properties(subset=long, **{"white-space": "normal", "min-width": "26ch"})
    above = {name: [{"selector": "th", "props": "text-align: left"}] for name in left}
    styler = styler.set_table_styles(above)  # type: ignore[arg-type]
    if len(shown) < len(table):
        styler = styler.set_caption(f"The first {len(shown)} of {len(table):,} rows")
    return styler


def say(*sentences: str) -> Markdown:
    """Return sentences as one paragraph of Markdown, or as a list where they begin with "- "."""
    joint = "\n" if any(s.startswith("- ") for s in sentences) else " "
    # A dollar sign is money here, not mathematics.
    return Markdown(escape(joint.join(sentences), quote=False).replace("$", "&#36;"))


def _heading(column: str, currency: str) -> str:
    words = column.replace("_", " ")
    return f"{words} ({currency})" if currency and _is_money(column) else words


def _is_money(column: str) -> bool:
    return not column.endswith("share") and any(word in column.split("_") for word in MONEY)


def _format(column: str, values: pd.Series, *, rate: bool) -> Any:
    if rate:
        return percent
    if column.endswith("_id") or pd.api.types.is_string_dtype(values) or values.dtype == object:
        return str
    if pd.api.types.is_datetime64_any_dtype(values):
        return "{:%Y-%m-%d}"
    if pd.api.types.is_integer_dtype(values):
        return "{:,}"
    if column == "psi":
        return "{:.3f}"
    if column == "amount":
        return "{:,.2f}"  # a waterfall is read to the cent
    if "days" in column.split("_"):
        return "{:,.0f}"
    return amount if _is_money(column) else "{:,.1f}"
