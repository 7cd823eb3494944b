"""What the command line shows while it works."""

import io
import re

import pytest
from rich.console import Console

from rlflood.cli import console
from rlflood.cli.console import progress_bar, study_progress, time_left


def test_the_time_left_is_that_of_the_speed_so_far():
    assert time_left(done=10, total=100, elapsed=3) == pytest.approx(27)
    assert time_left(done=100, total=100, elapsed=3) == 0


def test_a_log_gets_a_line_for_each_twentieth_and_no_more(monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(console, "errors", Console(file=shown))
    with study_progress() as on_progress:
        for done in range(1001):
            on_progress(done, 1000, f"task: method {done // 500}")
    lines = shown.getvalue().splitlines()
    assert len(lines) == 21
    assert lines[0].strip() == "0%, -:--:-- left: task: method 0"
    assert lines[10].startswith(" 50%, 0:00:0") and lines[-1].startswith("100%, 0:00:00 left")


def test_a_log_hears_of_long_work_now_and_then_and_of_short_work_nothing(monkeypatch):
    shown, now = io.StringIO(), [100.0]
    monkeypatch.setattr(console, "errors", Console(file=shown))
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    with progress_bar("epochs") as advance:
        for done in range(30):
            advance(done, 200)
            now[0] += 1.0
        assert shown.getvalue() == ""
        advance(30, 200)
        advance(31, 200)
        now[0] += 31.0
        advance(32, None, "mean return [0.5]")
    assert shown.getvalue().splitlines() == ["30/200: epochs", "32: mean return [0.5]"]


def test_nothing_is_told_as_done_before_it_is(monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(console, "errors", Console(file=shown))
    with study_progress() as on_progress:
        on_progress(999.0, 1000.0, "the last piece")
        on_progress(1000.0, 1000.0, "the last piece")
    assert [line.split(",")[0].strip() for line in shown.getvalue().splitlines()] == ["99%", "100%"]
    shown = io.StringIO()
    monkeypatch.setattr(console, "errors", Console(file=shown, force_terminal=True, width=100))
    with study_progress() as on_progress:
        on_progress(999.0, 1000.0, "the last piece")
    assert "99%" in shown.getvalue() and "100%" not in shown.getvalue()


@pytest.mark.parametrize("width", [20, 40, 60, 80])
def test_a_bar_crops_neither_name_nor_number(monkeypatch, width):
    shown = io.StringIO()
    monkeypatch.setattr(console, "errors", Console(file=shown, force_terminal=True, width=width))
    with study_progress() as on_progress:
        on_progress(2.0, 8.0, "wine [20 % noise]: best-of:11:early-stopping")
    with progress_bar("epochs") as advance:
        advance(123456, 234567)
    assert "…" not in shown.getvalue()
    words = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\s|[━╸╺]", "", shown.getvalue())
    for text in ("25%", "123456/234567", "epochs", "wine[20%", "noise]:", "best-of:11:early"):
        assert text in words


def test_a_terminal_gets_a_bar_with_the_time_left(monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(console, "errors", Console(file=shown, force_terminal=True, width=100))
    with study_progress() as on_progress:
        on_progress(0.0, 8.0, "wine: none")
        on_progress(2.0, 8.0, "wine: grid")
    assert "wine: grid" in shown.getvalue() and "25%" in shown.getvalue() and "left" in shown.getvalue()
