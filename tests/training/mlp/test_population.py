"""The stack of networks is held against plain PyTorch loops, one a replica."""

import gc
import io
import weakref
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn

from rlflood.data import Split, Splits
from rlflood.errors import InputError
from rlflood.holding import Hold
from rlflood.training import Machine, PopulationTrainer, Task, make_population
from rlflood.training.mlp import population
from rlflood.training.order import batch_order
from rlflood.training.trainer import MOMENTS

SMALL = Task(hidden=(16, 12), train_size=50, val_size=40, test_size=60, label_noise=0.1, epochs=50)
PROBLEMS = (
    {"data": "two-gaussians"},
    {"data": "sinusoid", "label_noise": 0.3},
    {"data": "blobs", "data_options": {"classes": 5, "dimensions": 4}},
)
DATA_SEEDS, NETWORK_SEEDS, LEVELS = [3, 1, 2], [7, 8, 9], np.array([0.0, 0.35, 0.8])


def tasks(**changes: object) -> list[Task]:
    """Three problems that differ in features (10, 2, 4), classes (2, 2, 5) and noise."""
    return [SMALL.model_copy(update={**problem, **changes}) for problem in PROBLEMS]


def trainer(
    chosen: Sequence[Task], replicas: Sequence[int] = (0, 1, 2), **options: object
) -> PopulationTrainer:
    own = [[sequence[i] for i in replicas] for sequence in (chosen, DATA_SEEDS, NETWORK_SEEDS)]
    return PopulationTrainer(*own, **options)


def run(stack: PopulationTrainer, levels: object, epochs: int) -> np.ndarray:
    """Metrics of each epoch: shape (epochs, 4, replicas)."""
    history = []
    for _ in range(epochs):
        metrics = stack.run_epoch(levels)
        history.append([metrics.train_loss, metrics.train_acc, metrics.val_loss, metrics.val_acc])
    return np.array(history)


def plain_optimizer(task: Task, module: torch.nn.Module) -> torch.optim.Optimizer:
    options = {"lr": task.learning_rate, "weight_decay": task.weight_decay, "foreach": False, "fused": False}
    if task.optimizer == "sgd":
        return torch.optim.SGD(module.parameters(), momentum=task.momentum, **options)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[task.optimizer](
        module.parameters(), **options
    )


def plain_loop(
    task: Task, module: torch.nn.Module, data_seed: int, network_seed: int, level: float, epochs: int
):
    """Flooded training as one would write it for one network."""
    splits, optimizer, history = task.split(data_seed), plain_optimizer(task, module), []
    (x, y), (val_x, val_y) = (
        (torch.from_numpy(part.x), torch.from_numpy(part.y)) for part in (splits.train, splits.val)
    )
    for epoch in range(epochs):
        module.train()
        order = torch.arange(len(y))
        if task.batch_size is not None and task.batch_size < len(y):
            order = batch_order(torch.tensor([network_seed]), epoch, len(y))[0]
        loss_sum = hits = 0.0
        for rows in order.split(task.batch_size or len(y)):
            logits = module(x[rows])
            loss = F.cross_entropy(logits, y[rows])
            optimizer.zero_grad()
            ((loss - level).abs() + level).backward()
            optimizer.step()
            loss_sum += loss.item() * len(rows)
            hits += (logits.argmax(1) == y[rows]).sum().item()
        module.eval()
        with torch.no_grad():
            logits = module(val_x)
            val_loss = F.cross_entropy(logits, val_y).item()
            val_acc = (logits.argmax(1) == val_y).double().mean().item()
        history.append([loss_sum / len(y), hits / len(y), val_loss, val_acc])
    return np.array(history)


def close(actual: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch norm"])
@pytest.mark.parametrize("batch_size", [None, 20], ids=["full batch", "batches of 20, 20 and 10"])
@pytest.mark.parametrize(
    "optimizer",
    [
        {"optimizer": "adam"},
        {"optimizer": "adamw", "weight_decay": 0.1},
        {"optimizer": "sgd", "learning_rate": 0.02, "momentum": 0.9, "weight_decay": 0.01},
    ],
    ids=["adam", "adamw", "sgd"],
)
def test_each_replica_does_what_a_plain_loop_does(optimizer, batch_size, batch_norm):
    """50 epochs; tightly while rounding has not been blown up, which under SGD is to the end.

    Adam scales gradients that are rounding errors around 0 to full steps, so over 50 epochs single weights
    may come out one step (1e-3) apart. Batch normalisation makes such gradients: it takes out the biases
    before it. Training does not see these biases, but the running means lag behind their walk, and
    validation sees that: some 1e-3.
    """
    chosen = tasks(**optimizer, batch_size=batch_size, batch_norm=batch_norm)
    stack = trainer(chosen)
    modules = [stack.module(i) for i in range(3)]
    history = run(stack, LEVELS, 50)
    sgd = optimizer["optimizer"] == "sgd"
    walking = batch_norm and not sgd
    for i, (task, module) in enumerate(zip(chosen, modules, strict=True)):
        expected = plain_loop(task, module, DATA_SEEDS[i], NETWORK_SEEDS[i], LEVELS[i], 50)
        found = history[:, :, i]
        close(found[:10, 0], expected[:10, 0], 1e-5)
        close(found[:10, 2], expected[:10, 2], 5e-3 if walking else 1e-5)
        close(found[:, 0], expected[:, 0], 1e-5 if sgd else 1e-3)
        close(found[:, 2], expected[:, 2], 5e-3 if walking else 1e-5 if sgd else 1e-3)
        close(found[:10, 1], expected[:10, 1], 1e-6)
        close(found[:, 1], expected[:, 1], 1e-6 if sgd else 1.1 / task.train_size)
        close(found[:, 3], expected[:, 3], 1e-6 if sgd else 1.1 / task.val_size)
        weights = module.state_dict()
        for name, value in stack.module(i).state_dict().items():
            before_norm = name.endswith("running_mean") or name in ("0.bias", "3.bias")
            if not name.endswith("num_batches_tracked") and not (walking and before_norm):
                close(value.numpy(), weights[name].numpy(), 1e-5 if sgd else 2e-3)


def test_a_batch_above_the_split_is_the_full_batch():
    together, above = (trainer(tasks(batch_size=size)) for size in (None, 64))
    np.testing.assert_array_equal(run(together, LEVELS, 5), run(above, LEVELS, 5))


def test_a_network_without_hidden_layers_is_logistic_regression():
    (task, *_) = tasks(hidden=())
    stack = trainer([task], [0])
    module = stack.module(0)
    assert len(module) == 1
    close(
        run(stack, 0.1, 20)[:, :, 0], plain_loop(task, module, DATA_SEEDS[0], NETWORK_SEEDS[0], 0.1, 20), 1e-5
    )


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("batch_size", [None, 20])
def test_a_replica_in_a_stack_is_the_same_alone(batch_size, batch_norm):
    chosen = tasks(batch_size=batch_size, batch_norm=batch_norm)
    together = run(trainer(chosen), LEVELS, 30)
    for i in range(3):
        alone = run(trainer(chosen, [i]), LEVELS[i], 30)
        close(together[:, ::2, i], alone[:, ::2, 0], 5e-3 if batch_norm else 1e-5)
        close(together[:, 1::2, i], alone[:, 1::2, 0], 1.5 / 40 if batch_norm else 1e-6)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_padding_stays_out_of_it(optimizer):
    """Inputs and classes that a replica does not have keep weights and gradients of exactly 0."""
    stack = trainer(tasks(optimizer=optimizer, weight_decay=0.01))
    first, last, bias = stack.network.weights[0], stack.network.weights[-1], stack.network.biases[-1]
    gradients = {}
    for value in (first, last, bias):
        value.register_post_accumulate_grad_hook(lambda own: gradients.update({own: own.grad.clone()}))
    run(stack, LEVELS, 5)
    for replica, (features, classes) in enumerate([(10, 2), (2, 2), (4, 5)]):
        for padded in (first[replica, features:], last[replica, :, classes:], bias[replica, :, classes:]):
            assert not padded.any()
        assert not gradients[first][replica, features:].any()
        assert not gradients[last][replica, :, classes:].any()
        assert not gradients[bias][replica, :, classes:].any()
        assert gradients[first][replica, :features].any()
        assert gradients[last][replica, :, :classes].any()


def test_seeds_of_data_and_network_are_apart():
    """Replicas: the base; the same again; other data; another network."""
    stack = PopulationTrainer([SMALL] * 4, [1, 1, 2, 1], [5, 5, 5, 6])
    weights = [stack.module(i)[0].weight for i in range(4)]
    assert torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], weights[3])
    assert len(stack.splits) == 2  # equal data are made and stored once
    history = run(stack, 0.0, 10)
    np.testing.assert_array_equal(history[:, :, 0], history[:, :, 1])
    assert (history[:, 0, 0] != history[:, 0, 2]).all()
    assert (history[:, 0, 0] != history[:, 0, 3]).all()


def test_a_level_holds_its_own_replica_up():
    stack = PopulationTrainer([SMALL.model_copy(update={"learning_rate": 0.01})] * 3, [1] * 3, [5] * 3)
    history = run(stack, np.array([0.0, 0.3, 0.5]), 100)
    losses = history[-20:, 0].mean(axis=0)
    assert losses[0] < 0.1
    close(losses[1:], np.array([0.3, 0.5]), 0.02)


def test_one_level_for_all_or_one_each():
    one, each = trainer(tasks()), trainer(tasks())
    np.testing.assert_array_equal(run(one, 0.3, 4), run(each, np.full(3, 0.3), 4))


# runs that diverge

SANE = {"data": "two-gaussians", "data_options": {"shift": 1.0}}
WILD = {"data": "two-gaussians", "data_options": {"shift": 2.0}}


@pytest.fixture
def wild(monkeypatch):
    """Training inputs of WILD tasks are infinite."""
    original = Task.split

    def split(task: Task, seed: int) -> Splits:
        splits = original(task, seed)
        if task.data_options == WILD["data_options"]:
            splits.train.x.fill(np.inf)
        return splits

    monkeypatch.setattr(Task, "split", split)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"batch_size": 20},
        {"optimizer": "sgd", "batch_size": 20},
        {"optimizer": "adamw", "weight_decay": 0.1},
        {"batch_norm": True},
    ],
    ids=str,
)
def test_a_replica_that_diverges_harms_no_other(wild, changes):
    outcomes = []
    for middle in (SANE, WILD):
        chosen = [SMALL.model_copy(update={**problem, **changes}) for problem in (SANE, middle, SANE)]
        stack = trainer(chosen, keep_best=True)
        history = run(stack, LEVELS, 12)
        best, last = stack.evaluate("test", "best"), stack.evaluate("test")
        outcomes.append(
            np.vstack([history.reshape(-1, 3), best.loss, best.accuracy, last.loss, last.accuracy])
        )
        assert np.isfinite(history[:, ::2, 1]).any() == (middle is SANE)
    np.testing.assert_array_equal(outcomes[0][:, [0, 2]], outcomes[1][:, [0, 2]])
    assert np.isfinite(outcomes[1][:, [0, 2]]).all()


def test_inputs_of_any_size_harm_no_other():
    """Far from any data that one would train on; whether such a network diverges is its own affair."""
    problems = [SANE, {"data": "two-gaussians", "data_options": {"shift": 1e38}}, SANE]
    for changes in ({}, {"optimizer": "sgd"}):
        usual, huge = (
            run(trainer([SMALL.model_copy(update={**p, **changes}) for p in chosen]), LEVELS, 10)
            for chosen in ([SANE] * 3, problems)
        )
        np.testing.assert_array_equal(huge[:, :, [0, 2]], usual[:, :, [0, 2]])


def test_a_level_beyond_all_numbers_harms_no_other():
    usual, absurd = trainer(tasks()), trainer(tasks())
    expected = run(usual, LEVELS, 10)
    history = run(absurd, np.array([LEVELS[0], 3e38, LEVELS[2]]), 10)
    np.testing.assert_array_equal(history[:, :, [0, 2]], expected[:, :, [0, 2]])


def test_a_diverged_network_is_never_the_best(wild):
    stack = trainer([SMALL.model_copy(update=WILD)] * 3, keep_best=True)
    before = stack.module(0).state_dict()
    history = run(stack, 0.0, 5)
    assert not np.isfinite(history[:, 2]).any()
    # nothing was ever better than the initialisation, so that is what is kept
    stack._optimizer.zero_grad()
    stack.network.load_state_dict(stack._kept.weights("best"))
    assert all(torch.equal(value, before[name]) for name, value in stack.module(0).state_dict().items())


# checkpoints and evaluation


@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_best_checkpoint_is_that_of_the_best_validation_accuracy(batch_norm):
    stack = trainer(tasks(learning_rate=0.02, batch_norm=batch_norm, val_size=20), keep_best=True)
    history, tests = [], []
    for _ in range(40):
        history.append(run(stack, np.array([0.0, 0.0, 0.0]), 1)[0])
        tests.append(stack.evaluate("test").loss)
    metrics, tests = np.array(history), np.array(tests)
    best, test = stack.evaluate("val", "best"), stack.evaluate("test", "best")
    went_down = 0
    for i in range(3):
        accuracy, loss = metrics[:, 3, i], metrics[:, 2, i]
        epoch = min(range(40), key=lambda e: (-accuracy[e], loss[e]))
        assert best.accuracy[i] == accuracy[epoch] == accuracy.max()
        close(best.loss[i], loss[epoch], 1e-6)
        close(test.loss[i], tests[epoch, i], 1e-6)
        went_down += accuracy[-1] < accuracy.max()
    assert went_down  # else the last weights would have passed for the best
    last = stack.evaluate("val")
    np.testing.assert_array_equal([last.loss, last.accuracy], metrics[-1, 2:])


BEGINS, RETURNS, OVER = {4: [True, False, False]}, {6: [True, True, False]}, 5


def plain_averages(task: Task, replica: int, module: torch.nn.Module, epochs: int) -> np.ndarray:
    """Validation of network and average by epoch, with PyTorch's own class: shape (epochs, 4)."""
    splits, optimizer, found = task.split(DATA_SEEDS[replica]), plain_optimizer(task, module), []
    (x, y), (val_x, val_y) = (
        (torch.from_numpy(part.x), torch.from_numpy(part.y)) for part in (splits.train, splits.val)
    )

    def validation(network: torch.nn.Module) -> list[float]:
        network.eval()
        with torch.no_grad():
            logits = network(val_x)
        return [F.cross_entropy(logits, val_y).item(), (logits.argmax(1) == val_y).double().mean().item()]

    average, over = AveragedModel(module, use_buffers=True), float(OVER)
    best, weights = (-1.0, 0.0), module.state_dict()
    for epoch in range(epochs):
        if RETURNS.get(epoch, [False] * 3)[replica]:
            module.load_state_dict(weights)
        if BEGINS.get(epoch, [False] * 3)[replica]:
            average, over = AveragedModel(module, use_buffers=True), np.inf
        module.train()
        order = batch_order(torch.tensor([NETWORK_SEEDS[replica]]), epoch, len(y))[0]
        for rows in order.split(task.batch_size):
            optimizer.zero_grad()
            F.cross_entropy(module(x[rows]), y[rows]).backward()
            optimizer.step()
            if average.n_averaged >= over:
                average.avg_fn = get_ema_avg_fn(1 - 1 / over)
            average.update_parameters(module)
        loss, accuracy = validation(module)
        if (accuracy, -loss) > best:
            best = accuracy, -loss
            weights = {name: value.clone() for name, value in module.state_dict().items()}
        found.append([loss, accuracy, *validation(average)])
    return np.array(found)


@pytest.mark.parametrize(
    "changes", [{"optimizer": "sgd", "learning_rate": 0.1}, {"batch_norm": True}], ids=str
)
def test_averages_and_returns_are_those_of_plain_loops(changes):
    chosen = tasks(batch_size=16, **changes)
    stack = trainer(chosen, keep_best=True, average=OVER)
    plain = np.stack([plain_averages(task, i, stack.module(i), 9) for i, task in enumerate(chosen)], axis=-1)
    found = []
    for epoch in range(9):
        if epoch in RETURNS:
            stack.return_to_best(np.array(RETURNS[epoch]))
        if epoch in BEGINS:
            stack.begin_average(np.array(BEGINS[epoch]))
        metrics, average = stack.run_epoch(0.0), stack.average_validation
        found.append([metrics.val_loss, metrics.val_acc, average.loss, average.accuracy])
    close(np.array(found)[:, ::2], plain[:, ::2], 2e-3)
    assert (np.abs(plain[:, 0] - plain[:, 2]) > 0.01).any()  # the average is another network
    accuracy, loss = np.array(found)[:, 3], np.array(found)[:, 2]
    best = [min(range(9), key=lambda e, i=i: (-accuracy[e, i], loss[e, i])) for i in range(3)]
    close(stack.evaluate("val", "best-average").loss, loss[best, range(3)], 1e-6)
    close(stack.evaluate("val", "average").loss, loss[-1], 1e-6)
    np.testing.assert_array_equal(stack.evaluate("val").loss, np.array(found)[-1, 0])


@pytest.mark.parametrize(
    ("moment", "wanted"), [("best", "keep_best=True"), ("average", "average="), ("best-average", "both")]
)
def test_what_is_not_kept_is_asked_for(moment, wanted):
    with pytest.raises(ValueError, match=wanted):
        trainer(tasks()).evaluate("val", moment)


@pytest.mark.parametrize("rows", [1, 7, 60])
@pytest.mark.parametrize("moment", MOMENTS)
def test_evaluating_in_parts_gives_the_whole(monkeypatch, rows, moment):
    stack = trainer(tasks(batch_norm=True), keep_best=True, average=3)
    run(stack, LEVELS, 5)
    whole = stack.evaluate("test", moment)
    monkeypatch.setattr(population, "_EVALUATION_CHUNK", rows * 3 * 16)
    parts = stack.evaluate("test", moment)
    close(parts.loss, whole.loss, 1e-6)
    np.testing.assert_array_equal(parts.accuracy, whole.accuracy)
    np.testing.assert_array_equal(parts.clean_accuracy, whole.clean_accuracy)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_an_evaluation_is_what_the_modules_predict(split):
    chosen = tasks()
    stack = trainer(chosen)
    run(stack, LEVELS, 15)
    found = stack.evaluate(split)
    for i, task in enumerate(chosen):
        data: Split = getattr(task.split(DATA_SEEDS[i]), split)
        with torch.no_grad():
            logits = stack.module(i).eval()(torch.from_numpy(data.x))
        predicted = logits.argmax(1).numpy()
        close(found.loss[i], F.cross_entropy(logits, torch.from_numpy(data.y)).item(), 1e-5)
        close(found.accuracy[i], (predicted == data.y).mean(), 1e-6)
        close(found.clean_accuracy[i], (predicted == data.y_clean).mean(), 1e-6)
    assert (found.clean_accuracy != found.accuracy).any()


def test_test_splits_of_different_sizes_are_each_evaluated_in_full():
    """Without ``test_size`` a data set's test split is all that it has left."""
    shared = SMALL.model_copy(update={"test_size": None, "train_size": 40})
    chosen = [shared.model_copy(update={"data": name}) for name in ("wine", "digits", "breast-cancer")]
    together = trainer(chosen)
    run(together, LEVELS, 5)
    found = together.evaluate("test")
    for i, size in enumerate((178, 1797, 569)):
        alone = trainer(chosen, [i])
        run(alone, LEVELS[i], 5)
        assert len(alone.splits[0].test) == size - 80
        expected = alone.evaluate("test")
        close(found.loss[i], expected.loss[0], 1e-5)
        close(found.accuracy[i], expected.accuracy[0], 1e-3)
        close(found.clean_accuracy[i], expected.clean_accuracy[0], 1e-3)


@pytest.mark.parametrize("threads", [1, 2])
def test_sample_losses_are_those_of_the_modules_and_nan_beyond_a_shorter_split(threads):
    shared = SMALL.model_copy(
        update={
            "test_size": None,
            "train_size": 40,
            "dropout": 0.5,
            "criterion": "label-smoothing",
            "strength": 0.1,
        }
    )
    chosen = [shared.model_copy(update={"data": name}) for name in ("wine", "breast-cancer")]
    stack = make_population(chosen, [3, 1], [7, 8], machine=Machine(threads=threads))
    stack.run_epoch(0.1)
    for split, sizes in (("train", (40, 40)), ("test", (98, 489))):
        losses = stack.sample_losses(split)
        assert losses.shape == (2, max(sizes))
        close(np.nanmean(losses, axis=1), stack.evaluate(split).loss, 1e-5)
        for i, size in enumerate(sizes):
            data: Split = getattr(chosen[i].split([3, 1][i]), split)
            with torch.no_grad():
                logits = stack.module(i).eval()(torch.from_numpy(data.x))
            expected = F.cross_entropy(logits, torch.from_numpy(data.y), reduction="none").numpy()
            close(losses[i, :size], expected, 1e-5)
            assert np.isnan(losses[i, size:]).all()


def test_evaluating_changes_nothing():
    quiet, asked = (trainer(tasks(batch_norm=True), keep_best=True) for _ in range(2))
    for _ in range(4):
        for split in ("train", "val", "test"):
            asked.evaluate(split)
            asked.evaluate(split, "best")
        np.testing.assert_array_equal(run(quiet, LEVELS, 1), run(asked, LEVELS, 1))


# resuming


def through_a_file(state: dict) -> dict:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("stop", [0, 1, 6])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"batch_size": 20, "batch_norm": True},
        {"batch_size": 20, "optimizer": "sgd", "learning_rate": 0.05},
        {"batch_size": 16, "optimizer": "adamw", "weight_decay": 0.1},
    ],
    ids=str,
)
def test_a_run_resumes_bit_for_bit(changes, stop):
    chosen = tasks(**changes)
    straight = trainer(chosen, keep_best=True, average=4, hold=Hold(batches=3, ascent=0.5))
    straight.begin_average(np.array([False, True, False]))
    run(straight, LEVELS, stop)
    state = through_a_file(straight.state_dict())
    expected = run(straight, LEVELS[::-1].copy(), 6)
    resumed = trainer(chosen, keep_best=True, average=4, hold=Hold(batches=3, ascent=0.5))
    run(resumed, LEVELS, 2)  # whatever it did before must not matter
    resumed.load_state_dict(state)
    assert resumed.epoch == stop
    np.testing.assert_array_equal(run(resumed, LEVELS[::-1].copy(), 6), expected)
    for moment in MOMENTS:
        ours, theirs = resumed.evaluate("test", moment), straight.evaluate("test", moment)
        np.testing.assert_array_equal(ours.loss, theirs.loss)
        np.testing.assert_array_equal(ours.clean_accuracy, theirs.clean_accuracy)


def test_a_state_is_a_copy_and_can_be_used_twice():
    stack = trainer(tasks(), keep_best=True)
    run(stack, LEVELS, 3)
    state = stack.state_dict()
    expected = run(stack, LEVELS, 4)
    for _ in range(2):
        stack.load_state_dict(state)
        np.testing.assert_array_equal(run(stack, LEVELS, 4), expected)


# precision, devices and errors


def test_bfloat16_stays_near_float32():
    """Eight bits of mantissa: losses within a few percent over 20 epochs."""
    exact, coarse = trainer(tasks()), trainer(tasks(), machine=Machine(precision="bfloat16"))
    ours, theirs = run(coarse, LEVELS, 20), run(exact, LEVELS, 20)
    assert (ours != theirs).any()
    np.testing.assert_allclose(ours[:, ::2], theirs[:, ::2], rtol=0.05, atol=0.02)
    np.testing.assert_allclose(ours[:, 1::2], theirs[:, 1::2], atol=0.1)
    assert all(parameter.dtype == torch.float32 for parameter in coarse.network.parameters())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("batch_size", [None, 20])
def test_a_gpu_gives_what_the_processor_gives(batch_size):
    chosen = tasks(batch_size=batch_size)
    on_gpu, on_cpu = trainer(chosen, machine=Machine("cuda"), keep_best=True), trainer(chosen)
    close(run(on_gpu, LEVELS, 20)[:, ::2], run(on_cpu, LEVELS, 20)[:, ::2], 1e-3)
    state = on_gpu.state_dict()
    expected = run(on_gpu, LEVELS, 3)
    on_gpu.load_state_dict(state)
    np.testing.assert_array_equal(run(on_gpu, LEVELS, 3), expected)
    assert on_gpu.evaluate("test", "best").loss.shape == (3,)


@pytest.mark.parametrize(
    ("data_seeds", "network_seeds"), [([0], [0, 1]), ([0, 1], [0]), ([0, 1, 2], [0, 1, 2])]
)
def test_there_is_one_seed_of_each_kind_a_task(data_seeds, network_seeds):
    with pytest.raises(ValueError, match="got 2 tasks"):
        PopulationTrainer([SMALL, SMALL], data_seeds, network_seeds)


def test_an_empty_stack_is_refused():
    with pytest.raises(ValueError, match="got 0 tasks"):
        PopulationTrainer([], [], [])


def test_tasks_that_differ_in_more_than_their_data_are_refused():
    with pytest.raises(ValueError, match="may differ in their data and strength only"):
        PopulationTrainer([SMALL, SMALL.model_copy(update={"epochs": 3})], [0, 0], [0, 0])


def test_too_little_data_is_an_input_error():
    with pytest.raises(InputError):
        PopulationTrainer([Task(data="wine", train_size=500)], [0], [0])


def test_the_inputs_are_the_tasks_own(monkeypatch):
    """What the trainer trains on is what ``Task.split`` gives, and nothing is scaled on the way."""
    original = Task.split

    def scaled(task: Task, seed: int) -> Splits:
        splits = original(task, seed)
        train = Split(splits.train.x * 3, splits.train.y, splits.train.y_clean)
        return Splits(train, splits.val, splits.test, splits.classes)

    expected = run(trainer(tasks()), LEVELS, 1)
    monkeypatch.setattr(Task, "split", scaled)
    assert (run(trainer(tasks()), LEVELS, 1)[:, 0] != expected[:, 0]).all()


def test_a_trainer_s_memory_is_freed_with_it_and_not_by_the_garbage_collector():
    trainer = PopulationTrainer([SMALL], [0], [0])
    trainer.run_epoch(0.0)
    gone = weakref.ref(trainer)
    gc.disable()
    try:
        del trainer
        assert gone() is None
    finally:
        gc.enable()


def test_a_joined_task_trains_on_all_of_its_labels(monkeypatch):
    """As one with a training split of that many samples that happen to be these."""
    task = Task(data="blobs", hidden=(8,), train_size=30, val_size=20, test_size=10, batch_size=16, epochs=2)
    joined = PopulationTrainer([task.model_copy(update={"joined": True})], [1], [2])
    assert joined.sample_losses("train").shape == (1, 50)
    monkeypatch.setattr(Task, "split", lambda task, seed: joined.splits[0])
    by_hand = PopulationTrainer([task.model_copy(update={"train_size": 50})], [1], [2])
    for _ in range(2):
        one, other = joined.run_epoch(0.1), by_hand.run_epoch(0.1)
        np.testing.assert_array_equal(one.train_loss, other.train_loss)
    validation = joined.sample_losses("val")
    np.testing.assert_allclose(validation, joined.sample_losses("train")[:, 30:], rtol=1e-5)
