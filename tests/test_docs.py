"""The documentation's Python examples run, and what it names is there."""

import re
from pathlib import Path

import numpy as np
import pytest
import tomli_w
import torch

from rlflood.control import Controller, ControlSpec
from rlflood.control.observation import FEATURES
from rlflood.registration import ENVIRONMENTS
from rlflood.training import Task

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def examples(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def example(page: str, containing: str) -> str:
    (found,) = (text for text in examples(page) if containing in text)
    return found


@pytest.fixture
def controller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A controller with random weights under the name that the examples use."""
    rng = np.random.default_rng(0)
    spec = ControlSpec()
    shape = (len(spec.levels), len(FEATURES[spec.observation]))
    layer = (rng.normal(size=shape).astype(np.float32), np.zeros(shape[0], np.float32))
    monkeypatch.chdir(tmp_path)
    Controller(spec, [layer]).save("controller.safetensors")
    return tmp_path / "controller.safetensors"


@pytest.mark.parametrize(
    ("page", "containing"), [("README.md", "scheduler.step"), ("docs/guide.md", "scheduler(criterion")]
)
def test_the_loop_with_a_controller_trains(page: str, containing: str, controller: Path) -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 10)
    loader = [(torch.randn(8, 4), torch.randint(10, (8,)))] * 2
    text = example(page, containing).replace("=...", "=1.0")
    before = model.weight.detach().clone()
    names = {
        "epochs": 100,
        "model": model,
        "loader": loader,
        "train_loader": loader,
        "criterion": torch.nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
    }
    exec(text, names)
    assert names["scheduler"].epoch == 100  # type: ignore[attr-defined]
    assert not torch.equal(before, model.weight)


def test_the_gymnasium_example_makes_its_environments() -> None:
    names: dict[str, object] = {}
    exec(example("README.md", "make_vec").replace("num_envs=256", "num_envs=16"), names)
    assert names["envs"].num_envs == 16  # type: ignore[attr-defined]


def test_the_stable_baselines_example_learns_and_saves(controller: Path) -> None:
    names: dict[str, object] = {}
    exec(example("docs/guide.md", "PPO(").replace("10_000", "640"), names)
    assert Controller.load("mine.safetensors").provenance == {"made by": "me"}


def test_the_preset_of_the_guide_is_valid(tmp_path: Path) -> None:
    from rlflood.agents import load_preset

    (tmp_path / "mine.toml").write_text(toml("algorithm"))
    assert load_preset(str(tmp_path / "mine.toml")).episodes == 100_000


def toml(containing: str) -> str:
    found = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/guide.md").read_text(), re.DOTALL)
    (text,) = (text for text in found if containing in text)
    return str(text)


def test_the_study_of_the_guide_is_valid(controller: Path) -> None:
    from rlflood.experiments import load_study

    np.savez("mine.npz", x=np.random.default_rng(0).normal(size=(600, 3)), y=np.arange(600) % 2)
    controller.rename("my-controller.safetensors")
    Path("mine.toml").write_text(toml("methods"))
    study = load_study("mine.toml")
    assert [task.name for task in study.tasks] == ["mine, 0 % noise", "mine, 20 % noise"]
    assert len(study.make_methods()) == 7


def test_the_method_of_the_guide_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rlflood.experiments import METHODS, load_results

    monkeypatch.setattr("rlflood.experiments.methods.registry.METHODS", dict(METHODS))
    monkeypatch.chdir(tmp_path)
    task = {"data": "wine", "hidden": [8], "epochs": 6, "train_size": 30, "val_size": 30}
    Path("mine.toml").write_text(
        tomli_w.dumps({"name": "mine", "seeds": 2, "methods": ["none"], "tasks": [task]})
    )
    names: dict[str, object] = {}
    exec(example("docs/guide.md", "@register"), names)
    exec(example("docs/guide.md", "start_study"), names)
    results = load_results(Path("runs/mine"))
    assert results.records["wine", "late:0.3"].levels[0].tolist() == [0.0] * 3 + [0.3] * 3
    assert "late:0.2" in capsys.readouterr().out


def test_a_module_is_trained_as_the_guide_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(example("docs/guide.md", "ModuleTrainer"), names)
    saved = torch.load("run.pt", weights_only=True)
    assert saved["trainer"]["epoch"] == saved["scheduler"]["epoch"] == 10


def test_every_trainer_and_protocol_is_in_the_reference() -> None:
    text = (ROOT / "docs/reference.md").read_text()
    trainers = ("PopulationTrainer", "ThreadedPopulation", "ModulePopulation", "ModuleTrainer")
    assert all(f"`{name}`" in text for name in trainers)
    assert all(f"`{name}`" in text for name in Task.model_fields)


def test_every_method_is_in_the_reference() -> None:
    from rlflood.experiments import METHODS

    text = (ROOT / "docs/reference.md").read_text()
    assert all(f"`{name}" in text for name in METHODS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_environment_id_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    assert all(name.removeprefix("rlflood/") in text for name in ENVIRONMENTS)
