"""Independent random streams of one seed, so that a change in one draw leaves the others as they were."""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What a stream is for. The numbers are part of what a seed means: never renumber them."""

    STRUCTURE = 0
    """What the whole problem shares: directions, centres; which samples are for training and validation."""
    TRAIN_INPUTS = 1
    TRAIN_NOISE = 2
    VAL_INPUTS = 3
    VAL_NOISE = 4
    TEST_INPUTS = 5
    TEST_NOISE = 6


def stream(seed: int, use: Stream) -> np.random.Generator:
    """The generator of ``use``: child number ``use`` of the seed's ``SeedSequence``."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(int(use),)))
