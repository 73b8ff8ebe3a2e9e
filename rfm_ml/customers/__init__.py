"""One row per customer as of a day."""

from rfm_ml.customers.days import customer_days
from rfm_ml.customers.engagement import engagement
from rfm_ml.customers.features import features
from rfm_ml.customers.repeat_buying import repeat_buying
from rfm_ml.customers.rfm import rfm
from rfm_ml.customers.snapshots import each_snapshot, snapshots
from rfm_ml.customers.table import customer_table

__all__ = [
    "customer_days",
    "customer_table",
    "each_snapshot",
    "engagement",
    "features",
    "repeat_buying",
    "rfm",
    "snapshots",
]
