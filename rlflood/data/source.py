"""What every data set offers: a seeded split into training, validation and test samples."""

import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rlflood.data.labels import add_label_noise
from rlflood.data.streams import Stream, stream
from rlflood.errors import InputError
from rlflood.words import counted

Samples: TypeAlias = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Inputs (samples, features) and clean labels (samples,)."""
RawSamples: TypeAlias = tuple[NDArray[np.generic], NDArray[np.int64]]
"""The same before the inputs are scaled."""
ImageShape: TypeAlias = tuple[int, int, int]
"""Channels, height and width."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a data set without its samples: see the attributes of the same names of ``Source``."""

    name: str
    classes: int
    features: int
    size: int | None
    pool_size: int | None = None
    image_shape: ImageShape | None = None

    def to_json(self) -> str:
        """As text that ``from_json`` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Facts":
        """What ``to_json`` has written."""
        values = json.loads(text)
        shape = values["image_shape"]
        return cls(**{**values, "image_shape": None if shape is None else tuple(shape)})


@dataclass(frozen=True, eq=False)
class Split:
    """The samples of one split.

    x: float32, shape (samples, features).
    y: int64, shape (samples,), labels 0 .. classes - 1 after label noise: what training sees.
    y_clean: int64, shape (samples,), the labels before it: what a clean test accuracy is measured on.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    y_clean: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, eq=False)
class Splits:
    """Training, validation and test split of one learning problem."""

    train: Split
    val: Split
    test: Split
    classes: int
    image_shape: ImageShape | None = None
    """Channels, height and width, where a row is an image; None for other data."""

    @property
    def features(self) -> int:
        """Columns of ``x``, the same in the three splits."""
        return int(self.train.x.shape[1])


class Source(ABC):
    """A data set, or a generator of data sets, that splits by seed.

    A subclass sets the four attributes and writes ``_draw`` and, if its size is limited, ``_check_room``, and
    ``_scaled`` if its features have to be scaled; ``split`` checks what was asked for.
    """

    name: str
    classes: int
    features: int
    size: int | None
    """Samples there are; None for a generator, which has no end."""
    pool_size: int | None = None
    """Samples that training and validation are cut from, where there is an official test set; else None."""
    image_shape: ImageShape | None = None
    """Channels, height and width, where a row is an image, channel by channel; None for other data."""

    @property
    def facts(self) -> Facts:
        """The source in numbers."""
        return Facts(self.name, self.classes, self.features, self.size, self.pool_size, self.image_shape)

    def split(
        self,
        *,
        train_size: int,
        val_size: int,
        test_size: int | None,
        label_noise: float,
        seed: int,
        joined: bool = False,
    ) -> Splits:
        """Return disjoint splits of exactly these sizes; the same arguments give the same arrays.

        Random draws come from independent streams (see ``streams.py``): ``label_noise`` changes labels only,
        and ``test_size`` changes the test split only.

        Args:
            train_size: Training samples.
            val_size: Validation samples.
            test_size: Test samples; None takes all that are left (a generator draws 20,000).
            label_noise: Share, at least 0 and below 1, of the labels of **each** split that is moved to
                another class (Ishida et al. 2020 flip an exact share in all three).
            seed: Where all that is random comes from.
            joined: Append the validation samples, with their labels as they are, to the training split, which
                then has ``train_size + val_size``. Samples and labels are those that the splits have apart.

        Raises:
            InputError: where a size, the share or the seed cannot be met.
        """
        self.check_sizes(train_size, val_size, test_size)
        if seed < 0:
            raise InputError(f"The seed is {seed}: give a whole number of at least 0.")
        (train_x, train_y), (val_x, val_y), (test_x, test_y) = self._draw(
            train_size, val_size, test_size, seed
        )
        if joined:
            train_x = np.concatenate([train_x, val_x])
        own_x, val_x, test_x = self._scaled(train_x, val_x, test_x)
        train = self._with_noise(own_x[:train_size], train_y, label_noise, seed, Stream.TRAIN_NOISE)
        val = self._with_noise(val_x, val_y, label_noise, seed, Stream.VAL_NOISE)
        if joined:
            both = (train, val)
            y, clean = (np.concatenate([getattr(part, name) for part in both]) for name in ("y", "y_clean"))
            train = Split(own_x, y, clean)
        return Splits(
            train=train,
            val=val,
            test=self._with_noise(test_x, test_y, label_noise, seed, Stream.TEST_NOISE),
            classes=self.classes,
            image_shape=self.image_shape,
        )

    def check_sizes(self, train_size: int, val_size: int, test_size: int | None) -> None:
        """Make sure that ``split`` can return splits of these sizes, without drawing any.

        Raises InputError where it cannot.
        """
        self._check_size("train_size", train_size, self.classes, "one sample for each class")
        self._check_size("val_size", val_size, self.classes, "as many as there are classes")
        if test_size is not None:
            self._check_size("test_size", test_size, 1, "or leave it out for all that is left")
        self._check_room(train_size, val_size, test_size)

    def _check_room(self, train_size: int, val_size: int, test_size: int | None) -> None:  # noqa: B027
        """Raise InputError where the three do not fit into what there is; a generator has room for all."""

    def class_counts(self) -> dict[str, int] | None:
        """The samples of each class by its name, in the order of the labels; None for a generator."""
        return None

    @abstractmethod
    def _draw(
        self, train_size: int, val_size: int, test_size: int | None, seed: int
    ) -> tuple[RawSamples, RawSamples, RawSamples]:
        """Draw training, validation and test samples with clean labels; the arguments have been checked."""

    def _scaled(self, train: NDArray[np.generic], *others: NDArray[np.generic]) -> list[NDArray[np.float32]]:
        """The inputs of the splits as networks see them, scaled by the training split if at all.

        They are this method's to change in place.
        """
        return [np.asarray(part, np.float32) for part in (train, *others)]

    def _with_noise(
        self, x: NDArray[np.float32], y_clean: NDArray[np.int64], share: float, seed: int, use: Stream
    ) -> Split:
        if share == 0:  # training a controller draws very many small problems: spare them a generator each
            return Split(x, y_clean.copy(), y_clean)
        return Split(x, add_label_noise(y_clean, share, self.classes, stream(seed, use)), y_clean)

    def _check_size(self, option: str, size: int, least: int, why: str) -> None:
        if size < least:
            raise InputError(
                f"{option} is {size}, too small for {self.name} "
                f"({counted(self.classes, 'class', 'classes')}): give at least {least}, {why}."
            )
