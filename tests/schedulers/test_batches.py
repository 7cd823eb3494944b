"""Schedulers in mini-batches: on the running mean, over parts of a step and processes, through a save."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import distributed, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

import rlflood
from rlflood.errors import InputError
from rlflood.flooding import flood
from rlflood.holding import Hold
from rlflood.schedulers import (
    AdaptiveFlood,
    BackwardFlood,
    ConstantFlood,
    FloodScheduler,
    PiecewiseFlood,
    ReplayFlood,
    RewindFlood,
    TrackingFlood,
)
from tests.schedulers.mean_process import HOLD, LEVEL, losses_of, train
from tests.two_processes import states_of_two_processes

MEAN = Hold(batches=8, ascent=0.25)
GOOD: dict[str, Any] = {"train_loss": 0.5, "train_acc": 0.8, "val_loss": 0.6, "val_acc": 0.7}


class Returning(ConstantFlood):
    """Puts the best weights back after each epoch whose validation accuracy is 0."""

    back: NDArray[np.bool_] | bool = False

    def _next_level(self, metrics: Any) -> Any:
        self.back = np.asarray(metrics.val_acc) == 0
        return super()._next_level(metrics)

    @property
    def returns(self) -> NDArray[np.bool_] | bool:
        return self.back


@pytest.mark.parametrize(
    "make",
    [
        lambda hold: AdaptiveFlood(hold=hold),
        lambda hold: BackwardFlood(0.3, hold=hold),
        lambda hold: ConstantFlood(0.3, hold=hold),
        lambda hold: PiecewiseFlood(0.3, epochs=5, hold=hold),
        lambda hold: ReplayFlood([0.3], hold=hold),
        lambda hold: RewindFlood(epochs=5, hold=hold),
        lambda hold: TrackingFlood(hold=hold),
        lambda hold: rlflood.load_controller("default", epochs=5, hold=hold),
    ],
)
def test_every_scheduler_is_told_how_its_level_is_held(make: Any) -> None:
    by_class, told = make(None), make(MEAN)
    assert by_class.hold == type(by_class).hold
    assert told.hold == MEAN
    with pytest.raises(ValueError, match=r"made otherwise: hold is \[8.0, 0.25\] there"):
        by_class.load_state_dict(told.state_dict() | {"epoch": 0})
    with pytest.raises(InputError, match=r"takes a rlflood\.Hold"):
        make(8)


def test_a_class_may_hold_its_levels_on_the_mean() -> None:
    class OnMean(ConstantFlood):
        hold = MEAN

    scheduler = OnMean(0.5)
    scheduler(torch.tensor(0.9))
    assert scheduler(torch.tensor(0.3)).item() == pytest.approx(0.3), "the mean is 0.6"
    assert OnMean(0.5, hold=Hold())(torch.tensor(0.3)).item() == pytest.approx(0.7)


def test_the_sign_is_that_of_the_mean_in_a_plain_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(48, 4, generator=generator), torch.randint(3, (48,), generator=generator)

    def network() -> nn.Module:
        torch.manual_seed(1)
        return nn.Linear(4, 3)

    own, plain = network(), network()
    scheduler, mean, sides = ConstantFlood(1.05, hold=Hold(batches=5, ascent=0.5)), 0.0, []
    optimizers = [torch.optim.SGD(model.parameters(), 0.3) for model in (own, plain)]
    for step in range(40):
        batch = slice(step % 6 * 8, step % 6 * 8 + 8)
        losses = [F.cross_entropy(model(x[batch]), y[batch]) for model in (own, plain)]
        mean += (losses[1].item() - mean) / min(step + 1, 5)
        sides.append(1 if mean > 1.05 else -0.5)
        for optimizer in optimizers:
            optimizer.zero_grad()
        scheduler(losses[0]).backward()
        (sides[-1] * losses[1]).backward()
        for optimizer in optimizers:
            optimizer.step()
        torch.testing.assert_close(own.weight, plain.weight)  # type: ignore[arg-type]
    assert 5 < sides.count(1) < 35


def test_replicas_have_a_mean_each() -> None:
    scheduler = ConstantFlood([0.5, 0.5], hold=MEAN)
    losses = torch.tensor([0.9, 0.1], requires_grad=True)
    scheduler(losses).sum().backward()
    assert losses.grad is not None and losses.grad.tolist() == [1, -0.25]


def test_a_loss_that_is_not_finite_poisons_nothing() -> None:
    spared, hit = (ConstantFlood(0.5, hold=MEAN) for _ in range(2))
    for loss in (0.6, 0.45, 0.3):
        spared(torch.tensor(loss))
        hit(torch.tensor(float("nan")))
        hit(torch.tensor(loss))
    assert spared.state_dict() == hit.state_dict()


def test_parts_of_a_step_go_one_way() -> None:
    scheduler = ConstantFlood(0.5, hold=MEAN)
    signs = []
    for loss in (0.9, 0.8, 0.1, 0.2, 0.1, 0.1, 0.9, 0.9):
        at = torch.tensor(loss, requires_grad=True)
        scheduler(at, parts=2).backward()
        assert at.grad is not None
        signs.append(at.grad.item())
    # means of the complete steps: 0.85, 0.5, 0.37
    assert signs[:4] == [1, 1, 1, 1] and signs[6:] == [-0.25, -0.25]
    with pytest.raises(ValueError, match="1 part or more"):
        scheduler(torch.tensor(0.1), parts=0)
    each = ConstantFlood(0.5)
    assert each(torch.tensor(0.1), parts=2).equal(flood(torch.tensor(0.1), 0.5))


def test_parts_that_are_left_over_end_with_the_epoch() -> None:
    scheduler = ConstantFlood(0.5, hold=MEAN)
    scheduler(torch.tensor(9.0), parts=2)
    scheduler.step(**GOOD)
    for loss in (0.2, 0.4):
        scheduler(torch.tensor(loss), parts=2)
    assert scheduler.state_dict()["batches"] == {"mean": pytest.approx(0.3), "count": 1}


@pytest.mark.parametrize("replicas", [None, 2])
def test_a_run_resumes_bit_for_bit(replicas: int | None) -> None:
    def losses(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.rand((20,) if replicas is None else (20, replicas), generator=generator)

    def make() -> FloodScheduler:
        return TrackingFlood(0.8, replicas=replicas, hold=Hold(batches=6))

    report = {name: value if replicas is None else np.full(2, value) for name, value in GOOD.items()}
    run, resumed = make(), make()
    for loss in losses(0):
        run(loss)
    run.step(**report)
    state = json.loads(json.dumps(run.state_dict()))
    resumed.load_state_dict(state)
    assert resumed.state_dict() == state
    for loss in losses(1):
        assert run(loss).equal(resumed(loss))
    assert run.state_dict() == resumed.state_dict()
    # one that has been called already goes on from it in its own tensors
    tensor = resumed._batches._held
    resumed.load_state_dict(state)
    assert resumed._batches._held is tensor and resumed.state_dict() == state


@pytest.mark.parametrize(
    "damage",
    [{"mean": float("nan"), "count": 1.0}, {"mean": 1.0, "count": -1.0}, {"mean": [1.0], "count": 1.0}, {}],
)
def test_a_mean_that_cannot_be_is_refused(damage: dict[str, Any]) -> None:
    scheduler = ConstantFlood(0.5, hold=MEAN)
    scheduler(torch.tensor(0.7))
    before = scheduler.state_dict()
    with pytest.raises(ValueError, match="state"):
        scheduler.load_state_dict(before | {"batches": damage})
    with pytest.raises(ValueError, match="another shape"):
        scheduler.load_state_dict(before | {"batches": {"mean": [1.0, 2.0], "count": [1.0, 2.0]}})
    assert scheduler.state_dict() == before


def test_the_mean_begins_anew_where_the_best_weights_are_put_back() -> None:
    scheduler = Returning([0.5, 0.5], hold=MEAN)
    scheduler(torch.tensor([2.0, 2.0]))
    ones = np.ones(2)
    scheduler.step(train_loss=ones, train_acc=ones, val_loss=ones, val_acc=np.array([0.0, 1.0]))
    scheduler(torch.tensor([0.2, 0.2]))
    assert scheduler.state_dict()["batches"]["mean"] == pytest.approx([0.2, 1.1])
    assert scheduler.state_dict()["batches"]["count"] == [1, 2]


def test_another_device_goes_on_with_the_mean() -> None:
    scheduler = ConstantFlood(0.5, hold=MEAN)
    scheduler(torch.tensor(0.9, dtype=torch.float64))
    assert scheduler(torch.tensor(0.5, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert scheduler.state_dict()["batches"] == {"mean": pytest.approx(0.7), "count": 2}
    assert scheduler(torch.zeros((), device="meta")).device.type == "meta"


def test_evaluation_in_inference_mode_does_not_spoil_training() -> None:
    scheduler = ConstantFlood(0.5, hold=MEAN)
    loss = torch.tensor(0.9, requires_grad=True)
    with torch.inference_mode():
        scheduler(loss)
        scheduler.step(**GOOD)
    scheduler(loss).backward()
    assert loss.grad == 1


class Operations(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("parts", [1, 3])
def test_a_batch_never_waits_for_the_device(parts: int) -> None:
    scheduler = ConstantFlood(0.5, hold=MEAN)
    scheduler(torch.tensor(0.9))
    with Operations() as operations:
        scheduler(torch.tensor(0.9), parts=parts)
    assert not operations.names & {"_local_scalar_dense", "item", "_to_copy", "is_nonzero"}


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("replicas", [None, 2])
def test_a_compiled_function_goes_by_the_mean_without_recompiling(replicas: int | None, parts: int) -> None:
    torch.compiler.reset()  # the limit of compilations is one for all parameters of this test
    compilations = 0

    def backend(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Any:
        nonlocal compilations
        compilations += 1
        return graph.forward

    scheduler, plain = (
        ConstantFlood(0.5 if replicas is None else [0.5] * replicas, hold=MEAN) for _ in range(2)
    )
    compiled = torch.compile(lambda loss: scheduler(loss, parts=parts), backend=backend, fullgraph=True)
    before_the_last, report = 0, GOOD
    if replicas is not None:
        report = {name: np.full(replicas, value) for name, value in GOOD.items()}
    generator = torch.Generator().manual_seed(0)
    for epoch in range(8):
        before_the_last = compilations if epoch == 3 else before_the_last
        for loss in torch.rand((4,) if replicas is None else (4, replicas), generator=generator):
            torch.testing.assert_close(compiled(loss), plain(loss, parts=parts))
        for each in (scheduler, plain):
            each.step(**report)
    assert compilations == before_the_last
    assert scheduler.state_dict() == plain.state_dict()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_captured_graph_follows_the_mean_and_nothing_synchronises() -> None:
    scheduler, loss = ConstantFlood(0.5, hold=MEAN), torch.tensor(0.9, device="cuda")
    scheduler(loss)
    torch.cuda.set_sync_debug_mode("error")
    try:
        scheduler(loss)
        scheduler(loss, parts=2)
        scheduler(loss, parts=2)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        flooded = scheduler(loss)
    for value in (0.9, 0.1, 0.1, 0.1, 0.1, 0.1):
        loss.fill_(value)
        graph.replay()
    assert flooded.item() == pytest.approx(0.5 + 0.25 * 0.4)


@pytest.mark.skipif(not distributed.is_gloo_available(), reason="PyTorch was built without gloo")
def test_two_processes_go_by_the_mean_of_both(tmp_path: Path) -> None:
    """Their own losses lie on both sides of the level."""
    ranks = states_of_two_processes(Path(__file__).with_name("mean_process.py"), tmp_path)
    assert ranks[0]["batches"] == ranks[1]["batches"]
    assert [rank["average"] for rank in ranks] == [1, 1], "of the network within DistributedDataParallel"
    assert ranks[0]["signs"] == ranks[1]["signs"]
    assert {1.0, -HOLD.ascent} == set(ranks[0]["signs"])
    both = [losses_of(rank) for rank in range(2)]
    share = sum(sign < 0 for sign in ranks[0]["signs"]) / 40
    assert [rank["ascended"] for rank in ranks] == [share, share], "they go the same way"
    own = [(losses < LEVEL).double().mean().item() for losses in both]
    assert [rank["ascended_alone"] for rank in ranks] == own and own[0] != own[1], "each its own"
    assert ((both[0] > LEVEL) != (both[1] > LEVEL)).any()
    alone = train(torch.stack(both).mean(0))
    assert ranks[0]["signs"] == alone["signs"]
    assert ranks[0]["batches"]["mean"] == pytest.approx(alone["batches"]["mean"], rel=1e-5)
    # a meter weighs samples: forty of one process, twenty of the other
    counted = torch.cat([losses_of(0), losses_of(1)[:20]]).double().mean().item()
    assert ranks[0]["metered"] == ranks[1]["metered"] == pytest.approx((counted, 20 / 60))
