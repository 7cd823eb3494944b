"""What the first page has to keep to, and the glossary."""

import re

import numpy as np
import pytest

from benchmarks import picture
from rlflood.experiments import Setting
from rlflood.schedulers import ConstantFlood
from rlflood.training import Task
from tests.docs.pages import ROOT


def test_no_paragraph_of_the_readme_has_more_than_two_numbers() -> None:
    text = re.sub(
        r"<!--.*?-->|^```.*?^```$|\(http[^)]*\)",
        "",
        (ROOT / "README.md").read_text(),
        flags=re.DOTALL | re.MULTILINE,
    )
    for paragraph in text.split("\n\n"):
        if not paragraph.lstrip().startswith("|"):
            assert len(re.findall(r"(?<![\w.])\d[\d.,]*(?![\w])", paragraph)) <= 2, paragraph


def test_the_readme_is_one_screen() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 100


def test_the_glossary_has_at_most_twenty_words() -> None:
    words = (ROOT / "docs" / "ideas.md").read_text().partition("## Words")[2]
    assert 10 <= len(re.findall(r"^\| (?!word|-)", words, re.MULTILINE)) <= 20


def test_the_picture_shows_what_a_run_went_through() -> None:
    pytest.importorskip("matplotlib")
    task = Task(hidden=(4,), train_size=20, val_size=20, test_size=40, epochs=3)
    curves = picture.curves(Setting.from_seed(task, 0, picture.REPEATS), ConstantFlood(0.2))
    assert np.array_equal(curves["level"], [0.2] * 3)
    assert (curves["loss"] > 0).all() and (abs(curves["accuracy"] - 50) <= 50).all()
    assert picture.draw(curves, curves).startswith(b"<?xml")
