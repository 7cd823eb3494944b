"""Figures: the files they make, and what they do with runs that diverged."""

import dataclasses
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from rlflood.errors import InputError
from rlflood.experiments.report.figures.schedules import check_plot, figure

pytest.importorskip("matplotlib")


@pytest.mark.parametrize(("kind", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_each_kind_of_file(records, kind, start):
    assert figure("wine", records[:2], kind).startswith(start)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_any_number_of_methods_each_under_its_name(records, count):
    named = [dataclasses.replace(records[i % 4], method=f"method-{i}") for i in range(count)]
    drawn = figure("the title", named, "svg").decode()
    # matplotlib writes each text as a comment beside its outlines
    for text in ("the title", "epoch", "training loss", "validation loss", *(r.method for r in named)):
        assert f"<!-- {text}" in drawn


def test_a_run_that_diverged_leaves_the_others_visible(records):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for losses in (records[0].val_loss.copy(), np.full_like(records[0].val_loss, np.nan)):
            losses[0, 4:] = np.nan
            lost = dataclasses.replace(records[0], val_loss=losses, train_loss=losses)
            drawn = figure("wine", [lost, records[2]], "svg").decode()
            assert f"{lost.diverged.sum()} of 3 runs diverged" in drawn and drawn.count("diverged") == 1


def test_one_repeat(records):
    assert "repeats" not in figure("wine", [records[2].take([0])], "svg").decode()


def test_other_suffixes_are_refused():
    check_plot(Path("a.PNG"))
    with pytest.raises(InputError, match=r"\.png, \.svg, \.pdf"):
        check_plot(Path("a.jpeg"))


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"rlflood\[plot\]"):
        check_plot(Path("a.png"))
