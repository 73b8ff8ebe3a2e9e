"""The dynamic segments of a study: who is in them, what they are worth, and their sizes over time."""

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import pandas as pd

from rfm_ml.core.checks import did_you_mean, require_known
from rfm_ml.core.errors import ParamsError
from rfm_ml.core.store import digest
from rfm_ml.core.text import long_day, percent
from rfm_ml.criteria import Condition, count_members, membership, parse_criteria, predicates, unmatched_values
from rfm_ml.criteria.conditions import Column, Every, Filter
from rfm_ml.criteria.limits import EXACTLY, Bounds, require_possible
from rfm_ml.customers.engagement import ENGAGED
from rfm_ml.features.feature import Facts, Feature, Report
from rfm_ml.segments import PROSPECT
from rfm_ml.strategies import ScoreStrategy
from rfm_ml.study.lists import write_list
from rfm_ml.study.study import Study

MONTHS: Final = 12
"""Month-ends before the as-of day at which sizes are counted."""


class DynamicSegments(Feature):
    """Segments by the criteria of a study.

    Parameters
    ----------
    study
        With `dynamic_segments` in its params, or without.
    where
        More criteria by name, as the params write them.

    Raises
    ------
    ParamsError
        If criteria are not usable; with the path to the fault.

    Examples
    --------
    >>> lately = {"orders": {"count": ">= 2", "within_days": 90}}
    >>> DynamicSegments(Study("params/cdnow.yml"), where={"lately": lately}).counts()
    {'lately': 151}
    """

    def __init__(self, study: Study, *, where: Mapping[str, Any] | None = None) -> None:
        super().__init__(study)
        given = {name: (s.where, f"dynamic_segments.{name}.where") for name, s in study.params.dynamic_segments.items()}
        given |= {name: (criteria, name) for name, criteria in (where or {}).items()}
        self.criteria = {name: parse_criteria(criteria, path=path) for name, (criteria, path) in given.items()}
        self._require_segments()

    @property
    def names(self) -> list[str]:
        """Names of the segments, in the order of the params."""
        return list(self.criteria)

    def counts(self, names: Sequence[str] | None = None, *, within: str | None = None) -> dict[str, int]:
        """Return the number of members by segment, counted in one query.

        Parameters
        ----------
        names
            Segments to count; None for all.
        within
            A segment: only members who are in it too are counted.

        Raises
        ------
        ParamsError
            If there is no segment of a name.
        """
        criteria = self._chosen(names)
        if within is not None:
            (also,) = self._chosen([within]).values()
            criteria = {name: Every((condition, also)) for name, condition in criteria.items()}
        return count_members(self._members(criteria, self.study), list(criteria))

    def require_usable(self) -> None:
        """Refuse criteria that ask for tables, columns or values the study does not have; nobody is counted.

        Raises
        ------
        ParamsError
            With the path to the fault.
        """
        self._members(self.criteria, self.study)

    def remarks(self) -> list[str]:
        """Return the values that criteria name and the data do not hold, as `not_seen`."""
        return self.not_seen()

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return what each segment is worth, the sizes over time and the overlap, if the params have any."""
        if not self.names:
            return {}
        return {
            "dynamic_segments": self.summary,
            "dynamic_sizes": self.history,
            "dynamic_overlap": self.overlap,
        }

    def write(self, report: Report) -> None:
        """Write the tables, and the members of each segment to `segments/dynamic/`."""
        super().write(report)
        folder = report.day.folder("segments") / "dynamic"
        if self.names:
            folder.mkdir()
        for name in self.names:
            write_list(self.study, self.members(name), folder / name)

    def facts(self) -> Facts:
        """Return a row per segment for the front page, with its size one period ago."""
        return Facts({"dynamic": [self._row(row) for row in self.summary.to_dict("records")] if self.names else []})

    def _row(self, row: dict[Any, Any]) -> dict[str, str]:
        sizes = self.history.sort_values("as_of")
        before = sizes.loc[sizes["name"] == row["name"], ["as_of", "customers"]].to_numpy()[-2:-1]
        return {
            "name": row["name"],
            "description": row["description"],
            "customers": f"{row['customers']:,}",
            "share": percent(row["share"]),
            "revenue_share": percent(row["revenue_share"]),
            "before": ", ".join(f"{n:,} on {long_day(pd.Timestamp(day).date())}" for day, n in before),
        }

    def members(self, name: str) -> pd.DataFrame:
        """Return who is in a segment: `customer_id, orders, spend, last_order_on, segment`, by customer.

        Orders, spend and last order are those of the customers table, missing for contacts who never ordered; with
        `by: channel` they are of all channels. `segment` is the leading strategy's, left out with `by: channel`.
        With events `engagement_score` follows, of contacts who never ordered too.
        """
        require_known(name, self.names, what="A dynamic segment of this study")
        ids = self._everybody.loc[self._everybody[name], ["customer_id"]]
        found = ids.merge(self._known, on="customer_id", how="left").reset_index(drop=True)
        scores = self._scores
        return found if scores is None else found.assign(engagement_score=found["customer_id"].map(scores))

    def not_seen(self, names: Sequence[str] | None = None) -> list[str]:
        """Say which values the criteria of some or all segments name that the data do not hold, as yet."""
        criteria = self._chosen(names)
        return unmatched_values(criteria, **self._inputs(criteria, self.study))

    def of_customer(self, customer_id: Any) -> list[str]:
        """Return the segments that one customer or contact is in, in the order of the params."""
        if not self.names:
            return []
        members = self._members(self.criteria, self.study)
        rows = members.filter(members.customer_id == customer_id).to_pyarrow().to_pylist()
        return [name for name in self.names if any(row[name] for row in rows)]

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row per segment: `name, description, customers, share, orders, revenue, revenue_share`.

        `share` is of everybody known by the day, `revenue_share` of the revenue of all customers.
        """
        total = float(self._known["spend"].sum())
        rows = []
        for name in self.names:
            members = self.members(name)
            revenue = float(members["spend"].sum())
            row = {"name": name, "description": self._description(name), "customers": len(members)}
            row |= {"share": len(members) / len(self._everybody), "orders": int(members["orders"].fillna(0).sum())}
            rows.append(row | {"revenue": round(revenue, 2), "revenue_share": revenue / total if total else 0.0})
        columns = ["name", "description", "customers", "share", "orders", "revenue", "revenue_share"]
        return pd.DataFrame(rows, columns=columns)

    def sizes(self, as_ofs: Sequence[dt.date] | None = None) -> pd.DataFrame:
        """Return `as_of, name, customers`: the criteria of today evaluated as of each day.

        Parameters
        ----------
        as_ofs
            Days; None for the last `MONTHS` month-ends with orders, and the study's own day.

        Notes
        -----
        Orders, events and campaigns after a day do not count, measures are those of the day. Segments and scores are
        what was published of the day before the study's own day, see `EarlierDay`. Contacts carry no dates: their
        details are today's, and who is a contact today was one always.
        """
        rows = []
        for day in sorted(set(self._month_ends() if as_ofs is None else as_ofs)):
            counts = count_members(self._members(self.criteria, self._seen_from(day)), self.names)
            rows += [(pd.Timestamp(day), name, counts[name]) for name in self.names]
        return pd.DataFrame(rows, columns=["as_of", "name", "customers"])

    @cached_property
    def history(self) -> pd.DataFrame:
        """As `sizes`, at the month-ends and the day of the study."""
        published = {name: self.study.earlier.content(name) for name in self._strategies(self.criteria)}
        written = {name: repr(criteria) for name, criteria in self.criteria.items()}
        return self.study.store.frame("dynamic", digest(self.study.basis, written, published), self.sizes)

    @cached_property
    def overlap(self) -> pd.DataFrame:
        """How many members are in which segment of the leading strategy: `name, segment, customers, share`.

        `share` is of the members; the most common segment comes first. No rows with `by: channel`, where one customer
        may be in several.
        """
        parts = []
        for name in self.names:
            members = self.members(name)
            if "segment" in members and len(members):
                sizes = members["segment"].value_counts().rename_axis("segment").reset_index(name="customers")
                sizes = sizes.sort_values(["customers", "segment"], ascending=[False, True])
                parts.append(sizes.assign(name=name, share=sizes["customers"] / len(members)))
        columns = ["name", "segment", "customers", "share"]
        return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)

    # --- what the criteria ask of a day -----------------------------------------------------------------------
    def _members(self, criteria: Mapping[str, Condition], seen: Study) -> Any:
        return membership(criteria, **self._inputs(criteria, seen))

    def _inputs(self, criteria: Mapping[str, Condition], seen: Study) -> dict[str, Any]:
        asked = {leaf.source for c in criteria.values() for leaf in predicates(c) if isinstance(leaf, Column)}
        study = self.study
        tables = {n: getattr(study, n) for n in ("orders", "lines", "events", "campaigns", "contacts", "products")}
        labels = {name: _without_blanks(seen.segments(name)) for name in self._strategies(criteria)}
        measures = _with_leads(criteria, seen) if "measure" in asked else None
        return {"tables": tables, "as_of": seen.as_of, "customers": measures, "labels": labels}

    def _strategies(self, criteria: Mapping[str, Condition]) -> list[str]:
        """Return the strategies whose segments or scores the criteria ask for."""
        sources = {leaf.source for c in criteria.values() for leaf in predicates(c) if isinstance(leaf, Column)}
        first = self.study.strategies[0]
        named = {s.partition(":")[2] or first for s in sources if s.startswith("labels:")}
        return [name for name in self.study.strategies if name in named]

    def _seen_from(self, day: dt.date) -> Study:
        return self.study.at(day)

    def _month_ends(self) -> list[dt.date]:
        ends = pd.date_range(self.study.customers["first_order_on"].min(), self.study.as_of, freq="ME")
        return [*(end.date() for end in ends[-MONTHS:]), self.study.as_of]

    @cached_property
    def _everybody(self) -> pd.DataFrame:
        found = self._members(self.criteria, self.study).order_by("customer_id").to_pyarrow()
        return found.to_pandas()

    @cached_property
    def _scores(self) -> pd.Series | None:
        return self.study.engagement_scores

    @cached_property
    def _known(self) -> pd.DataFrame:
        study = self.study
        sums = study.customers.groupby("customer_id", as_index=False, sort=True).agg(
            orders=("orders", "sum"), spend=("spend", "sum"), last_order_on=("last_order_on", "max")
        )
        if study.params.customers.by is not None:
            return sums
        segments = study.segments()[["customer_id", "segment"]]
        return sums.merge(segments, on="customer_id", how="outer").astype({"orders": "Int64"})

    def _chosen(self, names: Sequence[str] | None) -> dict[str, Condition]:
        for name in names or ():
            require_known(name, self.names, what="A dynamic segment of this study")
        return {name: self.criteria[name] for name in names or self.criteria}

    def _description(self, name: str) -> str:
        given = self.study.params.dynamic_segments.get(name)
        return given.description if given else ""

    def _require_segments(self) -> None:
        """Refuse a segment that no customer can be in: its name is not one of the strategy's."""
        for leaf in [leaf for c in self.criteria.values() for leaf in predicates(c) if isinstance(leaf, Column)]:
            if not leaf.source.startswith("labels:"):
                continue
            strategy = leaf.source.partition(":")[2] or self.study.strategies[0]
            place = leaf.path.rpartition(".")[0]
            require_known(strategy, self.study.strategies, what=f"{place}.strategy: a strategy of this study")
            self._require_labels(leaf.filters[0], strategy)

    def _require_labels(self, asked: Filter, strategy: str) -> None:
        """Refuse a segment, a cell or a score the strategy does not give."""
        model, closed = self.study.model(strategy), {}
        scored = isinstance(model.strategy_, ScoreStrategy)
        closed["segment"] = self._segments_of(strategy)
        closed["cell"] = model.strategy_.cells if scored else []
        for name in asked.test.operands if closed.get(asked.column) and asked.test.op in EXACTLY else ():
            if name not in closed[asked.column]:
                raise ParamsError(
                    f"{asked.path} must be a {asked.column} of {strategy}. Got {str(name)!r}. "
                    f"{did_you_mean(str(name), closed[asked.column])}"
                )
        if scored and asked.column in model.strategy_.n_scores:
            require_possible(asked.test, Bounds(1, model.strategy_.n_scores[asked.column]), path=asked.path)

    def _segments_of(self, strategy: str) -> list[str]:
        model = self.study.model(strategy)
        names = model.segment_map.all_names() if model.segment_map is not None else model.segments
        return [*dict.fromkeys([*map(str, names), PROSPECT])]


def _with_leads(criteria: Mapping[str, Condition], seen: Study) -> pd.DataFrame:
    """Return the customers table, followed by who never ordered where criteria ask for what these have too."""
    every = [leaf for c in criteria.values() for leaf in predicates(c) if isinstance(leaf, Column)]
    columns = {leaf.filters[0].column for leaf in every if leaf.source == "measure"}
    if seen.events is None or not columns & set(ENGAGED):
        return seen.customers
    return pd.concat([seen.customers, seen.leads], ignore_index=True)


def _without_blanks(assigned: pd.DataFrame) -> pd.DataFrame:
    """Return labels in which prospects have no scores: their 0 is no score below 1."""
    columns = [c for c in ("customer_id", "channel", "segment", "R", "F", "M", "cell") if c in assigned]
    labels = assigned[columns].copy()
    for score in labels.columns.intersection(["R", "F", "M"]):
        labels[score] = labels[score].astype("Int64").mask(labels[score] == 0)
    if "cell" in labels:
        labels["cell"] = labels["cell"].mask(labels["cell"] == "")
    return labels
