"""Dynamic segments: criteria in YAML, checked, compiled to one query, counted at once."""

from rfm_ml.criteria.conditions import Condition, predicates
from rfm_ml.criteria.membership import count_members, membership
from rfm_ml.criteria.parse import parse_criteria
from rfm_ml.criteria.unmatched import unmatched_values
from rfm_ml.criteria.visits import visit_source

__all__ = [
    "Condition",
    "count_members",
    "membership",
    "parse_criteria",
    "predicates",
    "unmatched_values",
    "visit_source",
]
