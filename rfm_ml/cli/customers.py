"""Commands about single customers."""

from typing import Annotated, Any

import pandas as pd
import typer
from rich.table import Table

from rfm_ml.cli.app import AsOf, Out, ParamsFile, app, console, day_of

MOST_ORDERS = 10


@app.command()
def customer(
    params: ParamsFile,
    customer_id: Annotated[str, typer.Argument(metavar="ID", help="As in the orders or the contacts.")],
    as_of: AsOf = None,
    out: Out = None,
) -> None:
    """Show everything a study knows of one customer; no name, no address."""
    from rfm_ml.study.customer_view import CustomerView
    from rfm_ml.study.published import PublishedStudy

    study = PublishedStudy(params, as_of=day_of(as_of), out=out)
    view = CustomerView(study, customer_id)
    console.print(
        f"Customer {view.customer_id} of {study.params.study}, as of {study.as_of}: {view.stage}.", markup=False
    )
    for row in view.segments.to_dict("records"):
        where = f" in {row['channel']}" if "channel" in row else ""
        told = f"{row['reason']} {row['next_step']}" if row["reason"] else f"{row['segment']}."
        console.print(f"{row['strategy']}{where}: {told}", markup=False)
    for told in study.notes:
        console.print(f"Note: {told}", markup=False)
    _show("Measures", None if view.is_prospect else _upright(view.measures), "He has not ordered yet.")
    _show("By channel", view.channels, view.why_not.get("channels"))
    predicted = view.predictions
    _show("Predictions", None if predicted is None else _upright(predicted), view.why_not.get("predictions"))
    _show("Besides ordering", view.events, view.why_not.get("events"))
    history = view.history
    _show("Segments at the month ends", history, view.why_not.get("history"))
    _show(f"The last {MOST_ORDERS} of {len(view.orders):,} orders and returns", view.orders.head(MOST_ORDERS))


def _upright(rows: pd.DataFrame) -> pd.DataFrame:
    """Turn a table of few rows, so that each measure has a line."""
    names = rows["channel"].astype("str") if "channel" in rows else ["value"] * len(rows)
    turned = rows.drop(columns=[c for c in ("customer_id", "channel") if c in rows]).astype("object").T
    turned.columns = pd.Index(names)
    return turned.rename_axis("measure").reset_index()


def _show(title: str, frame: pd.DataFrame | None, why_not: str | None = None) -> None:
    console.print()
    if frame is None or frame.empty:
        console.print(f"{title}: {why_not or 'none.'}", markup=False)
        return
    table = Table(*map(str, frame.columns), title=title, title_justify="left", box=None, pad_edge=False)
    for row in frame.itertuples(index=False):
        table.add_row(*map(_text, row))
    console.print(table)


def _text(value: Any) -> str:
    if pd.isna(value):
        return "-"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
