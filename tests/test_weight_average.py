"""The average of a person's own loop against PyTorch's own, the trainers' and NumPy."""

import copy
import io
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, TensorDataset

import rlflood
from rlflood.control import Controller, ControlSpec, LevelSet
from rlflood.control.features import FEATURES
from rlflood.errors import InputError
from rlflood.flooding import flood
from rlflood.metrics import Metrics, Values
from rlflood.schedulers import ConstantFlood, FloodScheduler
from rlflood.training import ModuleTrainer, run
from rlflood.training.averaging import Average
from rlflood.weight_average import WeightAverage, network_within

GOOD: dict[str, Any] = {"train_loss": 0.5, "train_acc": 0.8, "val_loss": 0.6, "val_acc": 0.7}


class Beginning(FloodScheduler):
    """A level of 0.9, and an average that begins after some epochs."""

    def __init__(self, *after: int) -> None:
        super().__init__(0.9)
        self.after = after

    def _next_level(self, metrics: Metrics) -> Values:
        return self._level

    @property
    def begins(self) -> bool:
        return self.epoch in self.after


def network(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))


def data(samples: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(samples, 6, generator=generator)
    return x, x[:, :3].argmax(1)


@torch.no_grad()
def walk(model: nn.Module, seed: int) -> None:
    """A step of some optimizer."""
    generator = torch.Generator().manual_seed(seed)
    for value in model.state_dict().values():
        if value.is_floating_point():
            value += torch.randn(value.shape, generator=generator)
        else:
            value += 1


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([value.flatten() for value in model.state_dict().values()])


@settings(max_examples=30)
@given(st.integers(1, 20), st.floats(1, 12, width=32), st.sets(st.integers(0, 19)))
def test_it_is_the_trainers_average(steps: int, over: float, beginnings: set[int]) -> None:
    model = network()
    state = {name: value[None] for name, value in model.state_dict().items()}
    theirs = Average(state, 1, over, torch.device("cpu"))
    average = WeightAverage(model, over=over)
    for step in range(steps):
        if step in beginnings:
            average.begin()
            theirs.begin(np.array([True]))
        walk(model, step)
        average.update()
        theirs.update()
        for name, value in average.module.state_dict().items():
            assert value.equal(theirs.weights[name][0]), name


def test_it_is_the_mean_since_the_beginning_and_exponential_before() -> None:
    model = nn.Linear(1, 1, bias=False)
    average, seen, found = WeightAverage(model, over=2), [3.0, 5.0, 1.0, 8.0, 2.0, 5.0], []
    for number, value in enumerate(seen):
        nn.init.constant_(model.weight, value)
        if number == 4:
            average.begin()
        average.update()
        found.append(average.module.weight.item())
    assert found == [3, 4, 2.5, 5.25, 2, 3.5]


def test_it_is_pytorch_s_average() -> None:
    """Its exponential mean from its second step on, where that has begun at the same weights."""
    model = network()
    theirs = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=False)
    plain = AveragedModel(model)
    exponential, uniform = WeightAverage(model, over=10), WeightAverage(model)
    uniform.begin()
    exponential.n_averaged += 9  # as if its first steps had been at the first weights
    theirs.update_parameters(model)
    for step in range(15):
        walk(model, step)
        for each in (theirs, plain):
            each.update_parameters(model)
        exponential.update()
        uniform.update()
        for own, other in ((exponential, theirs), (uniform, plain)):
            for a, b in zip(own.module.parameters(), other.module.parameters(), strict=True):
                torch.testing.assert_close(a, b)


@pytest.mark.parametrize("after", [(), (0,), (2,), (1, 3)])
def test_a_loop_of_one_s_own_has_the_average_of_the_module_trainer(after: tuple[int, ...]) -> None:
    loader = DataLoader(TensorDataset(*data()), 10)
    own, their = network(), network()
    trainer = ModuleTrainer(
        their, torch.optim.SGD(their.parameters(), 0.2), loader, loader, classes=3, average=3
    )
    for _ in run(trainer, Beginning(*after), epochs=5):
        pass
    scheduler, optimizer = Beginning(*after), torch.optim.SGD(own.parameters(), 0.2)
    average = WeightAverage(own, scheduler, over=3)
    for _ in range(5):
        own.train()
        for x, y in loader:
            optimizer.zero_grad()
            scheduler(F.cross_entropy(own(x), y)).backward()
            optimizer.step()
            average.update()
        scheduler.step(**GOOD)
    torch.testing.assert_close(weights(own), weights(their))
    with torch.no_grad():
        x, y = data()
        loss = F.cross_entropy(average.module(x), y).item()
    assert trainer.evaluate("train", "average").loss == pytest.approx([loss], rel=1e-4)
    assert not torch.allclose(weights(average.module), weights(own))


def test_it_goes_on_from_its_state_bit_for_bit() -> None:
    model = network()
    scheduler = Beginning(1)
    average = WeightAverage(model, scheduler, over=4)
    for step in range(6):
        walk(model, step)
        average.update()
        if step == 3:
            scheduler.step(**GOOD)
    file = io.BytesIO()
    torch.save([average.state_dict(), model.state_dict(), scheduler.state_dict()], file)
    file.seek(0)
    states = torch.load(file, weights_only=True)
    model_again, scheduler_again = network(1), Beginning(1)
    again = WeightAverage(model_again, scheduler_again)
    for each, state in zip((again, model_again, scheduler_again), states, strict=True):
        each.load_state_dict(state)
    for step in range(5):
        for each in (model, model_again):
            walk(each, 10 + step)
        average.update()
        again.update()
        assert weights(average.module).equal(weights(again.module))
    assert int(again.n_averaged) == 7, "begun by step 4, not by the next"


def test_the_model_s_network_and_the_average_share_nothing() -> None:
    model = network()
    average = WeightAverage(model)
    assert model.training and not average.module.training
    before = weights(model).clone()
    walk(average.module, 0)
    assert weights(model).equal(before)
    assert not [
        name for name in average.state_dict() if not name.startswith(("module.", "n_averaged", "_extra"))
    ]
    assert len(list(average.parameters())) == len(list(model.parameters())), "one copy"


def test_tensors_that_are_replaced_are_averaged_as_those_before() -> None:
    """By a state that is assigned, or by a move to another type."""
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = WeightAverage(model, over=1)
    model.load_state_dict({name: value + 1 for name, value in model.state_dict().items()}, assign=True)
    average.update()
    assert weights(average.module).equal(weights(model))
    model.double()
    average.double()
    nn.init.constant_(model[0].bias, 7.0)
    model[1].running_mean.fill_(5.0)
    average.update()
    assert average.module[0].bias.tolist() == [7.0, 7.0]
    assert average.module[1].running_mean.tolist() == [5.0, 5.0]


def test_a_copy_averages_a_copy() -> None:
    model = network()
    average = WeightAverage(model, over=1)
    other = copy.deepcopy(average)
    before = weights(average.module).clone()
    walk(model, 0)
    average.update()
    other.update()
    assert weights(average.module).equal(weights(model)) and weights(other.module).equal(before)


def test_weights_that_were_no_numbers_are_left_behind_where_it_begins() -> None:
    model = nn.Linear(2, 2)
    average = WeightAverage(model)
    good = copy.deepcopy(model.state_dict())
    nn.init.constant_(model.weight, float("nan"))
    average.update()
    model.load_state_dict(good)
    average.begin()
    average.update()
    assert average.module.weight.equal(model.weight)


def test_batch_normalisation_is_renewed_by_the_data() -> None:
    model, (x, y) = network(), data()
    average = WeightAverage(model)
    for step in range(3):
        walk(model, step)
        average.update()
    average.update_batch_norm(DataLoader(TensorDataset(x, y), 40))
    norm, linear = average.module[1], average.module[0]  # type: ignore[index]
    torch.testing.assert_close(norm.running_mean, linear(x).mean(0))
    assert not average.module.training
    walk(model, 9)
    average.update()


def test_the_network_within_is_averaged() -> None:
    model = network()
    compiled = torch.compile(model, backend="eager")
    for wrapped in (model, compiled, nn.DataParallel(model), torch.compile(nn.DataParallel(model))):
        assert network_within(wrapped) is model
    average = WeightAverage(compiled)
    walk(model, 0)
    average.update()
    assert type(average.module) is type(model)
    assert weights(average.module).equal(weights(model))


def test_mixed_precision_is_averaged_in_float32() -> None:
    model, (x, y) = network(), data()
    average, optimizer = WeightAverage(model), torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(2):
        with torch.autocast("cpu", torch.bfloat16):
            loss = F.cross_entropy(model(x), y)
        flood(loss, 0.1).backward()
        optimizer.step()
        average.update()
    assert {value.dtype for value in average.module.parameters()} == {torch.float32}
    with torch.autocast("cpu", torch.bfloat16):
        assert average(x).dtype == torch.bfloat16


def test_weights_of_several_types_and_shared_ones_are_averaged() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    model.append(nn.Linear(4, 4).double())
    average = WeightAverage(model)
    walked = [copy.deepcopy(model.state_dict())]
    average.update()
    with torch.no_grad():
        for value in model.parameters():
            value += 1
    walked.append(model.state_dict())
    average.update()
    for name, value in average.module.state_dict().items():
        torch.testing.assert_close(value, (walked[0][name] + walked[1][name]) / 2)
    assert average.module[0].weight is average.module[1].weight  # type: ignore[index]


@pytest.mark.parametrize("over", [0, 0.5, -1, float("nan")])
def test_an_average_is_over_a_step_or_more(over: float) -> None:
    with pytest.raises(InputError, match="over 1 step"):
        WeightAverage(network(), over=over)


def test_one_average_is_of_one_network() -> None:
    with pytest.raises(InputError, match="steers several"):
        WeightAverage(network(), ConstantFlood([0.1, 0.1]))
    WeightAverage(network(), rlflood.load_controller("default", epochs=5, classes=3, replicas=1))


def test_without_validation_the_plain_mean_begins_where_the_train_loss_is_below_the_level() -> None:
    """A controller of the training alone that always chooses half of the loss of guessing."""
    spec = ControlSpec("training", LevelSet((0.0, 0.5), "guessing"), decisions=2, average=True)
    layer = np.zeros((2, len(FEATURES["training"])), np.float32), np.array([0, 1], np.float32)
    scheduler = rlflood.PolicyScheduler(Controller(spec, [layer]), epochs=6, classes=3)
    model = network()
    average = WeightAverage(model, scheduler, over=2)
    begun = []
    for epoch, loss in enumerate([1.2, 0.9, 0.5, 0.6, 0.4, 0.5]):
        walk(model, epoch)
        average.update()
        begun.append(int(average.n_averaged))
        scheduler.step(train_loss=loss, train_acc=0.5)
    # half of log(3) is 0.549, and 0.5 was the third epoch's loss
    assert begun == [1, 2, 3, 1, 2, 3]
