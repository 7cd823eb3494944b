"""Generators of synthetic problems: those of Ishida et al. (2020, section 4.1), and Gaussian blobs.

All of them are raw, as in the paper: nothing is standardised. They are cheap to draw, since training a
controller draws a fresh problem for every episode.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rlflood.data.options import Option, real, whole
from rlflood.data.source import Samples, Source
from rlflood.data.streams import Stream, stream

DEFAULT_TEST_SIZE = 20_000
"""Test samples of the paper's synthetic protocol."""

Sampler: TypeAlias = Callable[[int, np.random.Generator], Samples]


class Generator(Source):
    """A source without end: each split is drawn afresh from the seed's own stream for it."""

    size = None

    @abstractmethod
    def _sampler(self, seed: int) -> Sampler:
        """Fix what the seed's whole problem shares; return the function that draws n samples of it."""

    def _draw(
        self, train_size: int, val_size: int, test_size: int | None, seed: int
    ) -> tuple[Samples, Samples, Samples]:
        sample = self._sampler(seed)
        return (
            sample(train_size, stream(seed, Stream.TRAIN_INPUTS)),
            sample(val_size, stream(seed, Stream.VAL_INPUTS)),
            sample(DEFAULT_TEST_SIZE if test_size is None else test_size, stream(seed, Stream.TEST_INPUTS)),
        )


class TwoGaussians(Generator):
    """Class 0 from N(0, I), class 1 from N(shift * 1, I), in equal numbers.

    The best possible accuracy is Phi(shift * sqrt(dimensions) / 2), 0.943 by default.
    """

    name = "two-gaussians"
    classes = 2

    def __init__(self, *, dimensions: Option = 10, shift: Option = 1.0) -> None:
        self.features = whole(self.name, "dimensions", dimensions, 1)
        self.shift = real(self.name, "shift", shift, 0.0)

    def _sampler(self, seed: int) -> Sampler:
        def sample(n: int, rng: np.random.Generator) -> Samples:
            y = _balanced(n, 2, rng)
            x = rng.standard_normal((n, self.features), dtype=np.float32)
            x += (self.shift * y[:, None]).astype(np.float32)
            return x, y

        return sample


class Sinusoid(Generator):
    """x from 2 * N(0, I) in the plane; class 1 where x1 + sin(x2) > 0."""

    name = "sinusoid"
    classes = 2
    features = 2

    def _sampler(self, seed: int) -> Sampler:
        def sample(n: int, rng: np.random.Generator) -> Samples:
            x = 2 * rng.standard_normal((n, 2), dtype=np.float32)
            return x, _above_zero(x[:, 0] + np.sin(x[:, 1]))

        return sample


class SinusoidHighDimensional(Generator):
    """x from 2 * N(0, I); class 1 where x.w1 + sin(x.w2) > 0; w1, w2 orthonormal, drawn from the seed."""

    name = "sinusoid-10d"
    classes = 2

    def __init__(self, *, dimensions: Option = 10) -> None:
        self.features = whole(self.name, "dimensions", dimensions, 2)

    def directions(self, seed: int) -> NDArray[np.float32]:
        """The columns w1 and w2 of this seed's problem: shape (dimensions, 2)."""
        q, r = np.linalg.qr(stream(seed, Stream.STRUCTURE).standard_normal((self.features, 2)))
        # without the signs QR favours one orientation (Mezzadri 2007)
        return (q * np.sign(np.diag(r))).astype(np.float32)

    def _sampler(self, seed: int) -> Sampler:
        directions = self.directions(seed)

        def sample(n: int, rng: np.random.Generator) -> Samples:
            x = 2 * rng.standard_normal((n, self.features), dtype=np.float32)
            along = x @ directions
            return x, _above_zero(along[:, 0] + np.sin(along[:, 1]))

        return sample


class SinusoidDisc(Generator):
    """x uniform in the disc of radius 2; class 1 where 1.5 x1 + sin(1.5 x2) > 0."""

    name = "sinusoid-disc"
    classes = 2
    features = 2

    def _sampler(self, seed: int) -> Sampler:
        def sample(n: int, rng: np.random.Generator) -> Samples:
            radius = 2 * np.sqrt(rng.random(n))  # the root spreads the points evenly over the area
            angle = 2 * np.pi * rng.random(n)
            x = np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1).astype(np.float32)
            return x, _above_zero(1.5 * x[:, 0] + np.sin(1.5 * x[:, 1]))

        return sample


class Spiral(Generator):
    """Two arms in equal numbers: (a cos a, a sin a), class 1, and ((a + pi) cos a, (a + pi) sin a), class 0.

    The angle a is drawn uniformly from [0, 4 pi], so that the splits share no points; to both coordinates
    ``noise`` * N(0, 1) is added (the paper's tau).
    """

    name = "spiral"
    classes = 2
    features = 2

    def __init__(self, *, noise: Option = 1.0) -> None:
        self.noise = real(self.name, "noise", noise, 0.0)

    def _sampler(self, seed: int) -> Sampler:
        def sample(n: int, rng: np.random.Generator) -> Samples:
            y = _balanced(n, 2, rng)
            angle = 4 * np.pi * rng.random(n)
            radius = angle + np.pi * (1 - y)
            x = np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1)
            x += self.noise * rng.standard_normal((n, 2))
            return x.astype(np.float32), y

        return sample


class Blobs(Generator):
    """One Gaussian N(centre, I) a class, in equal numbers, around centres drawn from the seed.

    The centres are Gaussian too, scaled so that ``separation`` is the root mean square distance between two
    of them in any number of dimensions, in standard deviations of a blob.
    """

    name = "blobs"

    def __init__(self, *, classes: Option = 3, dimensions: Option = 2, separation: Option = 4.0) -> None:
        self.classes = whole(self.name, "classes", classes, 2, 50)
        self.features = whole(self.name, "dimensions", dimensions, 2)
        self.separation = real(self.name, "separation", separation, 0.0)

    def centres(self, seed: int) -> NDArray[np.float32]:
        """The centres of this seed's problem: shape (classes, dimensions)."""
        # two centres of N(0, s^2 I) in d dimensions are sqrt(2 d) s apart, root mean square
        scale = self.separation / np.sqrt(2 * self.features)
        unit = stream(seed, Stream.STRUCTURE).standard_normal((self.classes, self.features))
        return np.asarray(scale * unit, dtype=np.float32)

    def _sampler(self, seed: int) -> Sampler:
        centres = self.centres(seed)

        def sample(n: int, rng: np.random.Generator) -> Samples:
            y = _balanced(n, self.classes, rng)
            x = rng.standard_normal((n, self.features), dtype=np.float32)
            x += centres[y]
            return x, y

        return sample


def _balanced(n: int, classes: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Labels in random order; class counts differ by at most one, and chance says which get one more."""
    first = rng.integers(classes)
    return rng.permutation((np.arange(n, dtype=np.int64) + first) % classes)


def _above_zero(values: NDArray[np.float32]) -> NDArray[np.int64]:
    return (values > 0).astype(np.int64)
