"""A strategy of our own: who buys at one time of the year, and whether it is soon."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

YEAR = 365.25


class SeasonalBuyers(BaseEstimator):
    """Segments by season: customers who come back about a year after they came, and when they are due.

    Seasonal are customers with at least two order days whose first and last order lie a whole number of years apart,
    give or take `season_days`. They are due soon if the next such day is at most `ahead_days` away. All others are told
    apart by how long they have been silent, against what is usual among those who ordered again.

    Parameters
    ----------
    season_days
        How far from the same day of the year still counts, in days.
    ahead_days
        How far ahead a season is soon, in days.
    """

    # Best first: the order in which pages and lists show the segments.
    labels = ("Season is near", "Season is far", "All year", "One order", "Silent")

    def __init__(self, season_days=30, ahead_days=45):
        self.season_days = season_days
        self.ahead_days = ahead_days

    def fit(self, customers, y=None):
        """Learn after how many days most of those who ordered again have ordered again."""
        again = customers[customers["active_days"] > 0]
        self.silent_after_ = float(again["recency_days"].quantile(0.8)) if len(again) else YEAR
        return self

    def details(self, customers):
        """Return what each label rests on; these columns stand in the segment lists."""
        years = (customers["active_days"] / YEAR).round()
        off = (customers["active_days"] - years * YEAR).abs()
        seasonal = (years >= 1) & (off <= self.season_days)
        days = (YEAR - customers["recency_days"] % YEAR).round()
        return pd.DataFrame({"seasonal": seasonal, "days_to_season": days.where(seasonal)}, index=customers.index)

    def predict(self, customers):
        """Return one segment per customer."""
        found = self.details(customers)
        rules = [
            customers["recency_days"].isna(),  # never ordered: no label, which makes them a Prospect
            found["seasonal"] & (found["days_to_season"] <= self.ahead_days),
            found["seasonal"],
            customers["recency_days"] > self.silent_after_,
            customers["active_days"] == 0,
        ]
        labels = ["", "Season is near", "Season is far", "Silent", "One order"]
        return pd.Series(np.select(rules, labels, "All year"), index=customers.index, dtype="str")

    def explain(self, customers):
        """Return the reason in one sentence per customer."""
        last = customers["recency_days"].map("Last order {:.0f} days ago, ".format)
        days = self.details(customers)["days_to_season"]
        season = days.map("a season buyer, due in {:.0f} days.".format)
        return last + season.where(days.notna(), f"no season seen; silent after {self.silent_after_:.0f} days.")

    def to_dict(self):
        """Return what is needed to label the same again."""
        return {**self.get_params(), "silent_after": self.silent_after_}

    @classmethod
    def from_dict(cls, state):
        """Return the strategy that `to_dict` wrote."""
        made = cls(state["season_days"], state["ahead_days"])
        made.silent_after_ = state["silent_after"]
        return made
