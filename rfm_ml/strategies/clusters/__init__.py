"""Groups that lie together in recency, orders and spend, or in any features, found by scikit-learn's clusterings."""

from rfm_ml.strategies.clusters.estimator import EstimatorGroups
from rfm_ml.strategies.clusters.strategy import Clusters

__all__ = ["Clusters", "EstimatorGroups"]
