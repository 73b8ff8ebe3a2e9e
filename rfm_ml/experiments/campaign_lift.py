"""One campaign's lift, in all and per segment, by every method that its groups allow, as rows of one table."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import pandas as pd

from rfm_ml.core.checks import require_columns
from rfm_ml.evaluation.inference import holm
from rfm_ml.experiments.cuped import cuped
from rfm_ml.experiments.lift import SMALLEST_GROUP, Lift, bootstrap_lift, enough_active, lift_by_segment, welch_lift
from rfm_ml.experiments.observational import Overlap, overlap_weights, weighted_lift
from rfm_ml.experiments.randomisation import LARGE_DIFFERENCE
from rfm_ml.experiments.verdict import NOT_COMPARABLE, detectable, judge

ALL: Final = "all"
"""In place of a segment: the whole campaign."""

WELCH: Final = "difference of means (Welch)"
CUPED: Final = "less past behaviour (CUPED, Welch)"
BOOTSTRAP: Final = "less past behaviour (CUPED, bootstrap)"
NAIVE: Final = "plain difference (not comparable)"
WEIGHTED: Final = "overlap weights and regression"
PLACEBO: Final = "the same before the campaign (placebo)"
MAIN: Final = (CUPED, WEIGHTED)
"""Methods that the verdict rests on."""

BOOTSTRAP_UP_TO: Final = 50_000
"""Customers up to which intervals are drawn as well; beyond, means are normal."""

SMALLEST_SEGMENT: Final = 30
"""Treated and comparable customers that a segment needs without a hold-out: a regression is fitted in each."""

COLUMNS: Final = [
    *("segment", "outcome", "method", "decides"),
    *("treated", "control", "treated_mean", "control_mean", "lift", "low", "high"),
    *("p_value", "p_holm", "standard_error", "degrees", "total", "total_low", "total_high", "detectable_lift"),
    *("verdict", "words"),
]
"""Columns of the tables of lifts; `decides` marks the rows that the verdict on a campaign or segment rests on."""


class Outcome(NamedTuple):
    """An outcome: its column in the window, its unit as in sentences, and its name in tables."""

    column: str
    unit: str
    name: str


class ObservationalLifts(NamedTuple):
    """A campaign without a hold-out: its rows, the weights, and why it may not be believed, if that was found."""

    rows: pd.DataFrame
    overlap: Overlap | None
    problem: str


def holdout_lifts(
    customers: pd.DataFrame,
    outcome: Outcome,
    *,
    past: list[str],
    level: float = 0.95,
    problem: tuple[str, str] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return a campaign's lift against its hold-out, in all by three methods, and per segment.

    Parameters
    ----------
    customers
        One row per customer who was drawn: `treated`, `segment` (before the campaign), the outcome, and the past.
    past
        Columns of behaviour before the campaign, for CUPED; slopes are estimated over the whole campaign.
    problem
        A verdict and its reason, if one is known that silences the figures.

    Returns
    -------
    pd.DataFrame
        `COLUMNS`. Lifts and means are per customer, totals over the treated, all in the outcome's unit. After CUPED the
        means are those of the adjusted outcome.
    """
    require_columns(list(customers.columns), ["treated", "segment", outcome.column, *past], what="The customers")
    got = customers["treated"].to_numpy(dtype=bool)
    y = customers[outcome.column].to_numpy(dtype=float)
    adjusted = cuped(y, customers[past].to_numpy(dtype=float)).values
    ways = {CUPED: welch_lift(adjusted, got, level=level), WELCH: welch_lift(y, got, level=level)}
    if len(y) <= BOOTSTRAP_UP_TO:
        ways[BOOTSTRAP] = bootstrap_lift(adjusted, got, level=level, seed=seed)
    active = y != 0
    if not enough_active(active, got):
        ways = {method: lift.undetermined() for method, lift in ways.items()}
    how = {"unit": outcome.unit, "level": level}
    if problem is not None:
        how |= {"problem": problem[0], "explanation": problem[1]}
    rows = [_row(ALL, outcome, method, lift, how=how) for method, lift in ways.items()]
    names = customers["segment"].to_numpy(dtype=object)
    segments = lift_by_segment(adjusted, got, names, active=active, level=level)
    for row in segments.to_dict("records"):
        lift = Lift(**{str(k): v for k, v in row.items() if k in Lift._fields})
        rows.append(_row(str(row["segment"]), outcome, CUPED, lift, how=how, p_holm=row["p_holm"]))
    return pd.DataFrame(rows, columns=COLUMNS)


def observational_lifts(
    customers: pd.DataFrame,
    outcome: Outcome,
    *,
    covariates: list[str],
    before: pd.DataFrame | None,
    level: float = 0.95,
    problem: tuple[str, str] | None = None,
) -> ObservationalLifts:
    """Compare who got a campaign with comparable customers who did not; with a placebo from before the campaign.

    Parameters
    ----------
    customers
        One row per customer: `treated`, `segment`, the outcome, and the covariates, all known before the campaign.
    before
        The same columns, seen from one window earlier: the outcome in the window just before the campaign, of the same
        groups. A campaign cannot act before it is sent, so a "lift" in it is what the comparison gets wrong. None if
        there is no such time in the log.
    problem
        As for `holdout_lifts`.
    """
    got = customers["treated"].to_numpy(dtype=bool)
    how: dict[str, Any] = {"unit": outcome.unit, "level": level, "observational": True}
    plain = welch_lift(customers[outcome.column], got, level=level)
    if min(int(got.sum()), int((~got).sum())) < SMALLEST_GROUP:
        rows = [_row(ALL, outcome, WEIGHTED, plain.undetermined(), how=how)]
        return ObservationalLifts(pd.DataFrame(rows, columns=COLUMNS), None, "")
    lift, overlap = _weighted(customers, outcome, covariates, level)
    placebo = None if before is None else _weighted(before, outcome, covariates, level)[0]
    doubt = _doubt(overlap, placebo)
    if problem is not None:
        how |= {"problem": problem[0], "explanation": problem[1]}
    elif doubt:
        how |= {"problem": NOT_COMPARABLE, "explanation": doubt}
    rows = [_row(ALL, outcome, WEIGHTED, lift, how=how), _row(ALL, outcome, NAIVE, plain, how={**how, **_NAIVE})]
    if placebo is not None:
        about = "is about nothing, as it must be" if _passes(placebo) else "is not nothing: the groups differ otherwise"
        words = {"verdict": "", "words": f"The same comparison in the window before the campaign {about}."}
        rows.append(_row(ALL, outcome, PLACEBO, placebo, how=how) | words)
    each = {}
    for name, part in customers.groupby("segment", sort=True):
        inside = part["treated"].to_numpy(dtype=bool)
        if min(int(inside.sum()), int((~inside).sum())) >= SMALLEST_SEGMENT:
            each[str(name)] = _weighted(part, outcome, covariates, level)[0]
    adjusted = holm([segment_lift.p_value for segment_lift in each.values()])
    for (name, segment_lift), p_holm in zip(each.items(), adjusted, strict=True):
        rows.append(_row(name, outcome, WEIGHTED, segment_lift, how=how, p_holm=float(p_holm)))
    return ObservationalLifts(pd.DataFrame(rows, columns=COLUMNS), overlap, doubt)


_NAIVE: Final = {
    "problem": NOT_COMPARABLE,
    "explanation": "who got the campaign was chosen, and the plain difference holds that choice",
}


def _weighted(customers: pd.DataFrame, outcome: Outcome, covariates: list[str], level: float) -> tuple[Lift, Overlap]:
    got = customers["treated"].to_numpy(dtype=bool)
    overlap = overlap_weights(customers[covariates], got)
    y = customers[outcome.column]
    lift = weighted_lift(y, got, customers[covariates], overlap=overlap, level=level)
    return lift if enough_active(y != 0, got) else lift.undetermined(), overlap


def _doubt(overlap: Overlap, placebo: Lift | None) -> str:
    """Return why a comparison is not to be believed, empty if nothing was found."""
    if overlap.worst_balance > LARGE_DIFFERENCE:
        return f"the groups remain unlike after weighting (up to {overlap.worst_balance:.2f} standard deviations)"
    if placebo is not None and not _passes(placebo):
        return "the comparison also finds an effect before the campaign (placebo), so the groups differ otherwise"
    return ""


def _passes(placebo: Lift) -> bool:
    return not placebo.is_determined or placebo.low <= 0 <= placebo.high


def _row(
    segment: str, outcome: Outcome, method: str, lift: Lift, *, how: Mapping[str, Any], p_holm: float = float("nan")
) -> dict[str, Any]:
    verdict = judge(lift, **how, p_adjusted=None if segment == ALL else p_holm)
    total, low, high = (value * lift.treated for value in (lift.difference, lift.low, lift.high))
    return lift._asdict() | {
        "segment": segment,
        "outcome": outcome.name,
        "method": method,
        "decides": method in MAIN,
        "lift": lift.difference,
        "p_holm": p_holm,
        "total": total,
        "total_low": low,
        "total_high": high,
        "detectable_lift": detectable(lift) if lift.is_determined else float("nan"),
        "verdict": verdict.verdict,
        "words": verdict.words,
    }
