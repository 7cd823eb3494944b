import numpy as np
import pytest

from rlflood.errors import InputError
from rlflood.strengths import STRENGTHS, checked_strength


def test_no_strength_is_the_published_one():
    published = {name: checked_strength(name, None) for name in STRENGTHS}
    assert published == {
        "gce": 0.7, "sce": 1.0, "elr": 3.0, "label-smoothing": 0.1, "mixup": 1.0, "sam": 0.05,
    }  # fmt: skip
    assert checked_strength("cross-entropy", None) == 0


@pytest.mark.parametrize(
    ("name", "fitting", "wrong"),
    [
        ("gce", [1.0, 1e-3], [0.0, 1.01, -0.1]),
        ("sce", [0.0, 9.0], [-0.1]),
        ("elr", [0.0, 9.0], [-0.1]),
        ("label-smoothing", [-8.0, 0.0, 0.99], [1.0]),
        ("mixup", [0.1, 32.0], [0.0]),
        ("sam", [0.01, 2.0], [0.0, -1.0]),
    ],
)
def test_strengths_have_bounds(name, fitting, wrong):
    np.testing.assert_array_equal(checked_strength(name, np.array(fitting)), fitting)
    for value in (*wrong, np.nan, np.inf, np.array([fitting[0], wrong[0]])):
        with pytest.raises(InputError, match=f"the strength of {name}, its .* must be finite and "):
            checked_strength(name, value)


def test_the_cross_entropy_has_none():
    with pytest.raises(InputError, match="no strength: leave it out, or use one of the criteria gce, "):
        checked_strength("cross-entropy", 0.5)
