"""Commands about single customers."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import pandas as pd
import typer
from rich.table import Table

from rfm_ml.cli.app import AsOf, Out, ParamsFile, app, console, day_of
from rfm_ml.core.errors import ParamsError

if TYPE_CHECKING:
    from rfm_ml.features.customer_360.customer_view import CustomerView

MOST_ROWS: Final = 10
"""Orders and campaigns that are shown."""

DAYS_OF_HISTORY: Final = 12


@app.command()
def customer(
    params: ParamsFile,
    customer_id: Annotated[str, typer.Argument(metavar="ID", help="As in the orders or the contacts.")],
    as_of: AsOf = None,
    out: Out = None,
) -> None:
    """Show everything a study knows of one customer; no name, no address."""
    from rfm_ml.features.customer_360.customer_id import WHERE
    from rfm_ml.features.customer_360.customer_view import CustomerView
    from rfm_ml.study.published import PublishedStudy

    if not customer_id.strip():
        raise ParamsError(f"The customer must be given by their id. Got an empty one. {WHERE}")
    study = PublishedStudy(params, as_of=day_of(as_of), out=out)
    view = CustomerView(study, customer_id)
    _say(f"Customer {view.customer_id} of {study.params.study}, as of {study.as_of}: {view.stage}.")
    _segments(view)
    _say(*(f"Note: {told}" for told in study.notes))
    _show("What else is known", view.facts.iloc[1:])
    _behaviour(view)
    _history(view)
    if view.not_known:
        _say("", view.not_known)


def _segments(view: "CustomerView") -> None:
    """Print where the customer stands, why, and what would move them up."""
    if view.is_prospect:
        first = view.segments.iloc[0]
        _say(f"By every strategy {first['reason']} {first['next_step']}")
    for row in () if view.is_prospect else view.segments.to_dict("records"):
        where = f"{row['strategy']} in {row['channel']}" if "channel" in row else row["strategy"]
        since = f" (there since {row['since']})" if row["since"] else ""
        _say(f"{where}{since}: {row['reason']} {row['next_step']}")
    _say(*view.waiting)


def _behaviour(view: "CustomerView") -> None:
    """Print what the customer did and is expected to do."""
    from rfm_ml.features.customer_360.channels import MOST_CHANNELS
    from rfm_ml.features.customer_360.customer_view import MEASURES
    from rfm_ml.features.customer_360.outlook import own_models, side_by_side

    measures = view.measures.rename(columns=MEASURES)
    _show("How they buy", measures if "channel" in measures else _upright(measures))
    _show("By channel", view.channels)
    _show(f"Scores and segments by channel, at most {MOST_CHANNELS}", view.channel_scores)
    if view.predictions is not None:
        _show("What they are expected to do", side_by_side(view.predictions))
        _say(*own_models(view.predictions))
    elif not view.is_prospect:
        _say("", view.why_not["predictions"])
    _show("Besides ordering", view.events)
    _show_last(view.campaigns, of="campaign")


def _history(view: "CustomerView") -> None:
    history = view.history
    if history is not None:
        told = history.assign(published=history["published"].map({True: "published", False: "by today's rules"}))
        told = told.rename(columns={"published": "known"}).tail(DAYS_OF_HISTORY)
        told.loc[told["as_of"] == pd.Timestamp(view.study.as_of), "known"] = "today"
        scores = [c for c in ("R", "F", "M") if c in told]
        if scores:
            told["scores"] = told[scores].astype("str").agg(" ".join, axis=1)
        _show(f"Segments by {view.study.strategies[0]}", told.drop(columns=scores))
    elif not view.is_prospect:
        _say("", view.why_not["history"])
    _show_last(view.orders, of="order or return")


def _show_last(rows: pd.DataFrame, *, of: str) -> None:
    """Show the latest rows; the title tells of how many."""
    every = "orders and returns" if of == "order or return" else f"{of}s"
    if len(rows) > MOST_ROWS:
        _show(f"The last {MOST_ROWS} of {len(rows):,} {every}", rows.head(MOST_ROWS))
    else:
        _show(f"Their {len(rows)} {every}" if len(rows) > 1 else f"Their only {of}", rows)


def _upright(rows: pd.DataFrame) -> pd.DataFrame:
    """Turn a table of one row, so that each measure has a line."""
    values = rows.astype("object").T
    values.columns = pd.Index([""] * len(rows))
    return values.rename_axis("measure").reset_index() if len(rows) else values.iloc[:0]


def _say(*sentences: str) -> None:
    for sentence in sentences:
        console.print(sentence, markup=False)


def _show(title: str, frame: pd.DataFrame | None) -> None:
    """Print a table below its title; nothing where there are no rows."""
    if frame is None or frame.empty:
        return
    headings = (str(c).replace("_", " ") for c in frame.columns)
    table = Table(*headings, title=title, title_justify="left", box=None, pad_edge=False)
    for row in frame.itertuples(index=False):
        table.add_row(*map(_text, row))
    console.print()
    console.print(table, markup=False)


def _text(value: Any) -> str:
    if pd.isna(value):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
