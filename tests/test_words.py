"""Numbers and names within sentences."""

import numpy as np
import pytest

from rlflood.words import capitalised, counted, percent


@pytest.mark.parametrize(
    ("number", "told"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs"), (np.int64(1), "1 run"), ([3], "1 run")]
)
def test_one_is_singular(number, told):
    assert counted(number, "run") == told


def test_a_plural_of_its_own():
    assert [counted(n, "class", "classes") for n in (1, 3)] == ["1 class", "3 classes"]


def test_the_first_letter_alone_is_changed():
    assert capitalised("the study CIFAR by MyController") == "The study CIFAR by MyController"
    assert capitalised("CIFAR") == "CIFAR" and capitalised("") == ""


@pytest.mark.parametrize(
    ("share", "signed", "told"),
    [
        (0.409, False, "40.9"),
        (-0.0001, False, "0.0"),
        (0.0001, True, "0.0"),
        (0.01, True, "+1.0"),
        (-0.01, True, "-1.0"),
    ],
)
def test_what_is_rounded_to_zero_has_no_sign(share, signed, told):
    assert percent(share, signed=signed) == told
