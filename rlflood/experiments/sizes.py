"""Split sizes for a data set whose user gave none."""

from rlflood.data import Source

SYNTHETIC = 100
"""Training and validation samples of a generator: those of Ishida et al. (2020)."""
MOST = 200
MOST_TEST = 5000


def default_sizes(
    source: Source, train_size: int | None, val_size: int | None, test_size: int | None
) -> dict[str, int | None]:
    """Fill in the sizes that are None; the keys are those of a :class:`~rlflood.training.Task`.

    A generator: 100 training and 100 validation samples, and the generator's own number of test samples. A
    data set of limited size: a third of it, up to 200, for training, the same for validation, and what is
    left, up to 5,000, for testing.
    """
    if source.size is None:
        share = SYNTHETIC
    else:
        # at least one: the source itself says what is wrong with a set that is too small
        share = max(1, min(MOST, source.size // 3))
    train_size = share if train_size is None else train_size
    val_size = share if val_size is None else val_size
    if test_size is None and source.size is not None:
        test_size = max(1, min(MOST_TEST, source.size - train_size - val_size))
    return {"train_size": train_size, "val_size": val_size, "test_size": test_size}
