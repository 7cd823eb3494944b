"""What the command line shows while it works."""

import io

import pytest
from rich.console import Console

from rlflood import console
from rlflood.console import study_progress, time_left


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


def test_a_terminal_gets_a_bar_with_the_time_left(monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(console, "errors", Console(file=shown, force_terminal=True, width=100))
    with study_progress() as on_progress:
        on_progress(0.0, 8.0, "wine: none")
        on_progress(2.0, 8.0, "wine: grid")
    assert "wine: grid" in shown.getvalue() and "25%" in shown.getvalue() and "left" in shown.getvalue()
