"""What is kept beside a network, against PyTorch's own averages and by hand."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn

from rlflood.training.averaging import Average, Best, Kept
from rlflood.training.trainer import Evaluation

CPU = torch.device("cpu")


def walked(steps: int, start: int = 0) -> torch.Tensor:
    """A walk of two replicas with three weights each: shape ``(steps, 2, 3)``."""
    generator = torch.Generator().manual_seed(start)
    return torch.randn(steps, 2, 3, generator=generator).cumsum(0)


def averaged(walk: torch.Tensor, average: Average, source: torch.Tensor) -> torch.Tensor:
    for weights in walk:
        source.copy_(weights)
        average.update()
    return average.weights["w"].clone()


def by_pytorch(walk: torch.Tensor, over: float) -> torch.Tensor:
    """``AveragedModel``: uniform for the first steps, then exponential."""
    model = nn.Linear(3, 2, bias=False)
    own = AveragedModel(model)
    for weights in walk:
        model.weight.data.copy_(weights)
        if own.n_averaged >= over:
            own.avg_fn = get_ema_avg_fn(1 - 1 / over)
        own.update_parameters(model)
    return own.module.weight.detach()


@pytest.mark.parametrize("over", [1, 4, 25, 1000])
@pytest.mark.parametrize("steps", [1, 4, 60])
def test_it_is_uniform_at_first_and_exponential_then(over, steps):
    source = torch.zeros(2, 3)
    average = Average({"w": source}, 2, over, CPU)
    found = averaged(walked(steps), average, source)
    torch.testing.assert_close(found, by_pytorch(walked(steps), over))
    if steps <= over:
        torch.testing.assert_close(found, walked(steps).mean(0))


def test_from_where_it_begins_it_is_the_plain_mean():
    """Of one replica; the other's goes on as it was."""
    source = torch.zeros(2, 3)
    average = Average({"w": source}, 2, 4, CPU)
    averaged(walked(10), average, source)
    average.begin(np.array([False, True]))
    # what came before is gone with the first step
    first = averaged(walked(1, start=1), average, source)
    torch.testing.assert_close(first[1], walked(1, start=1)[0, 1])
    found = averaged(walked(30, start=2), average, source)
    whole = torch.cat([walked(1, start=1), walked(30, start=2)])
    torch.testing.assert_close(found[1], whole.mean(0)[1])
    torch.testing.assert_close(found[0], by_pytorch(torch.cat([walked(10), whole]), 4)[0])


def test_one_network_on_the_processor_is_averaged_alike():
    """It is averaged by a fused operation."""
    alone, both = torch.zeros(1, 3), torch.zeros(2, 3)
    one, two = Average({"w": alone}, 1, 5, CPU), Average({"w": both}, 2, 5, CPU)
    found = averaged(walked(12)[:, :1], one, alone)
    torch.testing.assert_close(found, averaged(walked(12), two, both)[:1])


def test_whole_numbers_are_counted_not_averaged():
    weights, batches = torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64)
    average = Average({"w": weights, "batches": batches}, 1, 10, CPU)
    for _ in range(3):
        weights += 1
        batches += 1
        average.update()
    assert average.weights["batches"].tolist() == [3]
    assert average.weights["w"].tolist() == [[2.0, 2.0]]


def test_an_average_goes_on_from_its_state():
    source = torch.zeros(2, 3)
    average = Average({"w": source}, 2, 4, CPU)
    averaged(walked(3), average, source)
    average.begin(np.array([True, False]))
    averaged(walked(3, start=1), average, source)
    state = average.state_dict()
    expected = averaged(walked(8, start=2), average, source)
    other = Average({"w": source}, 2, 4, CPU)
    other.load_state_dict(state)
    assert torch.equal(averaged(walked(8, start=2), other, source), expected)


@pytest.mark.parametrize("over", [0.5, 0, -1, float("nan")])
def test_less_than_a_step_is_refused(over):
    with pytest.raises(ValueError, match="1 step or more"):
        Average({"w": torch.zeros(1)}, 1, over, CPU)


@pytest.mark.parametrize(
    ("accuracies", "losses", "expected"),
    [
        ([0.5, 0.7, 0.6], [1.0, 2.0, 0.5], 1),
        ([0.5, 0.7, 0.7], [1.0, 2.0, 1.9], 2),
        ([0.5, 0.7, 0.7], [1.0, 2.0, 2.0], 1),
        ([0.9, 0.8, 0.95], [1.0, 0.1, np.nan], 0),
    ],
    ids=["accuracy", "a tie goes to the lower loss", "a full tie to the first", "no loss, no claim"],
)
def test_which_epoch_is_the_best(accuracies, losses, expected):
    source = torch.zeros(2, 3)
    best = Best({"w": source}, 2)
    assert not best.known.any()
    for epoch in range(3):
        source.fill_(epoch)
        # the second replica is best at first
        best.keep(np.array([accuracies[epoch], -epoch]), np.array([losses[epoch], 1.0]))
    assert best.weights["w"].tolist() == [[expected] * 3, [0] * 3] and best.known.all()


def evaluation(*accuracies: float) -> Evaluation:
    values = np.array(accuracies)
    return Evaluation(1 - values, values, values)


def test_the_four_networks_of_a_run():
    source = torch.zeros(1, 1)
    kept = Kept({"w": source}, 1, best=True, average=10, counted_on=CPU)
    assert kept.weights("last") is None and kept.validates_average
    # the network is best in the second epoch, its average in the third
    for weight, accuracy, of_average in ((1, 0.5, 0.5), (3, 0.9, 0.6), (8, 0.7, 0.8), (0, 0.6, 0.7)):
        source.fill_(weight)
        kept.update()
        kept.keep(evaluation(accuracy), evaluation(of_average))
    found = {moment: kept.weights(moment)["w"].item() for moment in ("best", "average", "best-average")}
    assert found == {"best": 3.0, "average": 3.0, "best-average": 4.0}
    state = kept.state_dict()
    source.fill_(100)
    kept.update()
    kept.keep(evaluation(1.0), evaluation(1.0))
    kept.load_state_dict(state)
    assert {moment: kept.weights(moment)["w"].item() for moment in found} == pytest.approx(found)


def test_only_replicas_with_a_best_network_return_to_it():
    source = torch.zeros(3, 2)
    kept = Kept({"w": source}, 3, best=True, average=None, counted_on=CPU)
    source += torch.tensor([[1.0], [2.0], [3.0]])
    kept.keep(evaluation(0.5, 0.5, np.nan), None)
    source += 10
    assert kept.return_to_best(np.array([True, False, True])).tolist() == [True, False, False]
    assert source[:, 0].tolist() == [1.0, 12.0, 13.0]
    kept.begin_average(np.array([True, True, True]))  # there is none, and nothing to do
    with pytest.raises(ValueError, match="keep_best=True"):
        Kept({"w": source}, 3, best=False, average=2, counted_on=CPU).return_to_best(np.full(3, True))
