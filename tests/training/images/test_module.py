import shutil
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, TensorDataset

from rlflood.flooding import flood
from rlflood.holding import Hold
from rlflood.schedulers import TrackingFlood
from rlflood.training import Flooding, IndividualFlooding, ModuleTrainer, RelaxLoss, WaveBound
from rlflood.training.trainer import MOMENTS

SAMPLES, FEATURES, CLASSES = 60, 6, 3


def data(seed=0, samples=SAMPLES):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, FEATURES, generator=generator)
    return x, (x[:, :CLASSES] + 0.5 * torch.randn(samples, CLASSES, generator=generator)).argmax(1)


def network(dropout=0.0, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(FEATURES, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, CLASSES))


def loaders(batch_size=20, shuffle=False):
    return (
        DataLoader(TensorDataset(*data(0)), batch_size, shuffle=shuffle),
        DataLoader(TensorDataset(*data(1, 45)), 20),
        DataLoader(TensorDataset(*data(2, 31)), 20),
    )


SGD = partial(torch.optim.SGD, lr=0.1, momentum=0.9)


def trainer(model=None, make=SGD, batch_size=20, shuffle=False, **options):
    model = network() if model is None else model
    return ModuleTrainer(
        model, make(model.parameters()), *loaders(batch_size, shuffle), classes=CLASSES, **options
    )


def weights(module):
    return torch.cat([value.flatten() for value in module.state_dict().values()])


def test_it_is_a_plain_loop_with_flooding():
    own, plain = trainer(), network()
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1, momentum=0.9)
    train = loaders()[0]
    for level in (0.0, 0.6, 0.9):
        metrics = own.run_epoch(level)
        losses, hits = [], []
        for x, y in train:
            loss = F.cross_entropy(plain(x), y)
            losses.append(loss.item())
            hits.append((plain(x).argmax(1) == y).float().mean().item())
            optimizer.zero_grad()
            flood(loss, level).backward()
            optimizer.step()
        torch.testing.assert_close(weights(own.network), weights(plain))
        assert metrics.train_loss == pytest.approx([np.mean(losses)])
        assert metrics.train_acc == pytest.approx([np.mean(hits)])
        with torch.no_grad():
            x, y = data(1, 45)
            assert metrics.val_loss == pytest.approx([F.cross_entropy(plain(x), y).item()])
            assert metrics.val_acc == pytest.approx([(plain(x).argmax(1) == y).float().mean().item()])
    assert own.levels.tolist() == [0.9]
    x, y = data(2, 31)
    evaluation = own.evaluate("test")
    assert evaluation.loss == pytest.approx([F.cross_entropy(plain(x), y).item()])
    losses = F.cross_entropy(plain(x), y, reduction="none").detach()
    np.testing.assert_allclose(own.sample_losses("test"), losses[None], rtol=1e-5)


@pytest.mark.parametrize("level", [0.0, 0.7, 5.0])
def test_accumulated_batches_are_one_flooded_batch(level):
    """Not the mean of flooded micro-batches: their losses lie on both sides of a level near the loss."""
    whole, parts = trainer(batch_size=30), trainer(batch_size=10, accumulate=3)
    for _ in range(3):
        a, b = whole.run_epoch(level), parts.run_epoch(level)
        torch.testing.assert_close(weights(whole.network), weights(parts.network))
        assert a.train_loss == pytest.approx(b.train_loss)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_level_is_held_on_the_mean_of_whole_steps(accumulate):
    own = trainer(batch_size=12, accumulate=accumulate, hold=Hold(batches=8, ascent=0.25))
    plain = network()
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1, momentum=0.9)
    mean, count, sides = 0.0, 0, []
    for level in (0.0, 0.75, 1.1, 0.95):
        own.run_epoch(level)
        for x, y in loaders(batch_size=12 * accumulate)[0]:  # the last step has one part
            loss = F.cross_entropy(plain(x), y)
            count += 1
            mean += (loss.item() - mean) / min(count, 8)
            sides.append(1 if mean > level else -0.25)
            optimizer.zero_grad()
            (sides[-1] * loss).backward()
            optimizer.step()
        torch.testing.assert_close(weights(own.network), weights(plain))
    assert {1, -0.25} == set(sides[len(sides) // 4 :]), "after the epoch without a level"


def test_the_last_step_of_an_epoch_may_have_fewer_parts():
    whole, parts = trainer(batch_size=25), trainer(batch_size=5, accumulate=5)  # 25, 25, 10
    for _ in range(2):
        whole.run_epoch(0.8)
        parts.run_epoch(0.8)
    torch.testing.assert_close(weights(whole.network), weights(parts.network))


def test_gradients_are_clipped_after_flooding():
    own, plain = trainer(clip_norm=0.05, batch_size=SAMPLES), network()
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1, momentum=0.9)
    own.run_epoch(2.0)
    flood(F.cross_entropy(plain(data()[0]), data()[1]), 2.0).backward()
    assert nn.utils.clip_grad_norm_(plain.parameters(), 0.05) > 0.05
    optimizer.step()
    torch.testing.assert_close(weights(own.network), weights(plain))


@pytest.mark.parametrize(
    "make", [partial(torch.optim.SGD, lr=0.1, momentum=0.9), partial(torch.optim.Adam, lr=0.01)]
)
def test_a_resumed_run_is_the_run(make, tmp_path):
    """With dropout, shuffling, a learning-rate scheduler and the best checkpoint."""

    def fresh():
        model = network(dropout=0.3)
        optimizer = make(model.parameters())
        lr_scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
        return ModuleTrainer(
            model, optimizer, *loaders(shuffle=True), classes=CLASSES, lr_scheduler=lr_scheduler, seed=3,
            keep_best=True, average=5,
        )  # fmt: skip

    whole, first, steered, again = fresh(), fresh(), TrackingFlood(), TrackingFlood()
    for epoch in range(6):
        if epoch == 3:
            state = first.state_dict()
        steered.step(whole.run_epoch(steered.level))
        if epoch < 3:
            again.step(first.run_epoch(again.level))
    state = {"trainer": first.state_dict(), "scheduler": again.state_dict()}
    torch.save(state, tmp_path / "run.pt")
    loaded = torch.load(tmp_path / "run.pt", weights_only=True)
    second, resumed = fresh(), TrackingFlood()
    second.load_state_dict(loaded["trainer"])
    resumed.load_state_dict(loaded["scheduler"])
    for _ in range(3):
        resumed.step(second.run_epoch(resumed.level))
    assert resumed.level == steered.level
    assert torch.equal(weights(second.network), weights(whole.network))
    for moment in MOMENTS:
        assert second.evaluate("test", moment).loss == whole.evaluate("test", moment).loss


def test_the_callers_generator_stays_as_it_was():
    own = trainer(network(dropout=0.5), shuffle=True)
    before = torch.get_rng_state()
    own.run_epoch(0.0)
    assert torch.equal(torch.get_rng_state(), before)


def test_reduce_on_plateau_hears_the_validation_loss():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
    own = ModuleTrainer(model, optimizer, *loaders(), classes=CLASSES, lr_scheduler=plateau)
    loss = own.run_epoch(0.0).val_loss[0]
    assert plateau.best == pytest.approx(loss)
    for _ in range(2):
        own.run_epoch(0.0)
    assert plateau.num_bad_epochs == 0  # the second bad epoch has lowered the rate


def test_the_best_checkpoint_has_the_best_validation_accuracy():
    own = trainer(make=partial(torch.optim.SGD, lr=2.0), keep_best=True)
    best = max((own.run_epoch(0.0) for _ in range(12)), key=lambda m: (m.val_acc[0], -m.val_loss[0]))
    after = weights(own.network)
    assert own.evaluate("val", "best").accuracy == pytest.approx(best.val_acc)
    assert own.evaluate("val", "best").loss == pytest.approx(best.val_loss)
    assert torch.equal(weights(own.network), after)


@pytest.mark.parametrize("options", [{}, {"accumulate": 2}])
def test_averages_and_returns_are_those_of_a_plain_loop(options):
    own, plain = trainer(batch_size=10, keep_best=True, average=4, **options), network()
    optimizer, over = torch.optim.SGD(plain.parameters(), lr=0.1, momentum=0.9), 4.0
    average, (val_x, val_y) = AveragedModel(plain), data(1, 45)
    scores, states = [], []
    for epoch in range(8):
        if epoch == 5:
            own.return_to_best(np.array([True]))
            plain.load_state_dict(states[max(range(5), key=scores.__getitem__)])
        if epoch == 3:
            own.begin_average(np.array([True]))
            average, over = AveragedModel(plain), np.inf
        level = 9.0 if epoch == 4 else 0.0  # up for an epoch, so that there is something to return to
        metrics = own.run_epoch(level)
        for x, y in loaders(10 * options.get("accumulate", 1))[0]:
            optimizer.zero_grad()
            flood(F.cross_entropy(plain(x), y), level).backward()
            optimizer.step()
            if average.n_averaged >= over:
                average.avg_fn = get_ema_avg_fn(1 - 1 / over)
            average.update_parameters(plain)
        logits, found = average(val_x).detach(), own.average_validation
        assert found.loss == pytest.approx([F.cross_entropy(logits, val_y).item()], rel=1e-4)
        assert found.accuracy == pytest.approx([(logits.argmax(1) == val_y).float().mean().item()])
        scores.append((metrics.val_acc[0], -metrics.val_loss[0]))
        states.append({name: value.clone() for name, value in plain.state_dict().items()})
        torch.testing.assert_close(weights(own.network), weights(plain), rtol=1e-4, atol=1e-5)
    assert own.evaluate("val", "average").loss == pytest.approx(found.loss, rel=1e-6)
    assert own.evaluate("val").loss == pytest.approx(metrics.val_loss, rel=1e-6)
    assert max(range(5), key=scores.__getitem__) != 4


class NoSynchronisation(TorchDispatchMode):
    """Fails where a host would wait for its device: values read, shapes that depend on values, copies."""

    waiting = ("_local_scalar_dense", "nonzero", "equal", "is_nonzero", "masked_select", "unique")

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        assert not any(name.lstrip("_").startswith(word.lstrip("_")) for word in self.waiting), name
        return function(*args, **kwargs or {})


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("options", [{}, {"accumulate": 2}, {"clip_norm": 1.0}])
def test_a_batch_waits_for_nothing(precision, options):
    own = trainer(make=partial(torch.optim.Adam, lr=1e-3, fused=True), precision=precision, **options)
    own.run_epoch(0.5)  # what is made once is made
    parts = [[value.clone() for value in batch] for batch in loaders()[0]]
    with NoSynchronisation():
        for part in parts:
            own._step([part] * options.get("accumulate", 1))


def test_the_test_for_synchronisation_can_fail():
    with pytest.raises(AssertionError, match="local_scalar"), NoSynchronisation():
        torch.ones(1).item()


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_lower_precision_learns(precision):
    own = trainer(make=partial(torch.optim.Adam, lr=1e-2, fused=True), precision=precision)
    for _ in range(30):
        metrics = own.run_epoch(0.1)
    assert metrics.val_acc[0] > 0.6
    assert next(own.network.parameters()).dtype == torch.float32


@pytest.mark.parametrize("objective", [IndividualFlooding(), RelaxLoss(), WaveBound(0.9)])
def test_other_objectives_train_it(objective):
    own, flooded = trainer(objective=objective), trainer(objective=Flooding())
    for _ in range(2):  # far above the loss, where flooding ascends
        metrics = own.run_epoch(2.0)
        flooded.run_epoch(2.0)
    assert np.isfinite(metrics.val_loss).all()
    assert not torch.allclose(weights(own.network), weights(flooded.network))


def test_an_objective_that_cannot_be_added_up_is_refused():
    with pytest.raises(ValueError, match="only flooding"):
        trainer(objective=IndividualFlooding(), accumulate=2)
    with pytest.raises(ValueError, match="accumulate must be 1 or more"):
        trainer(accumulate=0)


def test_a_compiled_network_does_the_same():
    own, compiled = trainer(), trainer(compile="eager")
    for level in (0.0, 0.8):
        own.run_epoch(level)
        compiled.run_epoch(level)
    torch.testing.assert_close(weights(own.network), weights(compiled.network))


@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a compiler")
def test_inductor_does_the_same():
    own, compiled = trainer(), trainer(compile=True)
    own.run_epoch(0.8)
    compiled.run_epoch(0.8)
    torch.testing.assert_close(weights(own.network), weights(compiled.network), rtol=1e-4, atol=1e-5)


def test_a_split_without_a_loader_is_named():
    model = network()
    own = ModuleTrainer(model, torch.optim.SGD(model.parameters(), lr=0.1), *loaders()[:2], classes=CLASSES)
    own.run_epoch(0.0)
    with pytest.raises(ValueError, match="no loader for the split test"):
        own.evaluate("test")
    with pytest.raises(ValueError, match="keep_best"):
        own.evaluate("val", "best")


def test_a_network_that_diverges_says_so():
    own = trainer(make=partial(torch.optim.SGD, lr=1e20), keep_best=True)
    for _ in range(3):
        metrics = own.run_epoch(0.0)
    assert not np.isfinite(metrics.train_loss).any()
