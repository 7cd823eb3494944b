"""SIGTERM ends the work as Ctrl-C does."""

import os
import signal
import sys
from pathlib import Path

import pytest

from rlflood.interrupts import first_signal, sigterm_as_ctrl_c


def test_sigterm_is_a_keyboard_interrupt_within_a_command_and_its_status_is_its_own() -> None:
    with pytest.raises(SystemExit) as end, sigterm_as_ctrl_c():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            sys.exit(130)
    assert end.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("status", [0, 2, 130])
def test_other_ends_are_left_as_they_are(status: int) -> None:
    with pytest.raises(SystemExit) as end, sigterm_as_ctrl_c():
        sys.exit(status)
    assert end.value.code == status


def test_a_second_sigterm_interrupts_again() -> None:
    with sigterm_as_ctrl_c():
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGTERM)


def test_whoever_handles_sigterm_already_goes_on_doing_so() -> None:
    got = []
    before = signal.signal(signal.SIGTERM, lambda number, _: got.append(number))
    try:
        with sigterm_as_ctrl_c():
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert got == [signal.SIGTERM]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_one_has_its_usual_effect(number: int, tmp_path: Path) -> None:
    asked: list[int] = []
    with sigterm_as_ctrl_c():
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with first_signal(asked.append):
                os.kill(os.getpid(), number)
                assert asked == [number]
                with pytest.raises(KeyboardInterrupt):
                    os.kill(os.getpid(), number)
        finally:
            signal.signal(signal.SIGINT, before)
    assert asked == [number]
