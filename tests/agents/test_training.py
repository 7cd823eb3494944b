"""Training: what it writes, that it resumes bit for bit, that Ctrl-C saves, that it learns."""

import csv
import io
import os
import pickle
import shutil
import signal
import zipfile
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from rlflood import InputError, load_controller
from rlflood.agents import Iteration, Preset, resume, train
from rlflood.agents.algorithm import ALGORITHMS
from rlflood.agents.checkpoint import load_checkpoint
from rlflood.control import Controller
from rlflood.envs import FloodVectorEnv
from rlflood.errors import RlfloodWarning
from rlflood.saving import Pace
from rlflood.training import Machine

MakePreset = Callable[..., Preset]
every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)


def assert_equal(one: Controller, other: Controller) -> None:
    assert one.spec == other.spec
    for ours, theirs in zip(one.layers, other.layers, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)
    assert (one.lstm is None) == (other.lstm is None)
    if one.lstm is not None and other.lstm is not None:
        for name in ("weight_ih", "weight_hh", "bias"):
            np.testing.assert_array_equal(getattr(one.lstm, name), getattr(other.lstm, name))


def rows_of(log: Path) -> list[dict[str, str]]:
    with log.open(newline="") as file:
        return list(csv.DictReader(file))


def without_times(log: Path) -> list[dict[str, str]]:
    return [{key: row[key] for key in row if not key.startswith("time/")} for row in rows_of(log)]


def interrupted_after(episodes: int, number: int = signal.SIGINT) -> Callable[[Iteration], None]:
    def interrupt(iteration: Iteration) -> None:
        if iteration.episodes == episodes:
            os.kill(os.getpid(), number)

    return interrupt


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny: MakePreset) -> Controller:
    """Of a tiny training to its end, without an interruption."""
    return train(tiny(), tmp_path_factory.mktemp("whole")).controller


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny: MakePreset) -> Path:
    """The folder of a training of one iteration; nobody changes it."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    train(tiny(episodes=8), folder)
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


@every_algorithm
def test_ctrl_c_saves_and_resuming_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, algorithm: str, tiny: MakePreset
) -> None:
    """Bit for bit, also where the learning rate falls with the share of training that is left."""
    preset = tiny(algorithm, hyperparameters={"learning_rate_end_factor": 0.1})
    before = signal.getsignal(signal.SIGINT)  # a suite that runs in the background has it ignored
    whole = train(preset, tmp_path / "whole", seed=3)
    stopped = train(preset, tmp_path / "parts", seed=3, on_progress=interrupted_after(16))
    assert not stopped.finished
    assert signal.getsignal(signal.SIGINT) is before
    assert load_checkpoint(tmp_path / "parts/checkpoint.zip")[1].episodes == 16
    np.random.seed(123)  # what happens in between must not matter
    torch.manual_seed(123)
    parts = resume(tmp_path / "parts")

    assert whole.finished and parts.finished
    assert_equal(whole.controller, parts.controller)
    assert_equal(Controller.load(whole.path), Controller.load(parts.path))
    assert without_times(tmp_path / "whole/progress.csv") == without_times(tmp_path / "parts/progress.csv")
    assert parts.controller.provenance["episodes"] == 48
    assert parts.controller.provenance["seed"] == 3


def test_sigterm_saves_too_and_resuming_goes_on(tmp_path: Path, tiny: MakePreset, whole: Controller) -> None:
    before = signal.getsignal(signal.SIGTERM)
    stopped = train(tiny(), tmp_path / "parts", on_progress=interrupted_after(16, signal.SIGTERM))
    assert not stopped.finished and stopped.stopped_by == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
    assert load_checkpoint(tmp_path / "parts/checkpoint.zip")[1].episodes == 16
    assert_equal(resume(tmp_path / "parts").controller, whole)


def test_the_first_checkpoint_comes_after_seconds(
    tmp_path: Path, tiny: MakePreset, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    kept: list[int] = []

    def two_seconds(iteration: Iteration) -> None:
        nonlocal now
        now += 2
        file = tmp_path / "checkpoint.zip"
        kept.append(load_checkpoint(file)[1].episodes if file.exists() else 0)

    monkeypatch.setattr("rlflood.agents.callback.Pace", partial(Pace, clock=lambda: now))
    train(tiny(episodes=80), tmp_path, on_progress=two_seconds)
    # after 6 of 20 seconds, and after 16: what is under way at the start of an iteration is written then
    assert kept == [0, 0, 0, 24, 24, 24, 24, 24, 64, 64]


class FullDisk:
    """Lets no file be written while it is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = True
        fsync = os.fsync

        def write(descriptor: int) -> None:
            if self.full:
                raise OSError(28, "No space left on device")
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", write)


@pytest.fixture
def at_every_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints as often as there can be any."""
    monkeypatch.setattr("rlflood.agents.callback.Pace", lambda: Pace(0.0))


@pytest.mark.usefixtures("at_every_iteration")
def test_a_checkpoint_that_cannot_be_written_is_a_warning_and_the_next_one_is_tried(
    tmp_path: Path, tiny: MakePreset, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch)

    def make_room(iteration: Iteration) -> None:
        if iteration.episodes == 24:
            disk.full = False

    with pytest.warns(RlfloodWarning) as caught:
        outcome = train(tiny(episodes=32), tmp_path, on_progress=make_room)
    (told,) = [str(warning.message) for warning in caught if warning.category is RlfloodWarning]
    assert str(tmp_path / "checkpoint.zip") in told and "No space left on device" in told
    assert outcome.finished
    assert_equal(Controller.load(outcome.path), outcome.controller)
    assert load_checkpoint(tmp_path / "checkpoint.zip")[1].episodes == 32
    assert len(rows_of(tmp_path / "progress.csv")) == 4


@pytest.mark.usefixtures("at_every_iteration")
@pytest.mark.parametrize("stop", [None, 16])
def test_what_cannot_be_written_in_the_end_is_kept_elsewhere(
    tmp_path: Path, tiny: MakePreset, monkeypatch: pytest.MonkeyPatch, whole: Controller, stop: int | None
) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def in_the_way(iteration: Iteration) -> None:
        if iteration.episodes == 8:
            out.mkdir(exist_ok=True)
            out.rename(tmp_path / "moved")
            out.write_text("a file where the folder was")
        if iteration.episodes == stop:
            os.kill(os.getpid(), signal.SIGINT)

    with (
        pytest.warns(RlfloodWarning, match=r"out/checkpoint\.zip cannot be written"),
        pytest.raises(InputError, match="all that training has come to is in") as caught,
    ):
        train(tiny(), out, on_progress=in_the_way)
    folder = Path(str(caught.value).split(" is in ")[1].split(" instead")[0])
    assert folder.parent == tmp_path and {path.name for path in folder.iterdir()} == {
        "checkpoint.zip", "controller.safetensors", "progress.csv",
    }  # fmt: skip
    assert_equal(resume(folder).controller, whole)


def test_a_folder_that_cannot_be_written_to_is_told_before_training(tmp_path: Path, tiny: MakePreset) -> None:
    for name in ("controller.safetensors", "progress.csv"):
        (tmp_path / name / name).mkdir(parents=True)
        with pytest.raises(InputError, match=rf"{name} cannot be written \(it is a folder\)"):
            train(tiny(), tmp_path)
        (tmp_path / name / name).rmdir()
        (tmp_path / name).rmdir()
    (tmp_path / "tensorboard").write_text("")
    with pytest.raises(InputError, match="tensorboard is a file"):
        train(tiny(), tmp_path)


def test_curves_for_tensorboard_that_cannot_be_written_are_a_warning(
    tmp_path: Path, tiny: MakePreset, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = pytest.importorskip("torch.utils.tensorboard").SummaryWriter

    def fail(*arguments: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer, "add_scalar", fail)
    with pytest.warns(RlfloodWarning, match="goes on without its curves") as caught:
        assert train(tiny(episodes=24), tmp_path).finished
    assert len([warning for warning in caught if warning.category is RlfloodWarning]) == 1


def test_a_log_that_cannot_be_gone_on_with_is_one_message_and_stays(folder: Path) -> None:
    (folder / "progress.csv").write_text("episodes,reward\nmany,0.5\n")
    with pytest.raises(InputError, match=r"progress\.csv cannot be gone on with"):
        resume(folder, episodes=16)
    assert "many" in (folder / "progress.csv").read_text()


def test_threads_resume_as_well(tmp_path: Path, tiny: MakePreset) -> None:
    machine = Machine(precision="auto", threads=2)
    whole = train(tiny(), tmp_path / "whole", machine=machine)
    train(
        tiny(),
        tmp_path / "parts",
        on_progress=interrupted_after(16),
        machine=machine,
    )
    assert_equal(resume(tmp_path / "parts", machine=machine).controller, whole.controller)


@pytest.mark.parametrize("algorithm", ["ppo", "ars"])
def test_training_on_equals_a_longer_training_where_the_learning_rate_stays(
    tmp_path: Path, algorithm: str, tiny: MakePreset
) -> None:
    constant = {"learning_rate_end_factor": 1.0}
    whole = train(tiny(algorithm, hyperparameters=constant), tmp_path / "whole", seed=3)
    train(tiny(algorithm, hyperparameters=constant, episodes=16), tmp_path / "parts", seed=3)
    assert_equal(resume(tmp_path / "parts", episodes=48).controller, whole.controller)


@pytest.mark.parametrize(("algorithm", "left"), [("a2c", [5 / 6, 4 / 6, 3 / 6]), ("ars", [1, 5 / 6, 4 / 6])])
def test_the_learning_rate_falls_over_the_whole_training(
    tmp_path: Path, algorithm: str, left: list[float], tiny: MakePreset
) -> None:
    """Of six updates; A2C goes by the share that is left after an iteration's episodes, ARS before them."""
    preset = tiny(algorithm, hyperparameters={"learning_rate": 0.5, "learning_rate_end_factor": 0.2})
    train(preset, tmp_path, on_progress=interrupted_after(16))
    resume(tmp_path)
    rates = [
        float(row["train/learning_rate"])
        for row in rows_of(tmp_path / "progress.csv")
        if row["train/learning_rate"]
    ]
    assert rates[:3] == pytest.approx([0.5 * (0.2 + 0.8 * share) for share in left])
    assert np.diff(rates) == pytest.approx(-0.5 * 0.8 / 6)


@every_algorithm
def test_the_controller_file_is_the_trained_policy_and_says_where_it_came_from(
    tmp_path: Path, algorithm: str, tiny: MakePreset
) -> None:
    preset = tiny(algorithm, episodes=16)
    outcome = train(preset, tmp_path, seed=5)
    loaded = Controller.load(outcome.path)
    assert_equal(loaded, outcome.controller)
    assert loaded.spec == preset.spec
    assert (loaded.lstm is not None) == (algorithm == "recurrent-ppo")
    assert loaded.provenance["seed"] == 5
    assert loaded.provenance["episodes"] == 16
    assert loaded.provenance["algorithm"] == algorithm
    assert Preset(**loaded.provenance["preset"]) == preset
    versions = loaded.provenance["versions"]
    assert versions["stable-baselines3"] == version("stable-baselines3")
    contributed = algorithm in ("trpo", "recurrent-ppo", "ars")
    assert versions.get("sb3-contrib") == (version("sb3-contrib") if contributed else None)
    assert load_controller(outcome.path, epochs=100, classes=3).level in preset.spec.levels.values


def test_a_controller_of_levels_and_strengths_is_trained_as_any_other(
    tmp_path: Path, tiny: MakePreset
) -> None:
    shared = tiny().tasks.base.model_dump(exclude_defaults=True)
    tasks = {"base": {**shared, "criterion": "elr"}}
    preset = tiny(episodes=16, strengths=[0, 1, 3], tasks=tasks, returning=True)
    outcome = train(preset, tmp_path)
    loaded = Controller.load(outcome.path)
    assert loaded.spec == preset.spec
    assert (loaded.spec.criterion, loaded.spec.strengths) == ("elr", (0.0, 1.0, 3.0))
    assert loaded.spec.actions == 10 == len(loaded.layers[-1][1])
    assert load_controller(outcome.path, epochs=100, classes=3).strength in loaded.spec.strengths
    assert Preset(**loaded.provenance["preset"]) == preset


def test_the_time_of_training_adds_up_over_resumptions(
    tmp_path: Path, tiny: MakePreset, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0

    def half_a_minute(_: Iteration) -> None:
        nonlocal now
        now += 30

    monkeypatch.setattr("rlflood.agents.callback.time", SimpleNamespace(monotonic=lambda: now))
    assert train(tiny(episodes=16), tmp_path, on_progress=half_a_minute).seconds == 60
    now = 1000.0  # the time in between is not training
    outcome = resume(tmp_path, episodes=24, on_progress=half_a_minute)
    assert outcome.seconds == 90
    assert Controller.load(outcome.path).provenance["seconds"] == 90


@every_algorithm
def test_progress_counts_episodes_and_reports_their_accuracy(
    tmp_path: Path, algorithm: str, tiny: MakePreset
) -> None:
    seen: list[Iteration] = []
    train(tiny(algorithm, episodes=24), tmp_path, on_progress=seen.append)
    assert [iteration.episodes for iteration in seen] == [8, 16, 24]
    assert {iteration.total for iteration in seen} == {24}
    # relative rewards would have the mean 0; what is reported is the accuracy itself
    assert all(0.05 < iteration.reward <= 1 for iteration in seen)
    rows = rows_of(tmp_path / "progress.csv")
    assert [int(row["episodes"]) for row in rows] == [8, 16, 24]
    assert [float(row["rollout/ep_rew_mean"]) for row in rows] == pytest.approx(
        [progress.reward for progress in seen]
    )
    if algorithm == "ars":
        assert all(np.isnan(progress.entropy) for progress in seen)
        return
    # of 32 actions of nearly undecided policies: a mean surprise near log(3)
    assert [progress.entropy for progress in seen] == pytest.approx([np.log(3)] * 3, abs=0.1)
    assert [float(row["rollout/entropy"]) for row in rows] == pytest.approx(
        [progress.entropy for progress in seen]
    )


def test_tensorboard_events_are_written(finished: Path) -> None:
    pytest.importorskip("tensorboard")
    assert list((finished / "tensorboard").glob("events.out.tfevents.*"))


def test_a_training_is_never_overwritten(folder: Path, tiny: MakePreset) -> None:
    before = (folder / "checkpoint.zip").read_bytes()
    with pytest.raises(InputError, match="--resume"):
        train(tiny(episodes=8), folder)
    assert (folder / "checkpoint.zip").read_bytes() == before


class Unwanted:
    """What a pickle would run."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("unwanted",)


def with_part(name: str, content: bytes) -> Callable[[Path], None]:
    """Put another part into a checkpoint."""

    def replace(path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            parts = {part: archive.read(part) for part in archive.namelist()}
        assert name in parts
        with zipfile.ZipFile(path, "w") as archive:
            for part, old in parts.items():
                archive.writestr(part, content if part == name else old)

    return replace


def saved(value: Any) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "without --resume"),
        (lambda path: path.write_bytes(path.read_bytes()[:500]), "damaged"),
        (lambda path: path.write_bytes(b""), "damaged"),
        (with_part("state.json", b"{}"), "damaged"),
        (with_part("parameters.pt", b""), "damaged"),
        (with_part("parameters.pt", saved({"policy": {}})), "damaged"),
        (with_part("parameters.pt", saved([1])), "damaged"),
        (with_part("parameters.pt", pickle.dumps(Unwanted(), protocol=2)), "damaged"),
        (with_part("parameters.pt", saved({"policy": Unwanted()})), "damaged"),
    ],
)
def test_resuming_from_nothing_or_a_damaged_checkpoint_says_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[Path], None],
    message: str,
    folder: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    damage(folder / "checkpoint.zip")
    with pytest.raises(InputError, match=message) as caught:
        resume(folder)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "unwanted").exists()


def test_resuming_a_finished_training_changes_nothing(folder: Path) -> None:
    first = Controller.load(folder / "controller.safetensors")
    again = resume(folder)
    assert again.finished
    assert_equal(first, again.controller)
    assert_equal(first, Controller.load(again.path))


FAST: dict[str, dict[str, Any]] = {
    "ppo": {"minibatches": 1, "n_epochs": 6, "learning_rate": 0.03, "gamma": 0.0},
    "recurrent-ppo": {"minibatches": 1, "n_epochs": 5, "learning_rate": 0.05, "gamma": 0.0},
    "a2c": {"learning_rate": 0.1, "gamma": 0.0},
    "reinforce": {"learning_rate": 0.1},
    "trpo": {"minibatches": 1, "target_kl": 0.3, "gamma": 0.0},
    "ars": {"learning_rate": 0.2},
}


@every_algorithm
def test_learning_finds_the_action_that_pays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str, tiny: MakePreset
) -> None:
    """With a reward that pays for action 2 alone, the policy must come to choose it nearly always."""

    def paid(self: FloodVectorEnv, actions: np.ndarray) -> Any:
        observations, _, terminated, truncated, infos = step(self, actions)
        return observations, (actions == 2).astype(float), terminated, truncated, infos

    step = FloodVectorEnv.step
    monkeypatch.setattr(FloodVectorEnv, "step", paid)
    preset = tiny(algorithm, episodes=80, hyperparameters=FAST[algorithm])
    controller = train(preset, tmp_path).controller
    env = FloodVectorEnv(8, tasks=preset.tasks, levels=preset.levels, observation="extended", decisions=4)
    observation, taken, memory = env.reset(seed=9)[0], [], None
    for _ in range(4):
        actions, memory = controller.act(observation, memory)
        taken.append(actions)
        observation = env.step(np.arange(8) % 3)[0]
    assert np.mean(np.array(taken) == 2) > 0.9


def test_one_that_needs_no_validation_is_trained_saved_and_used_on_all_labels(
    tmp_path: Path, tiny: MakePreset
) -> None:
    preset = tiny(
        episodes=8, observation="training", levels=(0.0, 0.2, 0.6), level_unit="guessing", reward="held-out",
        average=True, tasks={"base": {**tiny().tasks.base.model_dump(), "joined": True}},
    )  # fmt: skip
    train(preset, tmp_path / "out", seed=0)
    file = tmp_path / "out" / "controller.safetensors"
    controller = Controller.load(file)
    assert controller.spec == preset.spec and not controller.spec.needs_validation
    scheduler = load_controller(file, epochs=4, classes=2)
    for _ in range(4):
        assert scheduler.level in [value * np.log(2) for value in (0.0, 0.2, 0.6)]
        scheduler.step(train_loss=0.6, train_acc=0.7)
