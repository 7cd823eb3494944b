"""One network on the device against the CPU: the module trainer, environments, and a loop of one's own."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.gpu.checking import Checks, Differences, apart, largest, moved, unsynchronised
from rlflood.best_weights import BestWeights
from rlflood.flooding import flood, individual_flood, soft_ascent_descent
from rlflood.held_level import HeldLevel
from rlflood.holding import Hold
from rlflood.schedulers import ConstantFlood, HoldFlood
from rlflood.training import Machine, ModulePopulation, ModuleTrainer, Task
from rlflood.training.images.convolutional import image_network
from rlflood.training.trainer import MOMENTS
from rlflood.weight_average import WeightAverage

SHAPE, CLASSES, EPOCHS = (3, 8, 8), 3, 6
KEPT: dict[str, Any] = {"average": 4.0, "keep_best": True}
MODULES: dict[str, dict[str, Any]] = {
    "cnn": {},
    "cnn, average, best and returns": KEPT,
    "cnn, held mean": {"hold": Hold(batches=4, ascent=0.25)},
    "cnn, accumulated and clipped": {"accumulate": 2, "clip_norm": 1.0},
    "cnn, elr": {"criterion": "elr", "samples": 60},
    "cnn, gce": {"criterion": "gce"},
    "cnn, mixup": {"criterion": "mixup"},
    "cnn, sam": {"criterion": "sam"},
    "cnn, bfloat16": {"precision": "bfloat16"},
    "resnet20": {},
}
KINDS = {"losses": "losses", "accuracies": "accuracies"}


def add(checks: Checks) -> None:
    """All of them."""
    device = checks.device
    for name in MODULES:
        checks.add(f"module trainer, {name}", lambda n=name: _module(device, n))
        if "bfloat16" not in name:
            checks.add(f"no synchronisation in a step, {name}", lambda n=name: _module_running(device, n))
    for source, target in dict.fromkeys(((device, "cpu"), ("cpu", device), (device, device))):
        checks.add(
            f"module trainer, state from {source} on {target}", lambda s=source, t=target: _resumed(s, t)
        )
    checks.add("population of cnns on streams", lambda: _population(device))
    checks.add("environment, one trajectory", lambda: _environment(device))
    checks.add("flood and its kin", lambda: _flooded(device))
    checks.add("loop of one's own", lambda: apart(_own_loop("cpu"), _own_loop(device), KINDS))
    checks.add("no synchronisation in a loop of one's own", lambda: _own_loop_running(device))
    checks.add("running mean that moves to the cpu", lambda: _moved_mean(device))


def images(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Images of a class each, with noise enough for some to be mistaken."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(CLASSES, (count,), generator=generator)
    return 0.5 * y[:, None, None, None] + torch.randn(count, *SHAPE, generator=generator), y


def module(device: str, name: str) -> ModuleTrainer:
    """The module trainer of a case."""
    options = dict(MODULES[name])
    network = image_network(name.partition(",")[0], SHAPE, CLASSES, seed=1).to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.02, momentum=0.9, fused=True)
    x, y = images(60, 0)
    numbers = torch.arange(60)
    # in a file's order, so that nothing is drawn; on the device, as the project's own loaders have it
    train = [tuple(part[rows].to(device) for part in (x, y, numbers)) for rows in numbers.split(10)]
    others = [[tuple(part.to(device) for part in images(40, seed))] for seed in (1, 2)]
    return ModuleTrainer(
        network, optimizer, train, *others, classes=CLASSES, device=device, **options,
        lr_scheduler=torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS),
    )  # fmt: skip


def curves(trainer: Any, epochs: int = EPOCHS, kept: bool = False) -> dict[str, Any]:
    """Train, with an average that begins and best weights put back on the way; what came of it."""
    metrics = []
    everyone = np.ones(trainer.replicas, bool)
    while trainer.epoch < epochs:
        if kept and trainer.epoch == 3:
            trainer.begin_average(everyone)
        if kept and trainer.epoch == 5:
            trainer.return_to_best(everyone)
        metrics.append(trainer.run_epoch(0.5))
    tests = [trainer.evaluate("test", moment) for moment in (MOMENTS if kept else MOMENTS[:1])]
    losses = [own.train_loss for own in metrics] + [own.val_loss for own in metrics]
    accuracies = [own.train_acc for own in metrics] + [own.val_acc for own in metrics]
    return {
        "losses": losses + [test.loss for test in tests],
        "accuracies": accuracies + [test.accuracy for test in tests],
    }


def _module(device: str, name: str) -> Differences:
    kept = "keep_best" in MODULES[name]
    first, second = (curves(module(where, name), kept=kept) for where in ("cpu", device))
    if "bfloat16" in name:
        return {"half": largest(first["losses"], second["losses"])}
    return apart(first, second, KINDS)


def _module_running(device: str, name: str) -> Differences:
    trainer = module(device, name)
    trainer.run_epoch(0.5)
    trainer.network.train()
    batches: Any = trainer._train
    step = trainer._accumulate
    with unsynchronised(device):
        trainer._step([batches[number] for number in range(step)])
    return {"exact": 0.0}


def _resumed(source: str, target: str) -> Differences:
    name = "cnn, average, best and returns"
    whole = module(source, name)
    curves(whole, 3, kept=True)
    state: Any = moved(whole.state_dict(), target)
    other = module(target, name)
    other.load_state_dict(state)
    return apart(curves(whole, kept=True), curves(other, kept=True), KINDS)


def _population(device: str) -> Differences:
    """Six networks on streams and threads of their own, with what is done between their epochs."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "images.npz"
        x, y = images(400, 3)
        np.savez(file, x=x.numpy(), y=y.numpy())
        task = Task(
            data=str(file), network="cnn", train_size=60, val_size=60, test_size=60, batch_size=20,
            epochs=EPOCHS, augmentation="crop-flip", optimizer="sgd", learning_rate=0.02,
        )  # fmt: skip

        def run_on(where: str) -> dict[str, Any]:
            population = ModulePopulation([task] * 6, range(6), range(6), machine=Machine(where), **KEPT)
            curves(population, EPOCHS - 2, kept=True)
            population.load_state_dict(population.state_dict())
            population.copy_replicas(np.array([0, 0, 2, 3, 4, 4]))
            return curves(population, kept=True)

        return apart(run_on("cpu"), run_on(device), KINDS)


def _environment(device: str) -> Differences:
    from rlflood.envs import FloodEnv, FloodVectorEnv

    settings = {
        "hidden": (16,),
        "train_size": 40,
        "val_size": 40,
        "test_size": 40,
        "batch_size": 20,
        "epochs": 10,
    }
    actions = np.random.default_rng(0).integers(51, size=(10, 4))

    def alone(where: str) -> tuple[list[Any], list[Any]]:
        env = FloodEnv(device=where, **settings)
        seen, paid = [env.reset(seed=5)[0]], []
        for own in actions:
            observation, reward, *_ = env.step(own[0])
            seen.append(observation)
            paid.append(reward)
        return seen, paid

    def together(where: str) -> tuple[list[Any], list[Any]]:
        env = FloodVectorEnv(4, device=where, **settings)
        seen, paid = [env.reset(seed=5)[0]], []
        for own in actions:
            observation, reward, *_ = env.step(own)
            seen.append(observation)
            paid.append(reward)
        return seen, paid

    found = {"losses": 0.0, "accuracies": 0.0}
    for rolled_out in (alone, together):
        (first, pay), (second, other) = rolled_out("cpu"), rolled_out(device)
        # observations are train loss, train accuracy, validation loss, validation accuracy
        a, b = np.array(first), np.array(second)
        found["losses"] = max(found["losses"], largest(a[..., ::2], b[..., ::2]))
        found["accuracies"] = max(
            found["accuracies"], largest(a[..., 1::2], b[..., 1::2]), largest(pay, other)
        )
    return found


def _flooded(device: str) -> Differences:
    """Values and gradients of the objectives, with levels that are numbers and tensors."""

    def values(where: str) -> dict[str, Any]:
        losses = torch.tensor([[0.3, 0.05, 0.4], [0.9, 0.2, 0.1]], device=where, requires_grad=True)
        level = torch.tensor([0.25, 0.5], device=where)
        held = HeldLevel(Hold(batches=3, ascent=0.25), (2,), losses.device)
        given: list[Tensor] = [
            flood(losses.mean(1), 0.3),
            flood(losses.mean(1), level),
            individual_flood(losses, level),
            soft_ascent_descent(losses, level),
            *(held(losses.mean(1) * number, level) for number in (1, 2)),
            *(held(losses.mean(1), level, parts=2) for _ in range(2)),
        ]
        gradients = [torch.autograd.grad(value.sum(), losses, retain_graph=True)[0] for value in given]
        return {
            "values": torch.stack(given).detach().cpu().numpy(),
            "gradients": torch.stack(gradients).cpu().numpy(),
        }

    return apart(values("cpu"), values(device), dict.fromkeys(("values", "gradients"), "same device"))


def _network(device: str) -> nn.Sequential:
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.0), nn.Linear(16, CLASSES)
    ).to(device)


def _points(device: str) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(80, 6, generator=generator)
    y = (x[:, 0] > 0).long() + (x[:, 1] > 0.5).long()
    return x.to(device), y.to(device)


def _step_of(device: str, scheduler: Any) -> tuple[nn.Module, WeightAverage, Callable[[int], Tensor]]:
    """A loop of one's own up to its step: the network, its average, and what does one batch."""
    model = _network(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    average = WeightAverage(model, scheduler)
    x, y = _points(device)

    def step(number: int) -> Tensor:
        rows = slice(10 * (number % 6), 10 * (number % 6) + 10)
        loss = F.cross_entropy(model(x[rows]), y[rows])
        scheduler(loss).backward()
        optimizer.step()
        optimizer.zero_grad()
        average.update()
        return loss.detach()

    return model, average, step


def _own_loop(device: str) -> dict[str, Any]:
    scheduler = HoldFlood(returning=True)
    model, average, step = _step_of(device, scheduler)
    best = BestWeights(model)
    x, y = _points(device)
    losses: list[Any] = []
    accuracies: list[Any] = []
    for epoch in range(12):
        model.train()
        train_loss = torch.stack([step(6 * epoch + number) for number in range(6)]).mean()
        model.eval()
        with torch.no_grad():
            logits = model(x[60:])
            val_loss = F.cross_entropy(logits, y[60:])
            val_acc = (logits.argmax(1) == y[60:]).float().mean()
        best.step(val_acc=val_acc, val_loss=val_loss)
        scheduler.step(train_loss=train_loss, train_acc=0.5, val_loss=val_loss, val_acc=val_acc)
        if scheduler.returns:
            best.put_back()
        losses += [float(train_loss), float(val_loss)]
        accuracies.append(float(val_acc))
    with torch.no_grad():
        losses.append(float(F.cross_entropy(average.module(x), y)))
    return {"losses": losses, "accuracies": accuracies}


def _own_loop_running(device: str) -> Differences:
    for scheduler in (ConstantFlood(0.5), ConstantFlood(0.5, hold=Hold(batches=4, ascent=0.25))):
        _, _, step = _step_of(device, scheduler)
        for number in range(2):
            step(number)
        with unsynchronised(device):
            for number in range(4):
                step(number)
    return {"exact": 0.0}


def _moved_mean(device: str) -> Differences:
    """The mean of a scheduler that is used on the device and then on the processor goes on."""

    def flooded(second: str) -> float:
        scheduler = ConstantFlood(0.5, hold=Hold(batches=4, ascent=0.25))
        for value in (0.9, 0.2):
            scheduler(torch.tensor(value, device=device, requires_grad=True))
        return scheduler(torch.tensor(0.1, device=second, requires_grad=True)).item()

    return {"same device": abs(flooded(device) - flooded("cpu"))}
