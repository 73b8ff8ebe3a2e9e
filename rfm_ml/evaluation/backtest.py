"""The backtest: every candidate learns at every origin and is judged by what customers did next."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache, partial
from typing import Final

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from rfm_ml.core.errors import RfmError
from rfm_ml.evaluation.candidates import Candidate, Rule, cut_rule
from rfm_ml.evaluation.economics import Economics, profit_measures
from rfm_ml.evaluation.inference import bootstrap_weights, interval
from rfm_ml.evaluation.lasting import Learner, lasting_measures
from rfm_ml.evaluation.measures import segment_measures, value_measures
from rfm_ml.evaluation.origins import Origin

BUDGETS: Final = (5, 10)
"""Numbers of groups that scores are cut into, so that they are compared with segmentations on equal terms."""

LEVEL: Final = 0.95


@dataclass(frozen=True)
class Settings:
    """How much work to do: bootstraps of customers, refits for stability, the profit's assumptions, the seed."""

    bootstraps: int = 1000
    refits: int = 50
    economics: Economics = field(default_factory=Economics)
    seed: int = 0


@dataclass(frozen=True)
class Judged:
    """One strategy at one origin.

    Attributes
    ----------
    strategy
        The candidate's name, with `/5` or `/10` behind it where its score was cut.
    groups
        Number of its groups; 0 for a score that was not cut.
    cut
        Into how many groups its score was cut, 0 if it was not.
    table
        `measure, value, low, high`.
    draws
        The value measures that every bootstrap sample gave, shape (bootstraps,): the same samples for all strategies.
    scores, labels
        Of the customers at T, by position.
    """

    strategy: str
    candidate: str
    track: str
    groups: int
    cut: int
    origin: date
    table: pd.DataFrame
    draws: dict[str, np.ndarray]
    scores: np.ndarray
    labels: np.ndarray | None


@dataclass(frozen=True)
class Outcome:
    """What came of a candidate at an origin: what was judged, and what a reader must know."""

    judged: tuple[Judged, ...]
    notes: tuple[str, ...]


def run_backtest(
    candidates: Sequence[Candidate],
    origins: Sequence[Origin],
    *,
    settings: Settings | None = None,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[Outcome]:
    """Let every candidate learn and answer at every origin, and judge it by the spend that followed.

    Parameters
    ----------
    candidates
        With different names.
    origins
        As `make_origins` gives, earliest first. Refits for stability are done at the last one.
    settings
        None for the defaults.
    jobs
        Processes; results are the same for any number.
    progress
        Told how many of how many answers are judged.

    Returns
    -------
        One per origin, the last one first, and candidate.

    Notes
    -----
    A candidate learns from `Origin.history` alone, in which there is nothing after T. The spend after T is only read
    here, once the candidate has answered. All candidates of an origin are judged on the same bootstrap samples of its
    customers, so that differences between them are paired. Rolling origins: Tashman (2000), "Out-of-sample tests of
    forecasting accuracy", International Journal of Forecasting 16, 437-450.
    """
    chosen, last = settings or Settings(), max(o.day for o in origins)
    tasks = [
        delayed(judge)(candidate, origin, settings=chosen, with_refits=origin.day == last)
        for origin in reversed(origins)  # the last one first: it takes longest, with its refits
        for candidate in candidates
    ]
    done: list[Outcome] = []
    for outcome in _results(tasks, jobs=jobs):
        done.append(outcome)
        if progress is not None:
            progress(len(done), len(tasks))
    return done


def _results(tasks: list[tuple], *, jobs: int) -> Iterator[Outcome]:
    if jobs == 1:
        yield from (function(*given, **options) for function, given, options in tasks)
        return
    yield from Parallel(n_jobs=jobs, return_as="generator")(tasks)


def judge(candidate: Candidate, origin: Origin, *, settings: Settings, with_refits: bool) -> Outcome:
    """Judge one candidate at one origin, as it is and, if it is a mere score, cut into groups.

    What keeps a candidate from answering becomes a note: the others go on without it.
    """
    learner = Learner(candidate, origin)
    # One thread each: there are as many processes as there may be, and threads of trees wait for each other.
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(limits=1):
        warnings.simplefilter("always")
        try:
            entries = _entries(learner.at_origin(), origin)
            found = tuple(
                _judged(learner, rule, settings=settings, cut=cut, with_refits=with_refits)
                for cut, rule in entries.items()
            )
            why = ""
        except RfmError as error:
            found, why = (), str(error)
        except Exception as error:  # a user's own class may fail in any way
            found, why = (), f"{type(error).__name__}: {error}"
    told = [str(w.message) for w in caught if issubclass(w.category, UserWarning)]
    notes = [f"{candidate.name} is left out at {origin.day}. {why}"] if why else []
    return Outcome(found, tuple(notes + [f"{candidate.name}: {t}" for t in dict.fromkeys(told)]))


def _entries(rule: Rule, origin: Origin) -> dict[int, Rule]:
    """Return the rule as it is (0) and its score cut into 5 and 10 groups, where it has no groups of its own."""
    now = origin.history.now
    if rule.labels(now) is not None or len(np.unique(rule.scores(now))) == 1:
        return {0: rule}
    return {0: rule} | {k: cut_rule(rule, now, groups=k) for k in BUDGETS}


def _judged(learner: Learner, rule: Rule, *, settings: Settings, cut: int, with_refits: bool) -> Judged:
    candidate, origin = learner.candidate, learner.origin
    history, spend = origin.history, origin.spend
    scores, labels = np.asarray(rule.scores(history.now), dtype=np.float64), rule.labels(history.now)
    weights = bootstrap_sample(len(spend), settings.bootstraps, settings.seed)
    mean_spend = float(history.between.mean())
    value = partial(value_measures, mean_train=mean_spend if candidate.money else None)
    profit = partial(profit_measures, economics=settings.economics, mean_spend=mean_spend)
    draws = on_distinct(value, spend, scores, weights=weights) | on_distinct(profit, spend, scores, weights=weights)
    parts = [_rows(draws)]
    if labels is not None:
        codes = pd.factorize(labels, sort=True)[0]
        parts.append(_rows(on_distinct(segment_measures, spend, codes, weights=weights)))
        refits = settings.refits if with_refits else 0
        parts.append(lasting_measures(learner, rule, cut=cut, weights=weights, refits=refits, seed=settings.seed))
    name = f"{candidate.name}/{cut}" if cut else candidate.name
    return Judged(
        strategy=name,
        candidate=candidate.name,
        track=candidate.track,
        groups=0 if labels is None else len(np.unique(labels.astype(str))),
        cut=cut,
        origin=origin.day,
        table=pd.concat(parts, ignore_index=True),
        draws={measure: values[1:].astype(np.float32) for measure, values in draws.items()},
        scores=scores,
        labels=labels,
    )


def _rows(draws: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return `measure, value, low, high` of measures whose first element is of the customers themselves."""
    rows = [(measure, float(values[0]), *interval(values[1:], level=LEVEL)) for measure, values in draws.items()]
    return pd.DataFrame(rows, columns=["measure", "value", "low", "high"])


@lru_cache(maxsize=2)
def bootstrap_sample(size: int, repeats: int, seed: int) -> np.ndarray:
    """Return how often each customer is drawn, shape (1 + repeats, size); the first row is everybody once."""
    once = np.ones((1, size), dtype=np.uint16)
    return np.concatenate([once, bootstrap_weights(size, repeats=repeats, seed=seed)])


def on_distinct(
    measures: Callable[..., dict[str, np.ndarray]], spend: np.ndarray, by: np.ndarray, *, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Compute measures on weights, once per distinct pair of spend and score (or segment).

    Customers who agree in both count as one with the sum of their weights. Measures cannot tell the difference, and of
    segments, and of most customers, who spend nothing, there are few distinct pairs.
    """
    order = np.lexsort((spend, by))
    y, s = spend[order], by[order]
    first = np.flatnonzero(np.r_[True, (y[1:] != y[:-1]) | (s[1:] != s[:-1])])
    if len(first) == len(y):
        return measures(y, s, weights=weights[:, order])
    counted = np.add.reduceat(weights[:, order], first, axis=1, dtype=np.int32)
    return measures(y[first], s[first], weights=counted)
