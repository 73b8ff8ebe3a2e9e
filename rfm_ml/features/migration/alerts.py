"""Alerts: what has moved beyond the limits of the params, and stopping a run on it."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import pandas as pd

from rfm_ml.core.errors import AlertError
from rfm_ml.params.study import Alerts

MOST: Final = 3
"""Alerts that are told one by one where there is little room."""

FILE: Final = "alerts.txt"
"""Where a run that an alert has stopped leaves all of them, one a line."""


def data_alerts(data: Sequence[dict[str, Any]], *, limits: Alerts) -> list[str]:
    """Return a sentence for each count of the log that differs too much from the last run.

    Parameters
    ----------
    data
        `what`, `before`, `now` of lines, orders and customers.
    limits
        Of the params.
    """
    if limits.rows is None:
        return []
    return [
        f"The log went from {d['before']:,} to {d['now']:,} {d['what']} since the last run, by more than "
        f"{limits.rows:.0%}."
        for d in data
        if abs(d["now"] - d["before"]) > limits.rows * d["before"]
    ]


def drift_alerts(name: str, drift: pd.DataFrame, *, limits: Alerts) -> list[str]:
    """Return a sentence for each measure of a strategy that has drifted too far since the fit, the worst first.

    Parameters
    ----------
    name
        Of the strategy.
    drift
        `measure, psi`.
    limits
        Of the params.
    """
    if limits.drift_psi is None:
        return []
    beyond = drift[drift["psi"] > limits.drift_psi].sort_values("psi", ascending=False, kind="stable")
    return [
        f"{name}: {r['measure']} has drifted since the fit, PSI {r['psi']:.2f} against a limit of {limits.drift_psi:g}."
        for r in beyond.to_dict("records")
    ]


def size_alerts(name: str, table: pd.DataFrame, *, since: date, limits: Alerts) -> list[str]:
    """Return a sentence for each segment that has grown or shrunk too much, the one with most customers first.

    Parameters
    ----------
    name
        Of the strategy.
    table
        `segment, before, after, net`.
    since
        The last published day.
    limits
        Of the params.
    """
    if limits.segment_size is None:
        return []
    most = table[["before", "after"]].max(axis=1)
    beyond = (most >= limits.at_least) & (table["net"].abs() > limits.segment_size * table["before"])
    ordered = table[beyond].loc[most[beyond].sort_values(ascending=False, kind="stable").index]
    return [
        f"{name}: {r['segment']} went from {r['before']:,} to {r['after']:,} customers since {since}, by more than "
        f"{limits.segment_size:.0%}."
        for r in ordered.to_dict("records")
    ]


def shortened(alerts: Sequence[str], *, where: str, most: int = MOST) -> list[str]:
    """Return the first alerts, and in place of the others how many they are and where they are told.

    Examples
    --------
    >>> shortened(["a.", "b.", "c.", "d.", "e."], where="run.json")
    ['a.', 'b.', 'c.', 'And 2 more alerts: run.json.']
    >>> shortened(["a.", "b.", "c.", "d."], where="run.json")
    ['a.', 'b.', 'c.', 'd.']
    """
    if len(alerts) <= most + 1:  # a line that says "1 more" would take the place of the alert itself
        return list(alerts)
    return [*alerts[:most], f"And {len(alerts) - most:,} more alerts: {where}."]


def stop(alerts: Sequence[str], *, failed: Path) -> None:
    """Stop a run on its alerts.

    Parameters
    ----------
    alerts
        One or more.
    failed
        Folder that gets all of them in `alerts.txt`; what was in it goes.

    Raises
    ------
    AlertError
        Always.
    """
    failed.mkdir(parents=True, exist_ok=True)
    file = failed / FILE
    file.write_text("".join(f"{a}\n" for a in alerts), encoding="utf-8")
    raise AlertError(
        f"No alert may pass its limit, as the params say stop: true. Got {len(alerts)}: "
        + " ".join(shortened(alerts, where=str(file)))
        + " Look at the data, then raise the limit or set stop: false. Nothing was published."
    )
