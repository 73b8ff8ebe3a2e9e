"""The rules of a segment model in words and as SQL: its own where it has them, else those of a surrogate."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from rfm_ml.segments.maps import PROSPECT
from rfm_ml.segments.model import SegmentModel
from rfm_ml.segments.surrogate import FOLDS, Surrogate
from rfm_ml.strategies.rule_sql import rules_query
from rfm_ml.strategies.rules import RuleSet


@dataclass(frozen=True)
class SegmentRules:
    """Rules that say, fully or nearly, in which segment a customer is.

    Attributes
    ----------
    rules
        In the order of the segments.
    exact
        Whether they are the strategy's own rules.
    fidelity
        Share of the customers of whom the rules say what the model says.
    cross_validated
        The same among customers the rules were not learned from; 1 for own rules, NaN with too few customers.
    table
        `segment, rule, customers, share, right`: who meets the rule, and the share of them in this segment. A segment
        that no rule leads to has a row too, with no customers.
    segments
        `segment, customers, found`: the share of each segment's customers whom the rules put there.
    """

    rules: RuleSet
    exact: bool
    fidelity: float
    cross_validated: float
    table: pd.DataFrame
    segments: pd.DataFrame

    @property
    def told(self) -> str:
        """How far the rules can be trusted, in a sentence."""
        if self.exact:
            return "These are the strategy's own rules: they say of every customer what it says."
        unseen = f" ({self.cross_validated:.1%} of customers it was not learned from)"
        return (
            f"A tree that stands in for the strategy: it says the same of {self.fidelity:.1%} of the customers"
            f"{unseen if self.cross_validated == self.cross_validated else ''}."
        )

    def statement(self, *, about: Sequence[str], keys: Sequence[str] = ("customer_id",)) -> str:
        """Return a SELECT over a table `customers`, headed by comments.

        Parameters
        ----------
        about
            Comment lines to begin with.
        keys
            Columns to select beside the segment.
        """
        lines = [*about, self.told]
        if not self.exact:
            lines += [
                f"Second figure by {FOLDS}-fold cross-validation. Found of each segment:",
                *(f"  {s}: {f:.0%} of {n}" for s, n, f in self.segments.itertuples(index=False)),
            ]
        lines += [
            "Columns are those of tables/customers.parquet; recency_days is NULL for who never ordered.",
            "Put your own table in place of customers.",
        ]
        return rules_query(self.rules, keys=keys, comment=lines, without_order=PROSPECT)


def rules_of(model: SegmentModel, customers: pd.DataFrame, *, max_leaves: int = 12) -> SegmentRules:
    """Put a fitted segment model into rules.

    A strategy whose `rules_` are a `RuleSet`, and which needs no map, is told by these, if they do agree with it; any
    other by a `Surrogate` on recency_days, orders and spend.

    Parameters
    ----------
    model
        Fitted.
    customers
        To learn the surrogate from and to count on.
    max_leaves
        Largest number of leaves of the surrogate.

    Examples
    --------
    >>> from rfm_ml.strategies import RuleTree
    >>> customers = pd.DataFrame(
    ...     {"customer_id": range(4), "recency_days": [5, 8, 300, 400], "orders": [2] * 4, "spend": [90.0] * 4}
    ... )
    >>> rules = rules_of(SegmentModel(RuleTree()).fit(customers, [50, 50, 0, 0]), customers)
    >>> rules.table["rule"].tolist()
    ['last order at most 200 days ago', 'last order more than 200 days ago']
    >>> rules.told
    "These are the strategy's own rules: they say of every customer what it says."
    """
    segments = model.predict(customers)
    own = model.strategy_.exact_rules
    if own is not None and model.segment_map is None:
        rules, cross_validated = own, 1.0
        exact = bool((own.predict(customers, without_order=PROSPECT) == segments).all())
    else:
        exact = False
    if not exact:
        surrogate = Surrogate(max_leaves=max_leaves).fit(customers, segments, order=model.segments)
        rules, cross_validated = surrogate.rules_, surrogate.cross_validated_
    known = segments != PROSPECT
    customers, segments = customers[known], segments[known]
    agree = rules.predict(customers, without_order=PROSPECT) == segments
    return SegmentRules(
        rules=rules,
        exact=exact,
        fidelity=float(agree.mean()),
        cross_validated=cross_validated,
        table=_table(rules, customers, agree=agree, segments=segments),
        segments=_found(segments, agree, order=model.segments),
    )


def _table(rules: RuleSet, customers: pd.DataFrame, *, agree: pd.Series, segments: pd.Series) -> pd.DataFrame:
    counted = agree.groupby(rules.match(customers)).agg(["size", "mean"]).reindex(range(len(rules.rules)))
    table = pd.DataFrame(
        {
            "segment": [r.label for r in rules.rules],
            "rule": [r.words() for r in rules.rules],
            "customers": counted["size"].fillna(0).astype("int64"),
            "share": (counted["size"] / len(customers)).fillna(0.0),
            "right": counted["mean"],
        }
    )
    untold = [s for s in sorted(set(segments)) if s not in set(table["segment"])]
    if not untold:
        return table
    more = pd.DataFrame(
        {"segment": untold, "rule": "no rule leads here", "customers": 0, "share": 0.0, "right": float("nan")}
    )
    return pd.concat([table, more], ignore_index=True)


def _found(segments: pd.Series, agree: pd.Series, *, order: Sequence[str]) -> pd.DataFrame:
    counted = agree.groupby(segments.to_numpy()).agg(["size", "mean"])
    names = [*(s for s in order if s in counted.index), *sorted(set(counted.index) - set(order))]
    counted = counted.loc[names]
    return pd.DataFrame(
        {"segment": names, "customers": counted["size"].to_numpy(), "found": counted["mean"].to_numpy()}
    )
