"""Split sizes for a data set whose user gave none."""

from rlflood.data import Source
from rlflood.data.synthetic import DEFAULT_TEST_SIZE

SYNTHETIC = 100
"""Training and validation samples of a generator: those of Ishida et al. (2020)."""
MOST = 200
MOST_TEST = 5000


def default_sizes(
    source: Source, train_size: int | None, val_size: int | None, test_size: int | None
) -> dict[str, int]:
    """Fill in the sizes that are None; the keys are those of a :class:`~rlflood.training.Task`.

    A generator: 100 training, 100 validation and 20,000 test samples (Ishida et al. 2020). A data set of
    limited size: a third of it, up to 200, for training, the same for validation, and what is left, up to
    5,000, for testing.
    """
    # at least one: the source itself says what is wrong with a set that is too small
    share = SYNTHETIC if source.size is None else max(1, min(MOST, source.size // 3))
    train = share if train_size is None else train_size
    val = share if val_size is None else val_size
    left = DEFAULT_TEST_SIZE if source.size is None else max(1, min(MOST_TEST, source.size - train - val))
    return {"train_size": train, "val_size": val, "test_size": left if test_size is None else test_size}
