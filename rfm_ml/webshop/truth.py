"""What was planted in the synthetic webshop: per customer, per campaign and over the whole log."""

from collections import Counter
from typing import Any, Final

import numpy as np

from rfm_ml.webshop import customers as buyers
from rfm_ml.webshop.orders import Rows

TRUTH: Final = np.dtype(
    [
        ("customer", "i4"), ("prospect", "?"), ("joined", "i4"), ("left", "i4"), ("rate", "f8"),
        ("dropout_rate", "f8"), ("value", "f8"), ("level", "i1"), ("extra_orders", "i2"),
    ]
)  # fmt: skip
"""The planted truth of one customer; times in seconds since the start, `left` at the end if still alive."""
SENT: Final = np.dtype([("campaign", "i1"), ("customer", "i4"), ("group", "i1")])
"""One customer targeted by a campaign; group 0 control, 1 treatment."""

_DIRT: Final = ("duplicate_lines", "guest_orders", "guest_lines", "sample_orders")


def truth_rows(customers: buyers.Customers, extra: buyers.Bools) -> Rows:
    """Put the truth of a chunk of customers into records of type `TRUTH`."""
    rows = np.empty(len(customers), TRUTH)
    rows["customer"] = np.arange(len(customers))
    rows["prospect"], rows["level"] = customers.prospect, customers.level
    rows["joined"], rows["left"] = customers.joined_seconds, customers.left_seconds
    rows["rate"], rows["dropout_rate"] = customers.rate, customers.dropout_rate
    rows["value"], rows["extra_orders"] = customers.mean_order_value, extra.sum(axis=0)
    return rows


def sent_rows(groups: buyers.Ints, *, first: int) -> Rows:
    """List who was targeted, campaign by campaign, in records of type `SENT`; `first` numbers the first customer."""
    campaign, customer = np.nonzero(groups >= 0)
    rows = np.empty(len(campaign), SENT)
    rows["campaign"], rows["customer"], rows["group"] = campaign, customer + first, groups[campaign, customer]
    return rows


def count_customers(truth: Rows, groups: buyers.Ints) -> Counter[str]:
    """Count contacts, prospects and, per campaign and value level, treated and control customers."""
    counts: Counter[str] = Counter(contacts=len(truth), prospects=int(truth["prospect"].sum()))
    for campaign, row in enumerate(groups):
        for level in range(len(buyers.VALUE_LEVELS)):
            of_level = row[truth["level"] == level]
            counts[f"control/{campaign}/{level}"] = int((of_level == 0).sum())
            counts[f"treated/{campaign}/{level}"] = int((of_level == 1).sum())
    return counts


def describe(counts: Counter[str], calendar: buyers.Calendar, campaigns: tuple[buyers.Campaign, ...]) -> dict[str, Any]:
    """Describe the planted process, the counts of the log and the campaigns' effects, ready for JSON."""
    names = ("lines", "orders", "returns", "contacts", "prospects", "extra_orders")
    return {
        "process": {
            "purchase_rate_gamma": {"r": buyers.RATE_SHAPE, "alpha_days": buyers.RATE_SCALE_DAYS},
            "dropout_rate_gamma": {"s": buyers.DROPOUT_SHAPE, "beta_days": buyers.DROPOUT_SCALE_DAYS},
            "order_value_gamma_gamma": {
                "p": buyers.VALUE_SHAPE,
                "q": buyers.VALUE_RATE_SHAPE,
                "v_eur": buyers.VALUE_SCALE,
            },
        },
        "counts": {name: counts[name] for name in names},
        "planted": {name: counts[name] for name in _DIRT},
        "control_share": buyers.CONTROL_SHARE,
        "campaign_days": buyers.CAMPAIGN_DAYS,
        "campaigns": [
            {
                "campaign_id": pair[1].campaign_id,
                "sent_at": calendar.instants(np.array([pair[1].sent_seconds]))[0].item().isoformat(),
                "levels": [_describe_level(counts, pair, level) for level in range(len(buyers.VALUE_LEVELS))],
            }
            for pair in enumerate(campaigns)
        ],
    }


def _describe_level(counts: Counter[str], campaign: tuple[int, buyers.Campaign], level: int) -> dict[str, Any]:
    """Describe the planted effect on one value level: what was drawn from, and what came out."""
    where = f"{campaign[0]}/{level}"
    return {
        "value_level": buyers.VALUE_LEVELS[level],
        "extra_order_probability": campaign[1].probability(level),
        "extra_order_value": round(buyers.expected_order_value(level), 6),
        "treated": counts[f"treated/{where}"],
        "control": counts[f"control/{where}"],
        "extra_orders": counts[f"extra_orders/{where}"],
        "extra_amount": counts[f"extra_cents/{where}"] / 100,
    }
