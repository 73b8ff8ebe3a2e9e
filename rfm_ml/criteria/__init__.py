"""Dynamic segments: criteria in YAML, checked, compiled to one query, counted at once."""

from rfm_ml.criteria.conditions import Condition, leaves
from rfm_ml.criteria.membership import count_members, membership, values_not_seen
from rfm_ml.criteria.parse import parse_criteria
from rfm_ml.criteria.visits import visit_source

__all__ = ["Condition", "count_members", "leaves", "membership", "parse_criteria", "values_not_seen", "visit_source"]
