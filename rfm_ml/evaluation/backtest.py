"""The backtest: every candidate learns at every origin and is judged by what customers did next."""

import pickle
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from rfm_ml.core.errors import RfmError
from rfm_ml.evaluation.candidates import Candidate, Rule, cut_rule
from rfm_ml.evaluation.inference import bootstrap_weights, interval
from rfm_ml.evaluation.measures import segment_measures, value_measures
from rfm_ml.evaluation.origins import Origin
from rfm_ml.evaluation.profit import Economics, profit_measures
from rfm_ml.evaluation.stability import Learner, stability_measures

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
    done: list[Outcome] = []
    total = len(origins) * len(candidates)
    for outcome in _results(candidates, origins, settings=chosen, last=last, jobs=jobs):
        done.append(outcome)
        if progress is not None:
            progress(len(done), total)
    return done


def _results(
    candidates: Sequence[Candidate], origins: Sequence[Origin], *, settings: Settings, last: date, jobs: int
) -> Iterator[Outcome]:
    latest_first = sorted(origins, key=lambda o: o.day, reverse=True)  # it takes longest, with its refits
    if jobs == 1:
        for origin in latest_first:
            for candidate in candidates:
                yield judge(candidate, origin, settings=settings, with_refits=origin.day == last)
        return
    with TemporaryDirectory() as folder:  # each process reads an origin once, not with every task
        tasks = []
        for origin in latest_first:
            path = Path(folder) / f"{origin.day}.pickle"
            path.write_bytes(pickle.dumps(origin))
            tasks += [
                delayed(_judge_at)(c, path, settings=settings, with_refits=origin.day == last) for c in candidates
            ]
        yield from Parallel(n_jobs=jobs, return_as="generator")(tasks)


def _judge_at(candidate: Candidate, path: Path, *, settings: Settings, with_refits: bool) -> Outcome:
    return judge(candidate, _read(path), settings=settings, with_refits=with_refits)


@lru_cache(maxsize=1)
def _read(path: Path) -> Origin:
    origin: Origin = pickle.loads(path.read_bytes())
    return origin


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
    history = origin.history
    if rule.labels(history.now) is not None:
        return {0: rule}
    cuts = {k: cut_rule(rule, history, groups=k) for k in BUDGETS}
    return {0: rule} | {k: cut for k, cut in cuts.items() if len(cut.edges)}


def _judged(learner: Learner, rule: Rule, *, settings: Settings, cut: int, with_refits: bool) -> Judged:
    candidate, origin = learner.candidate, learner.origin
    history, spend = origin.history, origin.spend
    scores, labels = np.asarray(rule.scores(history.now), dtype=np.float64), rule.labels(history.now)
    weights = bootstrap_sample(len(spend), settings.bootstraps, settings.seed)
    mean_spend = float(history.between.mean())
    mean_train = mean_spend if candidate.money or cut else None
    draws = value_measures(spend, scores, mean_train=mean_train, weights=weights) | profit_measures(
        spend, scores, weights=weights, economics=settings.economics, mean_spend=mean_spend
    )
    parts = [_rows(draws)]
    if labels is not None:
        codes = pd.factorize(labels, sort=True)[0]
        parts.append(_rows(segment_measures(spend, codes, weights=weights)))
        refits = settings.refits if with_refits else 0
        parts.append(stability_measures(learner, rule, cut=cut, weights=weights, refits=refits, seed=settings.seed))
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
