"""A criterion by its name, for the networks that are trained under it."""

from collections.abc import Sequence

from torch import Tensor, nn

from rlflood.errors import InputError
from rlflood.formulas import SAMPLE_WISE
from rlflood.strengths import CriterionName, check_criterion
from rlflood.training.criteria.base import Criterion
from rlflood.training.criteria.elr import EarlyLearning
from rlflood.training.criteria.mixup import Mixup
from rlflood.training.criteria.sam import SharpnessAware
from rlflood.training.criteria.sample_wise import SampleWise
from rlflood.training.objectives import Flooding, Objective


def make_criterion(
    name: CriterionName,
    *,
    network: nn.Module,
    own_classes: Tensor,
    samples: int | None,
    seeds: Sequence[int],
) -> Criterion:
    """The criterion of this name.

    Args:
        name: Which.
        network: What is trained: one network, or a stack of replicas.
        own_classes: Which classes each replica has: bool of shape ``(replicas, 1, classes)``, on the
            network's device.
        samples: Samples of the training split, whose numbers mini-batches have; None if they have none.
        seeds: Network seed of each replica.

    Raises:
        InputError: if there is none, or it needs the samples' numbers and there are none.
    """
    check_criterion(name)
    replicas, device = len(own_classes), own_classes.device
    if name in SAMPLE_WISE:
        return SampleWise(SAMPLE_WISE[name], own_classes)
    if name == "elr":
        if samples is None:
            raise InputError(
                "elr keeps a target for each training sample: give samples=..., and a loader of batches "
                "(x, y, the samples' numbers)"
            )
        return EarlyLearning(own_classes, samples)
    if name == "mixup":
        return Mixup(seeds, device)
    if name == "sam":
        return SharpnessAware(network, replicas, device)
    return Criterion(replicas, device)


def check_together(objective: Objective, criterion: Criterion, name: CriterionName) -> None:
    """Make sure that an objective can be made of a criterion.

    Raises:
        InputError: if the criterion is not one of samples, and the objective not plain flooding.
    """
    if not criterion.sample_wise and not isinstance(objective, Flooding):
        raise InputError(
            f"{name} goes with flooding alone, not with {type(objective).__name__}: use another criterion or "
            "leave the objective out"
        )
