"""What every strategy of groups says once the groups are learned: labels, reasons, next steps, drift."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pandas as pd

from rfm_ml.core.checks import require_columns
from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.core.text import plural
from rfm_ml.strategies.base import Strategy, shares_drift
from rfm_ml.strategies.clusters.learned import Learned
from rfm_ml.strategies.clusters.naming import MEASURES
from rfm_ml.strategies.reading import number_column
from rfm_ml.strategies.scale import Floats, Ints, plain, value_phrase

FEATURES: Final = ("recency_days", "orders", "spend")
RECENCY: Final = "recency_days"

MOST_ORDERS: Final = 5
"""Further orders that are tried for the next step."""


class GroupStrategy(Strategy):
    """Base of the strategies whose labels are groups that lie together in `features`."""

    features: Sequence[str]
    learned_: Learned

    def align(self, previous: Strategy, customers: pd.DataFrame) -> str:
        """Let groups that an earlier model had keep their names, and say in words how many do.

        Groups are matched by the customers they share. A strategy without groups is left aside, and nothing is said.
        """
        learned, earlier = self._fitted(), vars(previous).get("learned_")
        known = customers[self._has_order(customers)]
        if earlier is None or not set(earlier.scaling.features) <= set(known.columns):
            return ""
        self.learned_ = learned.aligned(earlier, known)
        return self.learned_.alignment

    def _check_features(self) -> None:
        features = self.features
        columns = list(features) if isinstance(features, Sequence) and not isinstance(features, str) else []
        if not columns or len(set(map(str, columns))) < len(columns) or not all(isinstance(c, str) for c in columns):
            raise ParamsError(f"features must be a list of different columns. Got {features!r}.")

    def _has_order(self, customers: pd.DataFrame) -> np.ndarray:
        if not isinstance(customers, pd.DataFrame):
            raise DataError(f"customers must be a pandas frame. Got {type(customers).__name__}.")
        columns = dict.fromkeys([RECENCY, *self.features])
        require_columns(list(customers.columns), columns, what="The customers' table")
        return np.asarray(~np.isnan(number_column(customers, RECENCY)))

    def _fitted(self) -> Learned:
        learned: Learned = self._learned("learned_")
        return learned

    @property
    def labels(self) -> list[str]:
        """The names of the groups, best first."""
        return list(self._fitted().names)

    @property
    def k_table_(self) -> pd.DataFrame:
        """What spoke for each number of groups at the fit; no rows if nothing was compared."""
        return self._fitted().k_table

    @property
    def reason_(self) -> str:
        """Why there are so many groups, in words."""
        return self._fitted().reason

    def fits(self, customers: pd.DataFrame) -> Floats:
        """Return how well each customer fits each group, shape (n, k), the highest being theirs; NaN without an order.

        Minus the distance in scaled units, or for a mixture the log of weight times density.
        """
        learned = self._fitted()
        has = self._has_order(customers)
        found = np.full((len(customers), learned.groups.k), np.nan)
        if has.any():
            found[has] = learned.fits(customers[has])
        return found

    def codes(self, customers: pd.DataFrame) -> Ints:
        """Return the group of each customer by number, 0 is the best; k without an order."""
        found = self.fits(customers)
        none = np.isnan(found[:, 0])
        return np.where(none, found.shape[1], np.where(np.isnan(found), 0.0, found).argmax(axis=1)).astype(np.int64)

    def predict(self, customers: pd.DataFrame) -> pd.Series:
        """Return the name of each customer's group; empty without an order."""
        table = pd.Series([*self._fitted().names, ""]).array
        return pd.Series(table.take(self.codes(customers)), index=customers.index, name="cell")

    def explain(self, customers: pd.DataFrame) -> pd.Series:
        """Return the reason in words: what the customer has, beside the median of their group, and the next group.

        For example "Last order 12 days ago (group: 20), 9 orders (group: 8), spend 312.40 (group: 280.10); nearest
        of 5 groups, then Loyal."
        """
        learned, fits = self._fitted(), self.fits(customers)
        told = _reasons(customers, fits=fits, centres=learned.centres, names=learned.names, features=self.features)
        return pd.Series(told, index=customers.index, name="reason", dtype="str")

    def move_up(self, customers: pd.DataFrame) -> pd.Series:
        """Return how many orders now, each worth what the customer's orders are worth, would lead to a higher group."""
        told = _move_up(customers, codes=self.codes, names=self._fitted().names, features=self.features)
        return pd.Series(told, index=customers.index, name="move_up", dtype="str")

    def drift(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return `measure, psi, verdict`: shares of the scores of recency, orders and spend, and of the groups."""
        learned, shares = self._fitted(), {}
        known = customers[self._has_order(customers)]
        for measure, letter in MEASURES.items():
            scale = learned.scales.get(letter)
            if scale is not None and scale.column in known:
                scores = scale.score(number_column(known, scale.column))
                shares[measure] = learned.score_counts[letter], np.bincount(scores, minlength=scale.bins + 1)[1:]
        counted = np.bincount(self.codes(customers), minlength=learned.groups.k + 1)[: learned.groups.k]
        return shares_drift({**shares, "group": (learned.counts, counted)})

    def summary(self) -> pd.DataFrame:
        """Return `group, customers, share` and the medians of each group, best first."""
        learned = self._fitted()
        shares = learned.counts / learned.counts.sum()
        sizes = pd.DataFrame({"group": learned.names, "customers": learned.counts, "share": shares})
        return sizes.join(learned.centres)


def _reasons(
    customers: pd.DataFrame, *, fits: Floats, centres: pd.DataFrame, names: Sequence[str], features: Sequence[str]
) -> list[str]:
    """Return one sentence per customer: their values beside the medians of their group, and the next group."""
    none = np.isnan(fits[:, 0])
    ranked = np.argsort(-np.where(np.isnan(fits), 0.0, fits), axis=1, kind="stable")
    own = ranked[:, 0].tolist()
    parts = []
    for feature in features:
        phrase = value_phrase(feature)
        beside = [f" (group: {plain(float(v), feature)})" for v in centres[feature]]
        missing = f"{feature} missing"
        values = number_column(customers, feature).tolist()
        parts.append([(phrase(v) if v == v else missing) + beside[g] for v, g in zip(values, own, strict=True)])
    ends = [""] * len(customers)
    if len(names) > 1:
        tails = [f"; nearest of {len(names)} groups, then {name}" for name in names]
        ends = [tails[g] for g in ranked[:, 1].tolist()]
    told = (", ".join(some) for some in zip(*parts, strict=True))
    return [
        "No order yet." if skip else f"{text[:1].upper()}{text[1:]}{end}."
        for text, end, skip in zip(told, ends, none.tolist(), strict=True)
    ]


def _move_up(
    customers: pd.DataFrame, *, codes: Callable[[pd.DataFrame], Ints], names: Sequence[str], features: Sequence[str]
) -> list[str]:
    """Return one sentence per customer: the fewest orders now that lead to a group further up."""
    now = codes(customers)
    if not {"recency_days", "orders", "spend"} & set(features):
        return ["These groups do not depend on orders or spend, so no order moves anybody."] * len(customers)
    if names[0].startswith("Group "):
        return ["These segments have no order, so none is higher."] * len(customers)
    open_, reached = (now > 0) & (now < len(names)), now.copy()
    needed = np.zeros(len(customers), dtype=np.int64)
    for more in range(1, MOST_ORDERS + 1):
        rows = np.flatnonzero(open_)
        if not len(rows):
            break
        then = codes(_after_orders(customers.iloc[rows], more))
        up = then < now[rows]
        reached[rows[up]], needed[rows[up]] = then[up], more
        open_[rows[up]] = False
    value = _order_value(customers) if {"orders", "spend"} <= set(customers.columns) else np.zeros(len(customers))
    return [
        _sentence(code, more=more, worth=worth, to=names[min(then, len(names) - 1)], k=len(names))
        for code, more, worth, then in zip(now.tolist(), needed.tolist(), value.tolist(), reached.tolist(), strict=True)
    ]


def _sentence(code: int, *, more: int, worth: float, to: str, k: int) -> str:
    if code == k:
        return "A first order."
    if code == 0:
        return "Already in the top segment."
    if not more:
        return f"Up to {MOST_ORDERS} more orders now are not enough for a higher group."
    each = f" worth {worth:.2f}{' each' if more > 1 else ''}" if worth > 0 else ""
    return f"{more} more {plural('order', more)}{each} now would lead to {to}."


def _after_orders(customers: pd.DataFrame, more: int) -> pd.DataFrame:
    """Return the customers as they would be tonight after so many orders today, each of their usual value."""
    changed = {"recency_days": np.zeros(len(customers))}
    if "orders" in customers:
        changed["orders"] = number_column(customers, "orders") + more
    if {"orders", "spend"} <= set(customers.columns):
        changed["spend"] = number_column(customers, "spend") + more * _order_value(customers)
    return customers.assign(**changed)


def _order_value(customers: pd.DataFrame) -> Floats:
    """Return spend per order, 0 where there is none or money was given back."""
    orders, spend = number_column(customers, "orders"), number_column(customers, "spend")
    value = np.divide(spend, orders, out=np.zeros(len(orders)), where=np.isfinite(spend) & (orders > 0))
    return np.maximum(value, 0)
