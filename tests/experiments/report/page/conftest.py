"""Studies put together by hand, small and wide, and a browser to look at their pages with."""

import shutil

import numpy as np
import pytest

from rlflood.experiments.runs.diagnosis import Diagnosis
from rlflood.experiments.runs.record import Record, Search, of_moment, score_field
from rlflood.experiments.study.file import resolved
from rlflood.experiments.study.results import Results
from rlflood.training.trainer import MOMENTS

EPOCHS = 30
NAMES = ("none", "early-stopping", "grid", "best-of:5:tracking", "oracle", "tracking")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--window-size=1280,900",
)  # fmt: skip
START = {
    "started": "2026-03-01T10:20:30+00:00",
    "command": "rlflood benchmark study.toml --out runs",
    "versions": {"rlflood": "0.1.0", "torch": "2.11.0"},
    "commit": "abc123",
    "machine": {"system": "Linux", "architecture": "x86_64", "cores": 2, "processor": "Some processor"},
    "device": "cpu",
    "precision": "float32",
    "threads": 1,
}


def _make_results(tasks=("wine", "gaussians"), methods=NAMES, *, seeds=4, epochs=EPOCHS, diagnosed=True):
    """A finished study with invented numbers: later methods are better, the last task is the hardest."""
    study = resolved(
        {
            "name": "A study",
            "seeds": seeds,
            "runs": 5,
            "methods": list(methods),
            "tasks": [
                {
                    "name": name, "data": "two-gaussians", "label_noise": 0.2,
                    "train_size": 40, "val_size": 40, "test_size": 80, "hidden": [16], "epochs": epochs,
                }
                for name in tasks
            ],
        },
        "study",
    )  # fmt: skip
    made = study.make_methods()
    rng = np.random.default_rng(0)
    records, diagnoses = {}, {}
    for t, task in enumerate(tasks):
        for m, method in enumerate(made):
            key = task, method.name
            search = "grid" in method.name or "best-of" in method.name or method.oracle
            accuracy = 0.7 + 0.2 * m / len(made) - 0.1 * t / len(tasks) + rng.uniform(-0.02, 0.02, seeds)
            records[key] = _record(method.name, accuracy, rng, epochs, search)
            if diagnosed and method.floods and not method.oracle:
                diagnoses[key] = _diagnosis(rng, epochs)
    repeats = {key: list(range(seeds)) for key in records}
    seconds = {key: 1.5 for key in records}
    return Results(study, made, records, repeats, diagnoses, [START], seconds)


def _without(results, *lost):
    """The same study before all of some methods' tasks, ``(task, method)``, were done."""
    return Results(
        results.study,
        results.methods,
        {key: record for key, record in results.records.items() if key not in lost},
        {key: numbers for key, numbers in results.repeats.items() if key not in lost},
        {key: diagnosis for key, diagnosis in results.diagnoses.items() if key not in lost},
        results.starts,
        results.seconds,
    )


def _record(method, accuracy, rng, epochs, search):
    seeds, runs = len(accuracy), 5 if search else 1
    curves = {
        name: np.linspace(1, low, epochs) + 0.05 * rng.random((seeds, epochs))
        for name, low in {
            "train_loss": 0.05,
            "train_acc": 0.4,
            "val_loss": 0.6,
            "val_acc": 0.4,
            "average_val_loss": 0.5,
            "average_val_acc": 0.4,
        }.items()
    }
    gains = dict(zip(MOMENTS, (0.0, 0.02, 0.01, 0.03), strict=True))
    shifts = {
        score_field(moment, noisy=noisy): gain - 0.2 * noisy
        for moment, gain in gains.items()
        for noisy in (False, True)
    }
    tests = {name: accuracy + shift for name, shift in shifts.items()}
    levels = np.full((seeds, epochs), 0.0 if method == "none" else 0.3)
    candidates = None
    if search:
        grid = np.tile(np.linspace(0, 0.5, runs), (seeds, 1))
        scores = {
            name: accuracy[:, None] - 0.05 + 0.01 * np.arange(runs) + shift
            for name, shift in {
                **{of_moment(kind, moment): 0 for kind in ("val_acc", "val_loss") for moment in MOMENTS},
                **shifts,
            }.items()
        }
        picked = {of_moment("picked", moment): np.full(seeds, runs - 1) for moment in MOMENTS}
        spent = np.full(grid.shape, float(epochs))
        knob, anytime = ("restart", True) if method.startswith("best-of") else ("level", False)
        candidates = Search(knob, anytime, grid, spent, **picked, **scores)
    spent = np.full(seeds, float(runs * epochs))
    deployed = "best" if method == "early-stopping" else "last"
    own = {"epochs_spent": spent, "deployed": deployed, "search": candidates}
    return Record(method=method, levels=levels, **curves, **tests, **own)


def _diagnosis(rng, epochs):
    shape, alphas = (1, epochs), np.linspace(-1, 1, 9)
    falling = np.linspace(1, 0.3, epochs) + 0.05 * rng.random(shape)
    around = 0.2 + alphas**2 + 0.05 * rng.random((2, 1, 9))
    return Diagnosis(
        epochs=np.arange(1, epochs + 1),
        train_loss=falling,
        train_acc=1 - falling / 2,
        val_loss=falling,
        noisy_test_loss=falling + 0.2,
        noisy_test_acc=0.8 - falling / 2,
        test_acc=1 - falling / 2,
        gradient_norm=falling,
        alphas=alphas,
        networks=("below level", "end"),
        perturbed_train_loss=around,
        perturbed_noisy_test_loss=around + 0.3,
        reached=np.array([7]),
    )


@pytest.fixture(scope="session")
def make_results():
    return _make_results


@pytest.fixture(scope="session")
def without():
    return _without


@pytest.fixture(scope="session")
def results():
    return _make_results()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    selenium = pytest.importorskip("selenium.webdriver", reason="looking at the page needs selenium")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("looking at the page needs chromium and chromedriver")
    options = selenium.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = selenium.ChromeService(executable_path=driver)
    opened = selenium.Chrome(service=service, options=options)
    yield opened
    opened.quit()
