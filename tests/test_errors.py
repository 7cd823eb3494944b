"""How a command tells of what a person can put right."""

import warnings

import pytest

from rlflood.errors import InputError, RlfloodWarning, did_you_mean, told


def test_a_warning_is_told_once_and_others_are_as_they_were(capsys):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        with told():
            for _ in range(2):
                warnings.warn("the column is left out", RlfloodWarning, stacklevel=1)
            warnings.warn("another", UserWarning, stacklevel=1)
    assert capsys.readouterr().err == "warning: the column is left out\n"
    assert [str(warning.message) for warning in caught] == ["another"]


def test_an_error_ends_the_command_after_its_warnings(capsys):
    with pytest.raises(SystemExit) as stop, told():
        warnings.warn("doubtful", RlfloodWarning, stacklevel=1)
        raise InputError("the file is empty")
    assert stop.value.code == 2
    assert capsys.readouterr().err == "warning: doubtful\nerror: the file is empty\n"


def test_a_name_that_is_close_to_a_known_one_is_asked_after():
    assert did_you_mean("OUTCOM", ["colour", "Outcome"]) == "did you mean Outcome? "
    assert did_you_mean("graph", ["colour", "Outcome"]) == ""
