"""One customer in each channel: what they buy there, and how every strategy scores that."""

from typing import Any, Final

import pandas as pd

from rfm_ml.core.errors import DataError
from rfm_ml.customers.table import customer_table
from rfm_ml.study.study import Study

MOST_CHANNELS: Final = 5
"""Channels whose scores stand side by side, those with the highest spend."""


def channel_measures(study: Study, orders: Any) -> pd.DataFrame | None:
    """Return one customer's rows of a customers' table by channel, the highest spend first.

    Parameters
    ----------
    study
        Any study.
    orders
        Of this customer alone, at least one up to the day; without a column `channel` the result is None.
    """
    if "channel" not in orders.columns:
        return None
    options = study.params.customers.model_dump(exclude={"by"})
    table = customer_table(orders, as_of=study.as_of, by="channel", with_features=False, **options)
    return table.sort_values(["spend", "channel"], ascending=[False, True], ignore_index=True)


def channel_scores(
    study: Study, measures: pd.DataFrame, *, segments: pd.DataFrame, events: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return `strategy`, "all channels" and a column per channel: the scores of R, F, M and the segment, as "511 New".

    Where a strategy does not tell channels apart, each is scored as if it were all they buy. Strategies without scores,
    and those that need more than recency, frequency and spend, are left out.

    Parameters
    ----------
    study
        Any study.
    measures
        From `channel_measures`; the first `MOST_CHANNELS` are scored.
    segments
        One customer's: `strategy, segment, cell`, and `channel` where the study's rows are customers and channels.
    events
        Of this customer alone, where they are at hand.
    """
    rows, table = [], measures.head(MOST_CHANNELS)
    for name in study.strategies:
        model, own = study.model(name), segments[segments["strategy"] == name]
        if not model.strategy_.n_scores:
            continue
        row = {"strategy": name}
        if "channel" in own:
            assigned = table[["channel"]].merge(own, on="channel", how="left")
        else:
            row["all channels"] = f"{own['cell'].iloc[0]} {own['segment'].iloc[0]}"
            try:
                labelled = study.label(model, table, as_of=study.as_of, events=events)
                assigned = labelled.assign(channel=table["channel"])
            except DataError:
                continue
        told = zip(assigned["channel"], assigned["cell"], assigned["segment"], strict=True)
        rows.append(row | {str(channel): f"{cell} {segment}" for channel, cell, segment in told})
    return pd.DataFrame(rows, columns=None if rows else ["strategy"])
