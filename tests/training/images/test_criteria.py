"""Criteria in the trainer of one network."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from rlflood.data import image_sets
from rlflood.errors import InputError
from rlflood.training import IndividualFlooding, ModuleTrainer, Task, make_population
from rlflood.training.criteria.mixup import Mixup
from tests.image_archives import write_mnist

NAMES = ("gce", "sce", "elr", "label-smoothing", "mixup", "sam")
SAMPLES, FEATURES, CLASSES = 60, 6, 3


def data() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(SAMPLES, FEATURES, generator=generator)
    y = (x[:, :CLASSES] + 0.5 * torch.randn(SAMPLES, CLASSES, generator=generator)).argmax(1)
    return x, y, torch.arange(SAMPLES)


def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(FEATURES, 16), nn.ReLU(), nn.Linear(16, CLASSES))


def trainer(criterion, **options):
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loader = DataLoader(TensorDataset(*data()), 20)
    val = DataLoader(TensorDataset(*data()[:2]), 20)
    options = {"samples": SAMPLES, **options}
    return ModuleTrainer(model, optimizer, loader, val, classes=CLASSES, criterion=criterion, **options)


def plain_loop(criterion: str, strength: float, level: float, epochs: int) -> list[float]:
    """The train losses of a loop that has no more than the formulas."""
    model = network()
    weights = list(model.parameters())
    optimizer = torch.optim.SGD(weights, lr=0.1, momentum=0.9)
    targets = torch.zeros(SAMPLES, CLASSES)
    draws, found = Mixup([0], torch.device("cpu")), []
    for epoch in range(epochs):
        draws.begin_epoch(epoch, np.array([strength]))
        total = 0.0
        for x, y, rows in DataLoader(TensorDataset(*data()), 20):
            optimizer.zero_grad()
            if criterion == "mixup":
                both = torch.stack([x, y[:, None].expand(-1, FEATURES).float()], 1)
                mixed = draws.batch(lambda given: torch.zeros(1, 20, 3), both[None], y[None], rows[None], 0).x
                share, others = draws._share.item(), draws._others[0]
                torch.testing.assert_close(mixed[0, :, 1, 0], share * y + (1 - share) * others)
                logits = model(mixed[0, :, 0])
                plain = share * F.cross_entropy(logits, y) + (1 - share) * F.cross_entropy(logits, others)
                main, rest = plain, torch.zeros(())
            else:
                logits = model(x)
                plain, p, rest = F.cross_entropy(logits, y), logits.softmax(1), torch.zeros(())
                true = p[torch.arange(20), y]
                if criterion == "gce":
                    main = ((1 - true**strength) / strength).mean()
                elif criterion == "sce":
                    main = 0.1 * plain + strength * 4 * (1 - true).mean()
                elif criterion == "label-smoothing":
                    main = (1 - strength) * plain - strength * p.log().mean()
                elif criterion == "elr":
                    targets[rows] = 0.7 * targets[rows] + 0.3 * p.detach()
                    main, rest = plain, strength * (1 - (targets[rows] * p).sum(1)).log().mean()
                else:
                    gradients = torch.autograd.grad(plain, weights)
                    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
                    before = [weight.detach().clone() for weight in weights]
                    with torch.no_grad():
                        for weight, gradient in zip(weights, gradients, strict=True):
                            weight += strength * gradient / norm
                    main = F.cross_entropy(model(x), y)
            (main * (plain.detach() - level).sign() + rest).backward()
            if criterion == "sam":
                with torch.no_grad():
                    for weight, value in zip(weights, before, strict=True):
                        weight.copy_(value)
            optimizer.step()
            total += plain.item() * 20
        found.append(total / SAMPLES)
    return found


@pytest.mark.parametrize("level", [0.0, 1.0])
@pytest.mark.parametrize("name", NAMES)
def test_each_is_that_of_a_plain_loop(name, level):
    strength = {"label-smoothing": -0.5, "sam": 0.3}.get(name, 0.9)
    own = trainer(name, strength=strength)
    found = [own.run_epoch(level).train_loss[0] for _ in range(6)]
    np.testing.assert_allclose(found, plain_loop(name, strength, level, 6), rtol=1e-4)
    assert min(found) < 1.0 < max(found)


@pytest.mark.parametrize("name", NAMES)
def test_strengths_of_an_epoch_stand_in_for_the_trainers(name):
    strength = {"label-smoothing": -0.5}.get(name, 0.9)
    steered, given, published = trainer(name), trainer(name, strength=strength), trainer(name)
    for _ in range(2):
        expected, other = given.run_epoch(0.0), published.run_epoch(0.0)
        found = steered.run_epoch(0.0, strength)
        np.testing.assert_array_equal(found.val_loss, expected.val_loss)
        assert found.val_loss != other.val_loss
    with pytest.raises(InputError, match="must be finite and"):
        steered.run_epoch(0.0, np.array([np.nan]))


@pytest.mark.parametrize("name", ["gce", "sce", "label-smoothing"])
def test_parts_of_a_batch_give_what_the_whole_gives(name):
    whole, parts = trainer(name), trainer(name, accumulate=1)
    parts._train = [list(zip(*(v.split(7) for v in batch), strict=True)) for batch in whole._train]
    for level in (0.0, 0.8, 0.8):
        expected, found = whole.run_epoch(level), parts.run_epoch(level)
        np.testing.assert_allclose(found.train_loss, expected.train_loss, rtol=1e-4)
        np.testing.assert_allclose(found.val_loss, expected.val_loss, rtol=1e-4)
        np.testing.assert_array_equal(parts.changed, whole.changed)


@pytest.mark.parametrize("name", ["elr", "mixup", "sam"])
def test_what_needs_whole_batches_says_so(name):
    message = f"{name} needs its mini-batches whole: train in one process, without accumulate"
    with pytest.raises(InputError, match=message):
        trainer(name, accumulate=2)
    parts = trainer(name)
    parts._train = [list(zip(*(v.split(7) for v in batch), strict=True)) for batch in parts._train]
    with pytest.raises(InputError, match=message):
        parts.run_epoch(0.0)
    with pytest.raises(InputError, match=f"{name} goes with flooding alone, not with IndividualFlooding"):
        trainer(name, objective=IndividualFlooding())


def test_elr_needs_the_numbers_of_the_samples():
    with pytest.raises(InputError, match="elr keeps a target for each training sample: give samples="):
        trainer("elr", samples=None)


def test_changed_needs_them_too():
    known, unknown = trainer("cross-entropy"), trainer("cross-entropy", samples=None)
    for _ in range(3):
        known.run_epoch(0.0)
        unknown.run_epoch(0.0)
    assert 0 < known.changed[0] < 1
    assert np.isnan(unknown.changed).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_run_resumes_bit_for_bit(name):
    straight, resumed = trainer(name), trainer(name)
    for _ in range(3):
        straight.run_epoch(0.3)
    resumed.load_state_dict(straight.state_dict())
    for _ in range(3):
        np.testing.assert_array_equal(resumed.changed, straight.changed)
        expected, found = straight.run_epoch(0.3), resumed.run_epoch(0.3)
        np.testing.assert_array_equal(found.train_loss, expected.train_loss)
        np.testing.assert_array_equal(found.val_loss, expected.val_loss)


@pytest.mark.parametrize("name", NAMES)
def test_images_are_trained_under_it(name, tmp_path, monkeypatch):
    monkeypatch.setenv("RLFLOOD_DATA", str(tmp_path))
    monkeypatch.setattr(image_sets, "CACHE_ROOT", tmp_path / "cache")
    image_sets._read.cache_clear()
    write_mnist(tmp_path, "mnist")
    task = Task(
        data="mnist", network="cnn", train_size=60, val_size=30, test_size=40, batch_size=20, criterion=name
    )
    population = make_population([task] * 2, [3, 4], [5, 6])
    alone = make_population([task], [4], [6])
    for _ in range(2):
        found, expected = population.run_epoch(0.5), alone.run_epoch(0.5)
        np.testing.assert_allclose(found.train_loss[1], expected.train_loss[0], rtol=1e-4)
    np.testing.assert_allclose(population.changed[1], alone.changed[0])
    assert population.changed.any()
