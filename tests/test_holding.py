"""What a hold may be."""

import math

import pytest

from rlflood.errors import InputError
from rlflood.holding import Hold


@pytest.mark.parametrize("batches", [0, 0.5, math.inf, math.nan])
def test_a_mean_is_of_one_batch_or_more(batches: float) -> None:
    with pytest.raises(InputError, match="1 batch or more"):
        Hold(batches=batches)


@pytest.mark.parametrize("ascent", [0, -1, math.inf, math.nan])
def test_an_ascent_has_a_positive_weight(ascent: float) -> None:
    with pytest.raises(InputError, match="positive"):
        Hold(ascent=ascent)
