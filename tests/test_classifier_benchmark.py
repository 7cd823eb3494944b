"""The comparison of classifiers gives each side the same samples, and its figures are those of the fits."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from benchmarks import classifier
from benchmarks.results import classifier as page
from rlflood.errors import InputError


class Listening(ClassifierMixin, BaseEstimator):
    """Keeps what it was trained on, and predicts the first class."""

    fits: list[tuple[int, bytes, NDArray[np.int64]]]

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, x: NDArray[np.float64], y: NDArray[np.int64]) -> "Listening":
        self.fits.append((self.seed, x.tobytes(), y))
        return self

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.zeros(len(x), np.int64)


def test_all_sides_have_the_same_samples_and_wrong_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Listening, "fits", [], raising=False)
    monkeypatch.setattr(classifier, "SIDES", {"a": Listening, "b": Listening})
    clean = classifier.score("iris", 0.0, seeds=2)
    noisy = classifier.score("iris", 0.2, seeds=2)
    assert clean.accuracy == noisy.accuracy, "the test labels are the true ones"
    assert set(clean.accuracy["a"]) <= {12 / 38, 13 / 38}, "a third of the test samples, which are a quarter"
    for first, second in zip(Listening.fits[::2], Listening.fits[1::2], strict=True):
        assert first[:2] == second[:2] and np.array_equal(first[2], second[2])
    assert [seed for seed, *_ in Listening.fits] == [0, 0, 1, 1] * 2
    (_, x, right), (_, same_x, given) = Listening.fits[0], Listening.fits[4]
    assert x == same_x and (right != given).sum() == round(0.2 * len(right))
    assert Listening.fits[0][1] != Listening.fits[2][1], "another split"


def test_the_page_s_table_is_of_what_the_script_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(classifier, "votes", lambda: None)
    monkeypatch.setattr(classifier, "TABLES", {"iris": classifier.TABLES["iris"]})
    monkeypatch.setattr(classifier, "EPOCHS", 2)
    classifier.main(seeds=2, json_file=tmp_path / "classifier.json")
    monkeypatch.setattr(page, "FOLDER", tmp_path)
    accuracy = json.loads((tmp_path / "classifier.json").read_text())["rows"][0]["accuracy"]
    shown = page.classifier()
    assert len(accuracy) == 3 and len(accuracy[classifier.OURS]) == 2
    assert f"| iris | 150 | 0 % | {100 * np.mean(accuracy[classifier.OURS]):.1f} |" in shown
    assert capsys.readouterr().out.count("iris, 20% wrong") == 2


def test_the_fifth_table_is_asked_for_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "statsmodels.datasets", None)
    monkeypatch.setattr(classifier, "score", lambda *_: pytest.fail("nothing may be fitted"))
    with pytest.raises(InputError, match="pip install statsmodels"):
        classifier.main()
