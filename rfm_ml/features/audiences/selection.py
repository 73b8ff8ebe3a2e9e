"""Whom the audiences of a study select, before anybody is filtered out."""

from functools import cached_property

import pandas as pd

from rfm_ml.campaigns import require_segments
from rfm_ml.campaigns.audience import best_customers
from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import ParamsError
from rfm_ml.customers.engagement import ENGAGED
from rfm_ml.features.dynamic_segments.dynamic_segments import DynamicSegments
from rfm_ml.features.triggers.triggers import Triggers
from rfm_ml.params.campaigns import Audience
from rfm_ml.segments import PROSPECT
from rfm_ml.study.study import Study


class Selection:
    """Customers and contacts by segment, dynamic segment, trigger or figure.

    Parameters
    ----------
    study
        With `audiences` in its params, or without.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.given: dict[str, Audience] = dict(study.params.audiences)
        self._selected: dict[str, pd.DataFrame] = {}

    def strategy_of(self, name: str) -> str:
        """Return the strategy whose segments an audience tells."""
        return self.given[name].strategy or self.study.strategies[0]

    def selected(self, name: str) -> pd.DataFrame:
        """Return whom an audience selects: `customer_id, segment, value`, sorted by customer.

        `segment` is the customer's in the audience's strategy, `value` their figure by `rank_by`.
        """
        if name not in self._selected:
            audience, everybody = self.given[name], self._everybody(name)
            left = everybody[everybody["customer_id"].isin(self._base_ids(name, audience, everybody))]
            minus = audience.minus
            out = [everybody.loc[everybody["segment"].isin(minus.segments), "customer_id"]]
            out += [self._dynamic.members(d)["customer_id"] for d in minus.dynamic]
            out += [self.selected(other)["customer_id"] for other in minus.audiences]
            left = left[~left["customer_id"].isin(pd.concat(out))]
            if audience.top is not None:
                ranked = left.merge(self._figures(audience.top.by), on="customer_id", how="left")
                left = left[
                    left["customer_id"].isin(best_customers(ranked, by="figure", n=audience.top.n)["customer_id"])
                ]
            figures = self._figures(audience.rank_by).rename(columns={"figure": "value"})
            self._selected[name] = left.merge(figures, on="customer_id", how="left").reset_index(drop=True)
        return self._selected[name]

    def _base_ids(self, name: str, audience: Audience, everybody: pd.DataFrame) -> pd.Series:
        if audience.dynamic is not None:
            return self._dynamic.members(audience.dynamic)["customer_id"]
        if audience.trigger is not None:
            # Who must not be contacted is counted among the filters of the audience, by its own channel.
            return self._triggers.found(audience.trigger)["customer_id"]
        if audience.segments is not None:
            return everybody.loc[everybody["segment"].isin(audience.segments), "customer_id"]
        if audience.suppression:
            return everybody["customer_id"]
        return everybody.loc[everybody["customer_id"].isin(self.study.customers["customer_id"]), "customer_id"]

    def _everybody(self, name: str) -> pd.DataFrame:
        """Return `customer_id, segment` of customers and contacts, each once, sorted."""
        found = self.study.segments(self.strategy_of(name))
        by = self.study.params.customers.by
        if by is not None:
            # A customer of several channels counts as what they are where they spend most.
            spend = self.study.customers[["customer_id", by, "spend"]]
            found = found.merge(spend, on=["customer_id", by], how="left")
            found = found.sort_values(["customer_id", "spend", by], ascending=[True, False, True], kind="stable")
        return (
            found[["customer_id", "segment"]]
            .drop_duplicates("customer_id")
            .sort_values("customer_id", ignore_index=True)
        )

    def _figures(self, by: str) -> pd.DataFrame:
        """Return `customer_id, figure` of a column of the customers table or of the predictions."""
        study = self.study
        known = study.customers
        if by not in known.columns and study.params.clv is not None:
            known = study.predictions
        if by not in known.columns or not pd.api.types.is_numeric_dtype(known[by]) or by == "customer_id":
            columns = [*study.customers.columns, *(study.predictions.columns if study.params.clv is not None else ())]
            more = (
                "" if study.params.clv is not None else " Predictions such as expected_spend need clv: in the params."
            )
            raise ParamsError(
                f"Customers must be ranked by a figure of the customers table or the predictions. Got {by!r}. "
                f"{did_you_mean(by, columns)}{more}"
            )
        if by in ENGAGED:
            known = pd.concat([known[["customer_id", by]], study.leads[["customer_id", by]]])
        # One row per customer and channel: the best of them speaks for the customer.
        return known.groupby("customer_id")[by].max().rename("figure").reset_index()

    @cached_property
    def _triggers(self) -> Triggers:
        return self.study.feature(Triggers)

    @cached_property
    def _dynamic(self) -> DynamicSegments:
        return self.study.feature(DynamicSegments)

    def require_usable(self) -> None:
        """Refuse segments that no customer of the study can be in, and figures it does not have.

        Raises
        ------
        ParamsError
            Names the nearest one.
        """
        for name, audience in self.given.items():
            self._require_segments(name, audience)
            for by in (audience.rank_by, *([audience.top.by] if audience.top else [])):
                self._figures(by)

    def _require_segments(self, name: str, audience: Audience) -> None:
        strategy = self.strategy_of(name)
        model = self.study.model(strategy)
        names = model.segment_map.all_names() if model.segment_map is not None else model.segments
        known = [*map(str, names), PROSPECT]
        for key, asked in {"segments": audience.segments or [], "minus.segments": audience.minus.segments}.items():
            require_segments(asked, known, what=f"audiences.{name}.{key}")
