"""What the base class takes off every scheduler's hands: checks, shapes, state, the level on the device."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.utils._python_dispatch import TorchDispatchMode

from rlflood.flooding import flood
from rlflood.metrics import Metrics, Values
from rlflood.schedulers.base import FloodScheduler
from rlflood.state import Stateful


class Halving(FloodScheduler):
    """The example in the base class's documentation."""

    _state = ("_last_loss",)
    _settings = ("rise",)

    def __init__(self, level: Any = 0.0, rise: float = 0.0) -> None:
        super().__init__(initial_level=level)
        self.rise = rise
        self._last_loss: Values = np.inf

    def _next_level(self, metrics: Metrics) -> Values:
        worse = metrics.val_loss > (1 + self.rise) * self._last_loss
        self._last_loss = metrics.val_loss
        return np.where(worse, self._level / 2, self._level)


class Follow(FloodScheduler):
    """The level is the validation loss: tests set it as they like."""

    def _next_level(self, metrics: Metrics) -> Values:
        return metrics.val_loss


def metrics(loss: Values) -> Metrics:
    accuracy = 0.5 * np.ones_like(loss) if np.ndim(loss) else 0.5
    return Metrics(loss, accuracy, loss, accuracy)


def array(*values: float) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


# metrics in, levels out


def test_the_example_in_the_documentation() -> None:
    scheduler = Halving(0.4)
    assert [scheduler.step(metrics(loss)) for loss in (1.0, 0.5, 0.6, 0.6, 0.7)] == [0.4, 0.4, 0.2, 0.2, 0.1]
    assert scheduler.epoch == 5


def test_floats_give_floats() -> None:
    scheduler = Follow()
    assert type(scheduler.level) is float
    assert type(scheduler.step(metrics(0.5))) is float
    assert type(scheduler.level) is float


@pytest.mark.parametrize("replicas", [1, 3])
def test_arrays_give_arrays(replicas: int) -> None:
    scheduler = Follow(0.25)
    assert scheduler.level == 0.25
    level = scheduler.step(metrics(np.full(replicas, 0.5)))
    assert isinstance(level, np.ndarray)
    assert level.shape == (replicas,)
    assert level.dtype == np.float64


@pytest.mark.parametrize(
    "value",
    [1, 0.5, np.float32(0.5), np.array(0.5), torch.tensor(0.5), torch.tensor(0.5, dtype=torch.bfloat16)],
)
def test_a_metric_may_be_any_kind_of_number(value: Any) -> None:
    level = Follow().step(train_loss=value, train_acc=value, val_loss=value, val_acc=value)
    assert level == float(value)
    assert type(level) is float


@pytest.mark.parametrize(
    "value",
    [[0.5, 1.0], array(0.5, 1.0), torch.tensor([0.5, 1.0]), torch.tensor([0.5, 1.0], requires_grad=True)],
)
def test_a_metric_may_be_any_kind_of_array(value: Any) -> None:
    level = Follow().step(train_loss=value, train_acc=value, val_loss=value, val_acc=value)
    np.testing.assert_array_equal(level, [0.5, 1.0])


def test_the_kinds_may_be_mixed_and_named_in_any_order() -> None:
    scheduler = Halving(0.5)
    scheduler.step(val_acc=1, train_loss=torch.tensor(0.1), val_loss=np.float64(0.2), train_acc=0.3)
    assert scheduler._last_loss == 0.2


def test_metrics_and_keywords_are_alternatives() -> None:
    with pytest.raises(TypeError, match="not both"):
        Follow().step(metrics(0.5), val_acc=0.5)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"\['train_acc', 'val_loss'\] missing"):
        Follow().step(train_loss=0.5, val_acc=0.5)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="missing"):
        Follow().step()  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "wrong",
    [
        Metrics(0.5, 0.5, array(0.5), 0.5),
        Metrics(*[np.ones((2, 2))] * 4),
        Metrics(*[np.ones(2)] * 3, np.ones(3)),
    ],
)
def test_metrics_must_have_one_shape(wrong: Metrics) -> None:
    scheduler = Follow()
    with pytest.raises(ValueError, match="must all be numbers or all have shape"):
        scheduler.step(wrong)
    assert scheduler.epoch == 0


@pytest.mark.parametrize(
    ("before", "after"), [(0.5, array(0.5)), (array(0.5, 0.5), array(0.5)), (array(0.5), 0.5)]
)
def test_the_replicas_stay_the_same_during_a_run(before: Values, after: Values) -> None:
    scheduler = Follow()
    scheduler.step(metrics(before))
    with pytest.raises(ValueError, match="this run has had"):
        scheduler.step(metrics(after))


def test_an_initial_level_of_arrays_fixes_the_replicas() -> None:
    with pytest.raises(ValueError, match=r"shape \(3,\), but this run has had \(2,\)"):
        Halving(array(0.1, 0.2)).step(metrics(np.ones(3)))
    with pytest.raises(ValueError, match=r"shape \(\), but this run has had \(2,\)"):
        Halving(array(0.1, 0.2)).step(metrics(1.0))


@pytest.mark.parametrize("level", [-1e-3, np.nan, np.inf, array(0.1, np.nan), np.zeros((2, 2))])
def test_levels_are_finite_and_not_negative(level: Values) -> None:
    with pytest.raises(ValueError, match="level must"):
        Follow(level)
    if np.ndim(level) < 2:
        with pytest.raises(ValueError, match=r"level must|never negative"):
            Follow().step(metrics(level))


def test_a_level_of_the_wrong_shape_is_the_subclass_s_mistake() -> None:
    class Wrong(FloodScheduler):
        def _next_level(self, metrics: Metrics) -> Values:
            return np.zeros(2)

    for value in (1.0, np.ones(3)):
        with pytest.raises(ValueError, match="shape"):
            Wrong().step(metrics(value))


# nothing is shared with the caller


def test_arrays_are_copied_on_the_way_in_and_out() -> None:
    initial = array(0.4, 0.4)
    scheduler = Halving(initial)
    initial[:] = 9
    loss = array(1.0, 1.0)
    scheduler.step(metrics(loss))
    loss[:] = 0  # as a training loop that reuses its buffers does
    for level in (scheduler.level, scheduler.step(metrics(array(0.5, 2.0)))):
        assert isinstance(level, np.ndarray)
        level[:] = 9
    np.testing.assert_array_equal(scheduler.level, [0.4, 0.2])


def test_a_state_is_a_snapshot() -> None:
    scheduler, other = Halving(array(0.4, 0.4)), Halving()
    scheduler.step(metrics(array(1.0, 1.0)))
    state = scheduler.state_dict()
    before = json.dumps(state)
    scheduler.step(metrics(array(2.0, 2.0)))
    assert json.dumps(state) == before
    other.load_state_dict(state)
    state["level"][0] = state["last_loss"][0] = 9.0
    np.testing.assert_array_equal(other.step(metrics(array(1.0, 2.0))), [0.4, 0.2])


# state


class Memory(Stateful):
    """A part with a state of its own, as a controller's observer is."""

    _state = ("seen", "_count", "deeper")

    def __init__(self) -> None:
        self.seen = np.zeros((2, 1))
        self._count = 0
        self.deeper: dict[str, Any] = {"flags": np.zeros(1, bool), "unit": "nats"}

    def take(self, loss: Values) -> None:
        self.seen = np.stack([np.broadcast_to(self.seen[1], np.shape(loss)), loss])
        self._count += 1
        self.deeper = {"flags": self.seen > 0, "unit": "nats"}


class Remembering(FloodScheduler):
    """The level is the mean of the last two validation losses, by way of its memory."""

    _state = ("_memory", "_counts", "_note")

    def __init__(self) -> None:
        super().__init__()
        self._memory = Memory()
        self._counts: NDArray[np.int64] = np.zeros(1, np.int64)
        self._note: str | None = None

    def _next_level(self, metrics: Metrics) -> Values:
        self._counts = self._counts + np.ones_like(metrics.val_loss, dtype=np.int64)
        self._memory.take(metrics.val_loss)
        return np.asarray(self._memory.seen.mean(0))


def test_a_nested_state_comes_back_whole_through_json() -> None:
    scheduler, resumed = Remembering(), Remembering()
    memory = resumed._memory
    scheduler.step(metrics(array(0.1, 1 / 3)))
    resumed.load_state_dict(json.loads(json.dumps(scheduler.state_dict())))
    assert resumed._memory is memory, "the part itself takes the state in"
    assert memory._count == 1
    assert memory.deeper["flags"].dtype == bool and memory.deeper["unit"] == "nats"
    assert memory.seen.shape == (2, 2)
    assert resumed._counts.dtype == np.int64
    assert resumed._note is None
    following = metrics(array(0.7, 0.9))
    np.testing.assert_array_equal(resumed.step(following), scheduler.step(following))


@pytest.mark.parametrize(
    "value", [object(), np.zeros(0), np.zeros(2, np.float32), np.zeros(2, np.int32), [1.0], torch.ones(2)]
)
def test_a_state_that_would_come_back_as_something_else_is_refused(value: Any) -> None:
    scheduler = Halving()
    scheduler._last_loss = value
    with pytest.raises(TypeError, match="cannot hold"):
        scheduler.state_dict()


def test_a_state_goes_into_a_scheduler_of_its_kind_only() -> None:
    with pytest.raises(ValueError, match="that of 'Follow', not of Halving"):
        Halving().load_state_dict(Follow().state_dict())
    with pytest.raises(ValueError, match="not of Halving"):
        Halving().load_state_dict({})


@pytest.mark.parametrize("change", [{"surplus": 1}, {"last_loss": None}])
def test_a_state_has_exactly_its_entries(change: dict[str, Any]) -> None:
    state = Halving().state_dict() | change
    for name in [name for name, value in change.items() if value is None]:
        del state[name]
    with pytest.raises(ValueError, match="has the entries"):
        Halving().load_state_dict(state)


def test_a_state_must_fit_the_replicas() -> None:
    with pytest.raises(ValueError, match=r"shape \(2,\), this Halving's \(3,\)"):
        Halving(np.zeros(3)).load_state_dict(Halving(np.zeros(2)).state_dict())


def test_a_state_with_an_impossible_level_changes_nothing() -> None:
    scheduler = Halving(0.25)
    with pytest.raises(ValueError, match="level must"):
        scheduler.load_state_dict(scheduler.state_dict() | {"level": float("nan"), "last_loss": 0.0})
    assert scheduler.level == 0.25
    assert scheduler._last_loss == np.inf


def test_a_resumed_run_keeps_its_shape() -> None:
    scheduler, resumed = Follow(), Follow()
    scheduler.step(metrics(0.5))
    resumed.load_state_dict(scheduler.state_dict())
    with pytest.raises(ValueError, match="this run has had"):
        resumed.step(metrics(array(0.5)))


def test_its_text_shows_where_it_stands() -> None:
    scheduler = Follow()
    scheduler.step(metrics(0.5))
    assert repr(scheduler) == "Follow(epoch=1, level=0.5)"


# flooding a batch


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_loss_is_flooded_at_the_present_level(dtype: torch.dtype) -> None:
    scheduler = Follow(0.3)
    loss = torch.tensor(0.1, dtype=dtype)
    assert scheduler(loss).equal(flood(loss, 0.3))
    scheduler.step(metrics(0.7))
    assert scheduler(loss).equal(flood(loss, 0.7))
    assert scheduler(loss).dtype == dtype


def test_losses_of_replicas_are_flooded_each_at_its_level() -> None:
    scheduler = Follow(array(0.3, 0.3, 0.3))
    losses = torch.tensor([0.1, 0.2, 0.9], dtype=torch.float64, requires_grad=True)
    assert scheduler(losses).equal(flood(losses, 0.3))
    scheduler.step(metrics(array(0.0, 0.5, 1.0)))
    flooded = scheduler(losses)
    torch.testing.assert_close(flooded, torch.tensor([0.1, 0.8, 1.1], dtype=torch.float64))
    flooded.sum().backward()
    assert losses.grad is not None
    assert losses.grad.tolist() == [1, -1, -1]


def test_it_floods_wherever_it_is_called() -> None:
    with torch.no_grad():
        assert Follow(0.3)(torch.tensor(0.0)).item() == pytest.approx(0.6)


def test_evaluation_in_inference_mode_does_not_spoil_training() -> None:
    scheduler = Follow(0.3)
    loss = torch.zeros((), requires_grad=True)
    with torch.inference_mode():
        scheduler(loss)
        scheduler.step(metrics(0.4))
    scheduler(loss).backward()
    scheduler.step(metrics(0.5))
    assert scheduler(loss).item() == 1.0
    assert loss.grad == -1


def test_a_loss_that_is_no_mean_is_noticed() -> None:
    """A criterion with reduction="none" must not turn flooding into individual flooding unseen."""
    scheduler = Follow(0.3)
    for losses in (torch.ones(2, 2), torch.ones(64)):
        with pytest.raises(ValueError, match=r"must have shape \(\): take its mean .* replicas="):
            scheduler(losses)
    scheduler.step(metrics(0.5))
    with pytest.raises(ValueError, match=r"has shape \(64,\), but must have shape \(\)"):
        scheduler(torch.ones(64))


def test_losses_and_levels_of_other_replicas_are_noticed() -> None:
    for loss in (torch.ones(()), torch.ones(3)):
        with pytest.raises(ValueError, match=r"must have shape \(2,\)"):
            Follow(array(0.1, 0.2))(loss)


class Operations(TorchDispatchMode):
    """Notes the name of every operation that reaches a device."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("level", [0.3, array(0.1, 0.2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_batch_costs_five_operations_and_no_copy(level: Values, dtype: torch.dtype) -> None:
    """No transfer from the host (`copy_`, `_to_copy`), no synchronisation (`_local_scalar_dense`)."""
    scheduler = Follow(level)
    loss = torch.ones(np.shape(level), dtype=dtype)
    scheduler(loss)
    scheduler.step(metrics(level))
    with Operations() as operations:
        scheduler(loss)
    assert [name for name in operations.names if name != "detach"] == ["sub", "le", "add_", "sign", "lerp"]


def level_tensors(scheduler: FloodScheduler) -> Iterator[torch.Tensor]:
    return iter(scheduler._batches.levels.values())


def test_the_tensor_of_the_level_is_one_for_the_whole_run() -> None:
    """So that a captured graph, which holds its address, follows the level; also when arrays set in."""
    scheduler = Follow(array(0.3, 0.3))
    loss = torch.zeros(2)
    scheduler(loss)
    (tensor,) = level_tensors(scheduler)
    address = tensor.data_ptr()
    for level in (array(0.5, 0.25), array(1.0, 2.0)):
        scheduler.step(metrics(level))
        assert tensor.tolist() == level.tolist(), "refilled by step(), not by the next call"
        scheduler(loss)
        (same,) = level_tensors(scheduler)
        assert same is tensor
        assert same.data_ptr() == address
    other = Follow()
    other.step(metrics(array(4.0, 8.0)))
    scheduler.load_state_dict(other.state_dict())
    assert tensor.tolist() == [4.0, 8.0]


def test_each_device_has_its_own_tensor() -> None:
    scheduler = Follow(0.3)
    assert scheduler(torch.zeros((), device="meta")).device.type == "meta"
    assert scheduler(torch.zeros(())).item() == pytest.approx(0.6)
    assert {tensor.device.type for tensor in level_tensors(scheduler)} == {"meta", "cpu"}


def test_a_tensor_for_another_shape_of_loss_is_dropped() -> None:
    scheduler = Follow(0.3)
    scheduler(torch.ones(()))
    scheduler.step(metrics(array(0.1, 0.2)))
    assert not list(level_tensors(scheduler))
    assert scheduler(torch.zeros(2)).tolist() == pytest.approx([0.2, 0.4])


@pytest.mark.parametrize("replicas", [None, 2])
def test_a_compiled_function_sees_the_changed_level_without_recompiling(replicas: int | None) -> None:
    compilations = 0

    def backend(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Any:
        nonlocal compilations
        compilations += 1
        return graph.forward

    scheduler = Follow(0.25 if replicas is None else np.full(replicas, 0.25))
    loss = torch.zeros(() if replicas is None else replicas)
    compiled = torch.compile(lambda x: scheduler(2 * x), backend=backend, fullgraph=True)
    before_the_last = 0
    for epoch in range(12):
        before_the_last = compilations if epoch == 3 else before_the_last
        level = 0.5 * (epoch + 1)
        scheduler.step(metrics(level if replicas is None else np.full(replicas, level)))
        torch.testing.assert_close(compiled(loss), torch.full_like(loss, 2 * level))
    assert compilations == before_the_last


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_captured_graph_follows_the_level_and_nothing_synchronises() -> None:
    scheduler, loss = Follow(0.25), torch.zeros((), device="cuda")
    scheduler(loss)
    torch.cuda.set_sync_debug_mode("error")
    try:
        scheduler(loss)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        flooded = scheduler(loss)
    for level in (0.5, 1.0):
        scheduler.step(metrics(level))
        graph.replay()
        assert flooded.item() == 2 * level
