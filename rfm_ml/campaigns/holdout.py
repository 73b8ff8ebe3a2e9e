"""Hold-outs: a control group that is not contacted, so that one can see what contacting brings about."""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rfm_ml.core.checks import require_between, require_columns

TREATMENT: Final = "treatment"
CONTROL: Final = "control"


def draws(customer_ids: Iterable[Any], *, salt: str) -> NDArray[np.float64]:
    """Return a number from 0 to 1 for each customer, always the same for the same id (text or whole number) and salt.

    Notes
    -----
    `int(sha256(f"{salt}:{customer_id}").hexdigest()[:16], 16) / 2**64`, with the text in UTF-8.

    Examples
    --------
    >>> draws(["C1", "C2"], salt="autumn").round(4).tolist()
    [0.0124, 0.1148]
    """
    start = f"{salt}:".encode()
    # Half surrogates, which no file can hold but a program can hand over, get a draw as well.
    digests = b"".join(hashlib.sha256(start + str(i).encode(errors="surrogatepass")).digest()[:8] for i in customer_ids)
    # Both steps round to the nearest double, as the division of whole numbers does.
    return np.frombuffer(digests, dtype=">u8").astype(np.float64) / 2.0**64


def held_out(customer_ids: Iterable[Any], *, salt: str, share: float) -> NDArray[np.bool_]:
    """Say of each customer whether they are held out: whether their draw is below the share (0 to 1).

    Examples
    --------
    >>> held_out(["C1", "C2"], salt="autumn", share=0.1).tolist()
    [True, False]
    """
    require_between(share, 0, 1, name="share")
    ids = list(customer_ids)
    return draws(ids, salt=salt) < share if share > 0 else np.zeros(len(ids), dtype=bool)


def salt_id(salt: str) -> str:
    """Return 8 hex digits that tell whether two draws had the same salt, and nothing of the salt itself."""
    return hashlib.sha256(salt.encode()).hexdigest()[:8]


def holdout_balance(groups: pd.DataFrame) -> pd.DataFrame:
    """Compare those held out with the others, per segment and in total.

    `groups` has one row per customer: `group` (treatment or control), `segment`, `past_spend` in currency.

    Returns
    -------
    pd.DataFrame
        `segment, treated, control, control_share, treated_spend, control_spend, difference`; segments in alphabetic
        order, then "All". The spends are means per customer; `difference` is control minus treated in standard
        deviations of a single customer's spend, missing with fewer than two customers in a group.

    Notes
    -----
    Source of the standardised difference: Rosenbaum & Rubin (1985), "Constructing a control group using multivariate
    matched sampling methods", The American Statistician 39, 33-38. By chance alone it spreads around 0 by about
    sqrt(1 / treated + 1 / control).

    Examples
    --------
    >>> groups = pd.DataFrame({"group": ["treatment", "control"] * 2, "past_spend": [10, 8, 20, 12]})
    >>> groups["segment"] = "Loyal"
    >>> holdout_balance(groups)[["segment", "treated", "control", "treated_spend", "control_spend"]].values.tolist()
    [['Loyal', 2, 2, 15.0, 10.0], ['All', 2, 2, 15.0, 10.0]]
    """
    require_columns(list(groups.columns), ["group", "segment", "past_spend"], what="The groups")
    parts = [(str(name), part) for name, part in groups.groupby("segment", sort=True)]
    return pd.DataFrame([_balance(name, part) for name, part in [*parts, ("All", groups)]], columns=_BALANCE)


_BALANCE: Final = ["segment", "treated", "control", "control_share", "treated_spend", "control_spend", "difference"]


def _balance(name: str, part: pd.DataFrame) -> tuple[Any, ...]:
    treated, control = (part.loc[part["group"] == g, "past_spend"].to_numpy(dtype=float) for g in (TREATMENT, CONTROL))
    means = [float(x.mean()) if len(x) else np.nan for x in (treated, control)]
    spread = np.nan
    if min(len(treated), len(control)) > 1:
        spread = float(np.sqrt((treated.var(ddof=1) + control.var(ddof=1)) / 2))
    share = len(control) / len(part) if len(part) else np.nan
    difference = (means[1] - means[0]) / spread if spread > 0 else np.nan
    return name, len(treated), len(control), share, *means, difference
