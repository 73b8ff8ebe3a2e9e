"""Tables and sentences for readers."""

import re

import numpy as np
import pandas as pd

from rfm_ml.reporting.tables import readable, say


def cells(html: str, kind: str = "td") -> list[str]:
    return [t.strip() for t in re.findall(rf"<{kind}\b[^>]*>(.*?)</{kind}>", html, flags=re.DOTALL)]


TABLE = pd.DataFrame(
    {
        "customer_id": [1234567, 2],
        "orders": [12345, 1],
        "revenue": [98765.4, 7.5],
        "revenue_share": [0.1234, np.nan],
        "day": pd.to_datetime(["2025-01-31", "2025-02-01"]),
        "psi": [0.01234, 0.2],
        "median_orders": [1.5, 1000.0],
    }
)


def test_numbers_are_written_for_readers_and_ids_are_left_alone() -> None:
    html = readable(TABLE, currency="EUR").to_html()
    assert cells(html, "th") == [
        "customer",
        "orders",
        "revenue (EUR)",
        "of revenue",
        "day",
        "shift (PSI)",
        "median orders",
    ]
    first = ["1234567", "12,345", "98,765", "12.3%", "2025-01-31", "0.012", "1.5"]
    assert cells(html) == [*first, "2", "1", "7.50", "\N{EN DASH}", "2025-02-01", "0.200", "1,000.0"]


def test_headings_and_percents_can_be_given() -> None:
    html = readable(pd.DataFrame({"score": [5], "R": [0.25]}), percents=["R"], headings={"R": "recency"}).to_html()
    assert cells(html, "th") == ["score", "recency"]
    assert cells(html) == ["5", "25.0%"]


def test_at_most_twenty_rows_and_it_says_so() -> None:
    html = readable(pd.DataFrame({"orders": range(2000)})).to_html()
    assert len(cells(html)) == 20
    assert cells(html, "caption") == ["The first 20 of 2,000 rows"]
    assert "caption" not in readable(pd.DataFrame({"orders": range(20)})).to_html()


def test_text_of_the_shop_cannot_become_markup() -> None:
    html = readable(pd.DataFrame({"segment": ["<script>alert(1)</script>", "A & B"]})).to_html()
    assert "<script>" not in html
    assert cells(html) == ["&lt;script&gt;alert(1)&lt;/script&gt;", "A &amp; B"]


def test_the_same_table_is_the_same_html() -> None:
    assert readable(TABLE).to_html() == readable(TABLE.copy()).to_html()
    assert readable(TABLE).to_html() != readable(TABLE.iloc[:1]).to_html()


def test_money_in_dollars_is_not_mathematics() -> None:
    assert say("5 $ and", "6 $").data == "5 &#36; and 6 &#36;"


def test_points_become_a_list() -> None:
    assert say("- one", "- two").data == "- one\n- two"


def test_sentences_are_broken_into_lines_and_dates_are_not() -> None:
    table = pd.DataFrame({"day": ["2024-01-01"], "why": ["A sentence that is much longer than forty characters."]})
    page = readable(table).to_html()
    rules = {line.strip() for line in page.splitlines() if "white-space" in line}
    assert rules == {"white-space: normal;"}
    assert page.count("min-width: 26ch") == 1


def test_a_title_is_text_not_markup() -> None:
    assert say("**Müller & Söhne <Shop>**, 5 $").data == "**Müller &amp; Söhne &lt;Shop&gt;**, 5 &#36;"
