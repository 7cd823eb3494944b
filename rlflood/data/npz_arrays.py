"""Reading the arrays x and y of a ``.npz`` file; nothing is unpickled."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from rlflood.data.index_columns import counts_the_rows
from rlflood.data.source import ImageShape
from rlflood.errors import InputError, RlfloodWarning

_HOW = "numpy.savez(file, x=..., y=...)"


@dataclass(frozen=True, eq=False)
class Arrays:
    """What a file holds.

    x: real numbers, shape (samples, features); an image is a row, channel by channel.
    y: labels, shape (samples,).
    image_shape: channels, height and width, where a row is an image.
    """

    x: NDArray[np.generic]
    y: NDArray[np.generic]
    image_shape: ImageShape | None


def read_npz(file: str, keep: Sequence[str] = ()) -> Arrays:
    """The arrays x and y.

    x of shape (samples, height, width), (samples, channels, height, width) or (samples, height, width,
    channels), the last for 1, 3 or 4 channels, is of images; of any other shape it is flattened to features.

    keep: numbers of columns of x, from 1, that are features although they count the rows.

    Raises InputError for anything that cannot be learned from, naming the place from 1. Warns where a column
    is left out, and where channels may be first or last.
    """
    x, y = _checked(file, *_members(file))
    image_shape = None
    if x.ndim in (3, 4):
        x = _channels_first(file, x)
        image_shape = (x.shape[1], x.shape[2], x.shape[3])
    flat = x.reshape(len(x), -1)
    _check_numbers(file, flat)
    if x.ndim == 2:
        flat = _without_counters(file, flat, keep)
    elif keep:
        raise InputError(f"{file} has no columns to keep: x has shape {x.shape}.")
    return Arrays(flat, y, image_shape)


def _members(file: str) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    try:
        # opened here, for numpy leaves a file that it opens and refuses open
        with open(file, "rb") as stream:
            archive = np.load(stream, allow_pickle=False)
            if not isinstance(archive, NpzFile):
                raise InputError(f"{file} holds a single array: save two with {_HOW}.")
            missing = [key for key in ("x", "y") if key not in archive]
            if missing:
                raise InputError(
                    f"{file} has no array {' and no array '.join(missing)} (it has: "
                    f"{', '.join(archive.files) or 'none'}): save them with {_HOW}."
                )
            x, y = archive["x"], archive["y"]
    except (InputError, OSError):
        raise
    except MemoryError as error:
        raise InputError(f"{file} needs more memory than there is ({error}).") from error
    # whatever zipfile and numpy raise at bytes that are no archive or no array: there is no list of it
    except Exception as error:
        if "pickle" in str(error):
            raise InputError(
                f"{file} is no .npz file or holds pickled objects, which are not loaded because they can run "
                "code: save x and y as plain arrays (no dtype=object) with numpy.savez."
            ) from error
        raise InputError(
            f"{file} is damaged or no .npz file ({error}): save it again with numpy.savez."
        ) from error
    for name, member in (("x", x), ("y", y)):
        if not isinstance(member, np.ndarray):
            raise InputError(f"{name} in {file} is no array but a file of another kind: save it with {_HOW}.")
    return x, y


def _checked(
    file: str, x: NDArray[np.generic], y: NDArray[np.generic]
) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    if x.dtype.kind not in "biuf":
        raise InputError(f"x in {file} is of type {x.dtype}: give real numbers.")
    if x.ndim < 2 or x.size == 0:
        raise InputError(f"x in {file} has shape {x.shape}: give (samples, features) or (samples, ...).")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise InputError(
            f"y in {file} has shape {y.shape}: give one label for each sample, (samples,); "
            "for one-hot rows that is y.argmax(axis=1)."
        )
    if len(x) != len(y):
        raise InputError(f"x in {file} has {len(x)} samples, but y has {len(y)}: give one label for each.")
    return x, y


def _channels_first(file: str, x: NDArray[np.generic]) -> NDArray[np.generic]:
    """Images as (samples, channels, height, width)."""
    if x.ndim == 3:
        return x[:, None]
    first, last = x.shape[1] in (1, 3), x.shape[3] in (1, 3)
    if first and last:
        warnings.warn(
            f"x in {file} has shape {x.shape}, taken as (samples, channels, height, width); if the channels "
            "are last, save x.transpose(0, 3, 1, 2).",
            RlfloodWarning,
            stacklevel=4,
        )
    if (last and not first) or (x.shape[3] == 4 and not first and x.shape[1] != 4):
        return x.transpose(0, 3, 1, 2)
    return x


def _check_numbers(file: str, x: NDArray[np.generic]) -> None:
    if x.dtype.kind != "f":
        return
    wrong = np.argwhere(~(np.abs(x) <= np.finfo(np.float32).max))
    if wrong.size:
        row, column = wrong[0]
        raise InputError(
            f"x in {file} has {x[row, column]} in row {row + 1}, column {column + 1} "
            f"(counted from 1), the first of {len(wrong)} such: remove these rows, or fill in "
            "numbers within float32."
        )


def _without_counters(file: str, x: NDArray[np.generic], keep: Sequence[str]) -> NDArray[np.generic]:
    """x without the columns that count its rows."""
    for name in keep:
        if not name.isdecimal() or not 1 <= int(name) <= x.shape[1]:
            raise InputError(
                f"{name!r} cannot be kept: the columns of x in {file} are numbered from 1 to {x.shape[1]}."
            )
    kept = [
        column for column in range(x.shape[1]) if str(column + 1) in keep or not counts_the_rows(x[:, column])
    ]
    for column in sorted(set(range(x.shape[1])) - set(kept)):
        warnings.warn(
            f"x in {file}: column {column + 1} numbers the rows and may give the labels away, so it is left "
            f"out of the features; if it is one, keep it with --keep {column + 1} (in a study: keep).",
            RlfloodWarning,
            stacklevel=4,
        )
    if not kept:
        raise InputError(f"x in {file} has no features but the numbers of its rows: give it another column.")
    return x if len(kept) == x.shape[1] else x[:, kept]
