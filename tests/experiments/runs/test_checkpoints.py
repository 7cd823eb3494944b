import dataclasses
import io
import os
import shutil
from dataclasses import fields

import numpy as np
import pytest
import torch

from rlflood.data import image_sets
from rlflood.errors import InputError, RlfloodWarning
from rlflood.experiments import MethodOptions, Setting, get_methods
from rlflood.experiments.runs import checkpoints
from rlflood.experiments.runs.record import Runs
from rlflood.training import Machine, Task
from tests.image_archives import write_mnist

MLP = Task(data="wine", hidden=(8,), train_size=30, val_size=30, label_noise=0.2, batch_size=10, epochs=12)


@pytest.fixture(autouse=True)
def _every_epoch(monkeypatch):
    monkeypatch.setattr(checkpoints, "INTERVAL", 0.0)


@pytest.fixture
def setting():
    return Setting.from_seed(MLP, 0, 2)


@pytest.fixture
def machine(tmp_path):
    return Machine(checkpoints=tmp_path / "unfinished")


def method(name):
    return get_methods([name], MethodOptions(runs=3))[0]


def stopped_after(epochs):
    """Ctrl-C as soon as this many epochs, of all networks together, are done."""

    def on_progress(done, total):
        if done >= epochs:
            raise KeyboardInterrupt

    return on_progress


def interrupted(name, setting, machine, epochs):
    with pytest.raises(KeyboardInterrupt):
        method(name).run(setting, machine, stopped_after(epochs))


def equal(a, b):
    for name in (field.name for field in fields(Runs)):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize("name", ["none", "tracking", "adaptive", "rewind", "default", "grid", "random"])
def test_an_interrupted_run_goes_on_to_the_same_record(name, setting, machine):
    expected = method(name).run(setting)
    networks = 2 * method(name).width
    for epochs in (4, 9):
        interrupted(name, setting, machine, epochs * networks)
    # told of the epochs that were kept first: the one that was broken off is trained again
    told = []
    record = method(name).run(setting, machine, lambda done, total: told.append(done))
    assert told[0] == 8 * networks
    equal(record, expected)
    assert list(machine.checkpoints.iterdir()) == []


def test_convolutional_networks_go_on_too(tmp_path, machine, monkeypatch):
    monkeypatch.setenv("RLFLOOD_DATA", str(tmp_path))
    image_sets._read.cache_clear()
    write_mnist(tmp_path)
    task = Task(
        data="mnist", network="cnn", augmentation="crop-flip", optimizer="sgd", learning_rate=0.05,
        lr_milestones=(0.5,), train_size=30, val_size=20, test_size=20, batch_size=15, epochs=4,
    )  # fmt: skip
    setting = Setting.from_seed(task, 0, 2)
    interrupted("tracking", setting, machine, 3 * 2)
    record = method("tracking").run(setting, machine)
    equal(record, method("tracking").run(setting))


def test_the_oracle_goes_on_with_the_runs_of_the_grid(setting, machine):
    interrupted("grid", setting, machine, 6 * 6)
    told = []
    method("oracle").run(setting, machine, lambda done, total: told.append(done))
    assert told[0] == 5 * 6


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("tracking:0.5", {}),
        ("none", {}),
        ("tracking", {"task": MLP.model_copy(update={"learning_rate": 0.01})}),
        ("tracking", {"network_seeds": (7, 8)}),
    ],
)
def test_other_runs_begin_anew(name, change, setting, machine):
    interrupted("tracking", setting, machine, 10)
    told = []
    method(name).run(dataclasses.replace(setting, **change), machine, lambda done, total: told.append(done))
    assert told[0] == 2
    assert len(list(machine.checkpoints.iterdir())) == 1


def test_controllers_of_one_name_are_told_apart(setting, machine, tmp_path):
    for shipped, folder in (("a2c", "a"), ("trpo", "b")):
        (tmp_path / folder).mkdir()
        method(shipped).controller.save(tmp_path / folder / "mine.safetensors")
    interrupted(str(tmp_path / "a" / "mine.safetensors"), setting, machine, 10)
    told = []
    other = method(str(tmp_path / "b" / "mine.safetensors"))
    other.run(setting, machine, lambda done, total: told.append(done))
    assert told[0] == 2


def test_a_damaged_checkpoint_is_one_message(setting, machine):
    interrupted("none", setting, machine, 10)
    (file,) = machine.checkpoints.iterdir()
    another = io.BytesIO()
    torch.save([1], another)
    for content in (b"", file.read_bytes()[:200], b"cos\nsystem\n(S'true'\ntR.", another.getvalue()):
        file.write_bytes(content)
        with pytest.raises(InputError, match="is damaged: delete it, and its runs begin anew"):
            method("none").run(setting, machine)


def test_nothing_is_written_more_often_than_it_has_to_be(setting, machine, monkeypatch):
    monkeypatch.setattr(checkpoints, "INTERVAL", 3600.0)
    interrupted("none", setting, machine, 10)
    assert not machine.checkpoints.exists()


class Part:
    """What a checkpoint consists of."""

    def __init__(self):
        self.state = {"epoch": torch.tensor(3)}

    def state_dict(self):
        return self.state

    def load_state_dict(self, state):
        self.state = state


def test_the_first_checkpoint_comes_after_seconds(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "INTERVAL", 60.0)
    now = [0.0]
    file = tmp_path / "new" / "runs.pt"
    checkpoint = checkpoints.Checkpoint(file, clock=lambda: now[0])
    when = []
    for now[0] in range(200):
        checkpoint.save({"part": Part()})
        if file.exists():
            when.append(now[0])
            checkpoint.finished()
    assert when == [5, 15, 35, 75, 135, 195]


def test_checkpoints_that_cannot_be_written_are_a_warning_and_the_runs_go_on(setting, machine, monkeypatch):
    expected = method("grid").run(setting)
    machine.checkpoints.write_text("a file where the folder belongs")
    with pytest.warns(RlfloodWarning) as caught:
        record = method("grid").run(setting, machine)
        method("none").run(setting, machine)
    equal(record, expected)
    (told,) = [str(warning.message) for warning in caught]
    assert f"{machine.checkpoints}/" in told and ".pt cannot be written (" in told
    assert machine.checkpoints.read_text() == "a file where the folder belongs"


def test_a_full_disk_is_a_warning_and_the_runs_go_on_from_what_was_written_before(
    setting, machine, monkeypatch
):
    expected = method("none").run(setting)
    interrupted("none", setting, machine, 10)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.warns(RlfloodWarning, match="No space left on device"):
            interrupted("none", setting, machine, 18)
    told = []
    equal(method("none").run(setting, machine, lambda done, total: told.append(done)), expected)
    assert told[0] == 4 * 2  # those of the disk that was not full yet


def test_a_folder_of_checkpoints_that_vanishes_is_made_again(setting, machine):
    def vanish(done, total):
        if done == 8:
            shutil.rmtree(machine.checkpoints)
        if done == 14:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        method("none").run(setting, machine, vanish)
    told = []
    method("none").run(setting, machine, lambda done, total: told.append(done))
    assert told[0] == 12
