"""When what would be lost is written, and what becomes of errors."""

import warnings
from itertools import pairwise
from pathlib import Path

import pytest

from rlflood.errors import RlfloodWarning
from rlflood.saving import Pace, attempt


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def written(pace: Pace, clock: Clock, seconds: int, took: float = 0.0) -> list[float]:
    """The times of writing, asked once a second."""
    times = []
    for _ in range(seconds):
        clock.now += 1
        if pace.due():
            times.append(clock.now - 1000)
            with pace.writing():
                clock.now += took
    return times


def test_the_first_writing_comes_after_seconds_and_the_later_ones_down_to_once_a_minute() -> None:
    clock = Clock()
    assert written(Pace(clock=clock), clock, 300) == [5, 15, 35, 75, 135, 195, 255]


def test_writing_takes_a_small_part_of_the_time_however_long_it_takes() -> None:
    clock = Clock()
    times = written(Pace(clock=clock), clock, 1200, took=10.0)
    assert [b - a for a, b in pairwise(times)] == [210] * (len(times) - 1)
    assert len(times) > 3


def test_a_pace_of_zero_is_every_time() -> None:
    clock = Clock()
    assert written(Pace(0.0, clock=clock), clock, 3) == [1, 2, 3]


def test_what_cannot_be_written_is_a_warning_once_until_it_can_again(tmp_path: Path) -> None:
    full = True

    def write() -> None:
        if full:
            raise OSError(28, "No space left on device")

    def attempts(count: int) -> list[str]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(count):
                attempt(tmp_path, {tmp_path / "a": write, tmp_path / "b": lambda: None}, "the work goes on")
        assert all(warning.category is RlfloodWarning for warning in caught)
        return [str(warning.message) for warning in caught]

    expected = f"{tmp_path / 'a'} cannot be written (No space left on device): the work goes on"
    assert attempts(3) == [expected]
    assert attempts(3) == []
    full = False
    assert attempts(1) == []
    full = True
    assert attempts(2) == [expected]


def test_each_file_is_tried_and_the_failures_are_given(tmp_path: Path) -> None:
    def fail() -> None:
        raise OSError(30, "Read-only file system")

    done: list[str] = []
    files = {tmp_path / "a": fail, tmp_path / "b": lambda: done.append("b")}
    with pytest.warns(RlfloodWarning, match="Read-only"):
        failed = attempt(tmp_path, files, "on")
    assert list(failed) == [tmp_path / "a"] and done == ["b"]
