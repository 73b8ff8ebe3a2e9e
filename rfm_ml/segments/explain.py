"""What would move a customer to a higher segment, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rfm_ml.core.text import plural
from rfm_ml.segments.maps import SegmentMap
from rfm_ml.strategies import Strategy
from rfm_ml.strategies.reading import number_column
from rfm_ml.strategies.scale import Floats, Ints, Scale, bound


@dataclass
class Best:
    """The cheapest way up found so far, one entry per customer.

    Attributes
    ----------
    orders, money
        Extra orders and extra spend, shape (n,); infinite where nothing was found. In the column's own units
        where a rate does not tell what an order adds to it.
    frequency, monetary
        The value of the column to reach, shape (n,); NaN where any will do.
    code
        The position of the segment reached, shape (n,).
    """

    orders: Floats
    money: Floats
    frequency: Floats
    monetary: Floats
    code: Ints

    @classmethod
    def none(cls, n: int) -> "Best":
        """Return `n` entries without a way up."""
        inf, nan = np.full(n, np.inf), np.full(n, np.nan)
        return cls(inf, inf.copy(), nan, nan.copy(), np.full(n, -1, dtype=np.int64))


def cheapest_way_up(
    customers: pd.DataFrame, *, strategy: Strategy, segment_map: SegmentMap, current: Ints | None = None
) -> Best:
    """Return the least effort (orders first, then money) that reaches a segment listed higher.

    `current` are the positions of the segments they are in, where these are not those of their scores; -1 without one.

    An order now makes recency 0 days. Each higher score of frequency and of spend is tried together with
    each other one; for each the smallest number of orders and the smallest amount are found, scored by the
    strategy's own scales, and looked up in the map.
    """
    scales = strategy.scales_
    n = len(customers)
    scores = strategy.score_arrays(customers)
    if current is None:
        current = segment_map.codes(pd.DataFrame(dict(zip("RFM", scores.values(), strict=True))))
    # A prospect can enter any segment, so every one is higher.
    current = np.where(current < 0, len(segment_map.segments), current)
    orders = np.nan_to_num(number_column(customers, scales["frequency"].column), nan=0.0)
    spend = np.nan_to_num(number_column(customers, scales["monetary"].column), nan=0.0)
    after: dict[str, Ints] = {}
    rows = strategy.rows("recency", customers, scores=after)
    after["recency"] = scales["recency"].score(np.zeros(n), rows)
    best = Best.none(n)
    frequency_rows = strategy.rows("frequency", customers, scores=after)
    for f in range(1, scales["frequency"].bins + 1):
        extra_orders, reached_orders = _effort(scales["frequency"], orders, score=f, rows=frequency_rows, least=1)
        after["frequency"] = scales["frequency"].score(reached_orders, frequency_rows)
        monetary_rows = strategy.rows("monetary", customers, scores=after)
        for m in range(1, scales["monetary"].bins + 1):
            money, reached = _effort(scales["monetary"], spend, score=m, rows=monetary_rows, least=0)
            last = scales["monetary"].score(reached, monetary_rows)
            code = segment_map.grid[after["recency"] - 1, after["frequency"] - 1, last - 1]
            cheaper = (extra_orders < best.orders) | ((extra_orders == best.orders) & (money < best.money))
            use = (code < current) & cheaper
            best.orders[use], best.money[use], best.code[use] = extra_orders[use], money[use], code[use]
            best.frequency[use] = np.where(reached_orders > orders, reached_orders, np.nan)[use]
            best.monetary[use] = np.where(reached > spend, reached, np.nan)[use]
    return best


def _effort(scale: Scale, values: Floats, *, score: int, rows: Ints | None, least: int) -> tuple[Floats, Floats]:
    """Return what must be added to reach at least `score`, and the value reached, each of shape (n,).

    Orders come in whole numbers (`least` 1), money in hundredths (`least` 0). Where the scale does not know
    what an order adds, what must be added is in the column's own units.
    """
    at = np.zeros(len(values), dtype=np.int64) if rows is None else rows
    counted = least == 1
    unit = 1.0 if scale.gain is not None and counted else 0.01
    gain = scale.gain if scale.gain is not None else 1.0
    fewest = float(least) if scale.gain is not None else 0.0
    edge = scale.edges[at, score - 2] if score > 1 else np.full(len(values), -np.inf)
    with np.errstate(invalid="ignore"):
        units = np.ceil((edge - values) / gain / unit - 1e-9)
    units = np.where(np.isfinite(units), np.maximum(units, round(fewest / unit)), round(fewest / unit))
    reached = values + units * unit * gain
    for _ in range(2):
        # An edge that must be exceeded, or rounding, can leave the value one unit short.
        short = scale.score(reached, rows) < score
        units = units + short
        reached = np.where(short, values + units * unit * gain, reached)
    return units * unit, np.where(units > 0, reached, values)


def move_up_sentences(
    customers: pd.DataFrame,
    *,
    strategy: Strategy,
    segment_map: SegmentMap,
    segments: Sequence[str] | None = None,
) -> list[str]:
    """Return one sentence per customer: the cheapest way to a higher segment."""
    scales = strategy.scales_
    scores = strategy.score_arrays(customers)
    codes = segment_map.codes(pd.DataFrame(dict(zip("RFM", scores.values(), strict=True))))
    if segments is not None:
        at = {name: n for n, name in enumerate(segment_map.segments)}
        told = [at.get(name, code) for name, code in zip(segments, codes.tolist(), strict=True)]
        codes = np.array(told, dtype=np.int64)
    best = cheapest_way_up(customers, strategy=strategy, segment_map=segment_map, current=codes)
    known = scales["frequency"].gain is not None and scales["monetary"].gain is not None
    ways = _counted_ways(best) if known else _limit_ways(best, scales)
    names = segment_map.segments
    first = (codes < 0).tolist()
    sentences = []
    for code, target, way, prospect in zip(codes.tolist(), best.code.tolist(), ways, first, strict=True):
        if code == 0:
            sentences.append("Already in the top segment.")
        elif target < 0:
            sentences.append("No further order leads to a higher segment of this map.")
        else:
            sentences.append(f"{_as_first(way) if prospect else way} would lead to {names[target]}.")
    return sentences


def held_sentences(
    told: Sequence[str], *, segments: Sequence[str], rules: Sequence[str], order: Sequence[str], from_segment: bool
) -> list[str]:
    """Return what would move customers up who are not (yet) where the rules put them.

    Parameters
    ----------
    told
        What the rules say would move each up.
    segments
        Where each is.
    rules
        Where the rules put each.
    order
        The segments, best first.
    from_segment
        Whether `told` begins at the segment they are in, and not at that of the rules.

    Examples
    --------
    >>> held_sentences(["Already in the top segment."], segments=["Loyal"], rules=["Champions"],
    ...                order=["Champions", "Loyal"], from_segment=True)
    ['No order is needed: the move to Champions follows once it is sure.']
    """
    at = {name: n for n, name in enumerate(order)}
    found = []
    for sentence, segment, rule in zip(told, segments, rules, strict=True):
        here, there = at.get(segment), at.get(rule)
        if here is None or there is None or here == there:
            found.append(sentence)
        elif there < here:
            found.append(f"No order is needed: the move to {rule} follows once it is sure.")
        elif here == 0:
            found.append("Already in the top segment.")
        else:
            found.append(sentence if from_segment else f"From {rule}, where today's figures lead: {sentence}")
    return found


def _as_first(way: str) -> str:
    return way.replace("1 more order", "A first order", 1).replace(" more orders", " orders", 1)


def _counted_ways(best: Best) -> list[str]:
    ways = []
    for orders, money in zip(best.orders.tolist(), best.money.tolist(), strict=True):
        if orders == np.inf:
            ways.append("")
            continue
        count = f"{orders:.0f} more {plural('order', orders)}"
        total = " in total" if orders > 1 else ""
        ways.append(f"{count} worth at least {money:.2f}{total} now" if money > 0 else f"{count} now")
    return ways


def _limit_ways(best: Best, scales: Mapping[str, Scale]) -> list[str]:
    f, m = scales["frequency"].column, scales["monetary"].column
    ways = []
    for frequency, monetary in zip(best.frequency.tolist(), best.monetary.tolist(), strict=True):
        goals = []
        if frequency == frequency:
            goals.append(f"at least {bound(frequency, f, at_least=True)} {f.replace('_', ' ')}")
        if monetary == monetary:
            goals.append(f"at least {bound(monetary, m, at_least=True)} {m.replace('_', ' ')}")
        ways.append("1 more order now" + (f" that brings {' and '.join(goals)}" if goals else ""))
    return ways
