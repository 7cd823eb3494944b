"""Criteria: what is trained in place of the cross-entropy where labels are wrong, one kind a file."""

from rlflood.training.criteria.base import Criterion
from rlflood.training.criteria.cross_entropy import cross_entropies
from rlflood.training.criteria.make import check_together, make_criterion
from rlflood.training.criteria.settings import STRENGTHS, CriterionName, checked_strength

__all__ = [
    "STRENGTHS",
    "Criterion",
    "CriterionName",
    "check_together",
    "checked_strength",
    "cross_entropies",
    "make_criterion",
]
