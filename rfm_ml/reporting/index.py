"""The front page of a report: what a marketing lead reads first."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

import rfm_ml
from rfm_ml.core.text import count, long_day
from rfm_ml.features.feature import Facts
from rfm_ml.reporting.notebooks import NotebookRun
from rfm_ml.reporting.pages import templates
from rfm_ml.segments import share_of_customers_for
from rfm_ml.study import Study
from rfm_ml.study.archive import Day

RECENT_DAYS = 90
# Spelt out, because strftime depends on the system's language.
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def heading(study: Study) -> dict[str, Any]:
    """Return what every page shows on top."""
    return {"study_title": study.params.title or study.params.study, "day": long_day(study.as_of)}


def write_index(study: Study, runs: list[NotebookRun], to: Day, *, facts: Sequence[Facts], warnings: list[str]) -> None:
    """Write the front page, complete in itself; the day holds tables, segments and models already.

    `warnings` come before what the features have to say.
    """
    profiles = {name: study.profile(name) for name in study.strategies}
    lead = profiles[study.strategies[0]]
    page = (
        templates()
        .get_template("index.html.j2")
        .render(
            styles=templates().get_template("report.css").render(),
            synthetic=study.params.orders.dataset == "webshop",
            remember=remember(lead, study.customers),
            figures=key_figures(
                study.customers, currency=study.params.currency, window_days=study.params.customers.window_days
            ),
            window_days=study.params.customers.window_days,
            warnings=[*warnings, *(sentence for one in facts for sentence in one.held)],
            alerts=[alert for one in facts for alert in one.alerts],
            **{name: value for one in facts for name, value in one.page.items()},
            objectors=f"{len(study.objectors):,}" if len(study.objectors) else "",
            in_currency=f", {study.params.currency}" if study.params.currency else "",
            lead=_lead(study, lead),
            links=[{"name": r.name, "title": r.title} for r in runs],
            strategies=[_strategy(study, name, profiles[name]) for name in study.strategies],
            tables=sorted(p.name for p in to.folder("tables").iterdir()),
            version=rfm_ml.__version__,
            params_file=study.path.name,
            input=study.source.fingerprint,
            **heading(study),
        )
    )
    to.index.write_text(page, encoding="utf-8")


def key_figures(customers: pd.DataFrame, *, currency: str, window_days: int | None = None) -> list[dict[str, str]]:
    """Return the handful of figures that describe a shop's customers."""
    people = customers["customer_id"].nunique()  # one row per customer and channel, if the study is by channel
    orders, spend = int(customers["orders"].sum()), float(customers["spend"].sum())
    recent = (customers["recency_days"] < RECENT_DAYS).mean()
    repeat = (customers["repeat_orders"] > 0).mean()
    unit = f", {currency}" if currency else ""
    span = f", last {window_days:,} days" if window_days else ""
    return [
        {"value": f"{people:,}", "label": "customers"},
        {"value": f"{orders:,}", "label": f"orders{span}"},
        {"value": f"{spend:,.0f}", "label": f"net revenue{unit}{span}"},
        {"value": f"{spend / orders:,.2f}" if orders else "-", "label": f"mean order value{unit}"},
        {"value": f"{repeat:.0%}", "label": "came back on another day"},
        {"value": f"{recent:.0%}", "label": f"ordered in the last {RECENT_DAYS} days"},
    ]


def remember(profile: pd.DataFrame, customers: pd.DataFrame) -> str:
    """Return the one sentence to take away: where the money sits."""
    known = profile[(profile["customers"] > 0) & profile["customer_share"].notna()]
    if len(known) < 2 or not customers["spend"].sum() > 0:
        return f"{customers['customer_id'].nunique():,} customers brought {customers['spend'].sum():,.0f} in all."
    # The segment whose share of the money is furthest above its share of the people.
    top = known.iloc[int((known["revenue_share"] - known["customer_share"]).argmax())]
    share = share_of_customers_for(customers, revenue_share=0.8)
    return (
        f"{top['segment']} are {_percent(top['customer_share'])} of the customers and bring "
        f"{_percent(top['revenue_share'])} of the revenue; 80% of all revenue comes from {_percent(share)} of the "
        "customers."
    )


def _lead(study: Study, profile: pd.DataFrame) -> dict[str, Any]:
    name = study.strategies[0]
    choice = study.choice(name)
    rows = [_row(r, study.aim(r["segment"]), study.offer_policy(r["segment"])) for r in profile.to_dict("records")]
    return {
        "words": f"Strategy {name}, scored with a model {choice.why}.",
        "rows": rows,
        "fingerprint": choice.model.fingerprint,
    }


def _row(row: dict[Any, Any], aim: str, offer: str) -> dict[str, Any]:
    return {
        "segment": row["segment"],
        "customers": row["customers"],
        "customers_text": f"{row['customers']:,}",
        "customer_share": _percent(row["customer_share"]),
        "customer_width": _width(row["customer_share"]),
        "revenue_text": f"{row['revenue']:,.0f}",
        "revenue_share": _percent(row["revenue_share"]),
        "revenue_width": _width(row["revenue_share"]),
        "mean_order_value": "-" if pd.isna(row["mean_order_value"]) else f"{row['mean_order_value']:,.2f}",
        "recency": "-"
        if pd.isna(row["median_recency_days"])
        else f"{count(round(row['median_recency_days']), 'day')} ago",
        "aim": aim,
        "offer": offer,
    }


def _strategy(study: Study, name: str, profile: pd.DataFrame) -> dict[str, Any]:
    choice = study.choice(name)
    drift = choice.model.drift(study.customers)
    worst = drift.iloc[int(drift["psi"].argmax())]
    return {
        "name": name,
        "used": int((profile["customers"] > 0).sum()),
        "all": len(profile),
        "why": choice.why,
        "drift": f"{worst['verdict']} (PSI at most {worst['psi']:.3f})" if choice.frozen else "fitted on this day",
    }


def _percent(share: float) -> str:
    return "-" if pd.isna(share) else f"{share:.1%}"


def _width(share: float) -> float:
    return 0 if pd.isna(share) else round(100 * min(max(share, 0), 1), 1)
