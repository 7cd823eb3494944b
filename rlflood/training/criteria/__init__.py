"""Criteria: what is trained in place of the cross-entropy where labels are wrong, one kind a file."""

from rlflood.training.criteria.base import Criterion
from rlflood.training.criteria.make import check_together, make_criterion

__all__ = ["Criterion", "check_together", "make_criterion"]
