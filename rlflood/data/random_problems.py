"""Families of random problems: a seed draws the problem itself, not only its samples.

Made for training controllers, which should meet easy and hard problems, few and many classes, balanced and
not, features that hang together and features that don't. All inputs have a variance of about 1.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rlflood.data.options import Option, real, whole
from rlflood.data.source import Samples
from rlflood.data.streams import Stream, stream
from rlflood.data.synthetic import Generator, Sampler
from rlflood.metrics import Array

Rule: TypeAlias = Callable[[Array], NDArray[np.int64]]

_MOST_CLASSES = 50
# samples that place the boundaries between the classes of a rule
_REFERENCE = 1024


class _Clustered(Generator):
    """Classes of one or more Gaussian clusters, in numbers that may fall from class to class."""

    def __init__(self, classes: Option, clusters: Option, separation: Option, imbalance: Option) -> None:
        self.classes = whole(self.name, "classes", classes, 2, _MOST_CLASSES)
        self.clusters = whole(self.name, "clusters", clusters, 1)
        self.separation = real(self.name, "separation", separation, 0.0)
        self.imbalance = real(self.name, "imbalance", imbalance, 1.0)

    def _cluster_sampler(
        self, dimensions: int, structure: np.random.Generator
    ) -> Callable[[int, np.random.Generator], tuple[Array, NDArray[np.int64]]]:
        """Fix the clusters; what draws n points of shape ``(n, dimensions)`` and their labels."""
        count = self.classes * self.clusters
        # two centres of N(0, s^2 I) in d dimensions are sqrt(2 d) s apart, root mean square
        centres = structure.standard_normal((count, dimensions)) * self.separation / np.sqrt(2 * dimensions)
        scales = np.exp(structure.uniform(np.log(0.4), np.log(1.6), (count, dimensions)))
        turned, _ = np.linalg.qr(structure.standard_normal((dimensions, dimensions)))
        shares = self.imbalance ** -np.linspace(0, 1, self.classes)
        shares /= shares.sum()

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
            y = _labels(n, shares, rng)
            own = y * self.clusters + rng.integers(self.clusters, size=n)
            spread = rng.standard_normal((n, dimensions)) * scales[own]
            return (centres[own] + spread) @ turned, y

        return sample


class Clusters(_Clustered):
    """Classes of one or more Gaussian clusters, each longer in some directions than in others.

    ``separation`` is the root mean square distance of two centres; a cluster's standard deviations are
    between 0.4 and 1.6. The first class is ``imbalance`` times as frequent as the last one.
    """

    name = "clusters"

    def __init__(
        self,
        *,
        classes: Option = 4,
        dimensions: Option = 10,
        clusters: Option = 2,
        separation: Option = 5.0,
        imbalance: Option = 1.0,
    ) -> None:
        super().__init__(classes, clusters, separation, imbalance)
        self.features = whole(self.name, "dimensions", dimensions, 2)

    def _sampler(self, seed: int) -> Sampler:
        draw = self._cluster_sampler(self.features, stream(seed, Stream.STRUCTURE))
        scale = 1 / np.sqrt(1 + self.separation**2 / (2 * self.features))

        def sample(n: int, rng: np.random.Generator) -> Samples:
            x, y = draw(n, rng)
            return (scale * x).astype(np.float32), y

        return sample


class Manifold(_Clustered):
    """Clusters in a space of few dimensions (``latent``), bent into many by a random network.

    Like small images it has many features that hang together; each has noise of its own.
    """

    name = "manifold"

    def __init__(
        self,
        *,
        classes: Option = 6,
        dimensions: Option = 40,
        latent: Option = 5,
        clusters: Option = 2,
        separation: Option = 6.0,
        noise: Option = 0.3,
        imbalance: Option = 1.0,
    ) -> None:
        super().__init__(classes, clusters, separation, imbalance)
        self.features = whole(self.name, "dimensions", dimensions, 2)
        self.latent = whole(self.name, "latent", latent, 1)
        self.noise = real(self.name, "noise", noise, 0.0)

    def _sampler(self, seed: int) -> Sampler:
        structure = stream(seed, Stream.STRUCTURE)
        draw = self._cluster_sampler(self.latent, structure)
        bend = structure.standard_normal((self.latent, 3 * self.latent)) / np.sqrt(self.latent)
        spread = structure.standard_normal((3 * self.latent, self.features)) / np.sqrt(1.5 * self.latent)

        def sample(n: int, rng: np.random.Generator) -> Samples:
            z, y = draw(n, rng)
            x = np.tanh(z @ bend) @ spread + self.noise * rng.standard_normal((n, self.features))
            return x.astype(np.float32), y

        return sample


class Patterns(Generator):
    """Small images: each class is a smooth wave pattern, moved, varied and with noise in every pixel.

    Easy to learn and far from separable by one feature, as images are. ``side`` pixels a side; ``shift``,
    the standard deviation of the displacement in sides; ``variation``, how far the waves of one image are
    from its class's; ``noise``, the standard deviation of a pixel's own.
    """

    name = "patterns"
    _waves = 4

    def __init__(
        self,
        *,
        classes: Option = 6,
        side: Option = 8,
        shift: Option = 0.1,
        variation: Option = 0.6,
        noise: Option = 0.3,
    ) -> None:
        self.classes = whole(self.name, "classes", classes, 2, _MOST_CLASSES)
        self.side = whole(self.name, "side", side, 2)
        self.features = self.side**2
        self.shift = real(self.name, "shift", shift, 0.0)
        self.variation = real(self.name, "variation", variation, 0.0)
        self.noise = real(self.name, "noise", noise, 0.0)

    def _sampler(self, seed: int) -> Sampler:
        structure = stream(seed, Stream.STRUCTURE)
        # waves of up to 3 periods a side, the slow ones stronger: shape (waves, 2), cycles along each axis
        frequencies = np.array(
            [(u, v) for u in range(self._waves) for v in range(1 - self._waves, self._waves)]
        )
        strength = 1 / (1 + (frequencies**2).sum(1))
        strength = strength / np.sqrt((strength**2).sum())
        pixels = np.stack(np.meshgrid(*2 * [np.arange(self.side) / self.side], indexing="ij"), -1).reshape(
            -1, 2
        )
        angles = 2 * np.pi * frequencies @ pixels.T
        own = structure.standard_normal((self.classes, 2, len(frequencies)))

        def sample(n: int, rng: np.random.Generator) -> Samples:
            y = rng.integers(self.classes, size=n)
            waves = (own[y] + self.variation * rng.standard_normal((n, 2, len(frequencies)))) * strength
            turn = 2 * np.pi * self.shift * rng.standard_normal((n, 2)) @ frequencies.T
            even = waves[:, 0] * np.cos(turn) + waves[:, 1] * np.sin(turn)
            odd = waves[:, 1] * np.cos(turn) - waves[:, 0] * np.sin(turn)
            images = even @ np.cos(angles) + odd @ np.sin(angles)
            return (images + self.noise * rng.standard_normal(images.shape)).astype(np.float32), y

        return sample


class Strokes(Generator):
    """Small drawings: each class is a few straight strokes, as a hand draws them, never twice alike.

    ``side`` pixels a side; ``strokes`` a class. Lengths are in sides, standard deviations all: ``wobble``
    moves each end of a stroke, ``shift`` the whole drawing; ``noise`` is that of a pixel.
    """

    name = "strokes"
    _width = 0.08

    def __init__(
        self,
        *,
        classes: Option = 6,
        side: Option = 8,
        strokes: Option = 3,
        wobble: Option = 0.08,
        shift: Option = 0.05,
        noise: Option = 0.3,
    ) -> None:
        self.classes = whole(self.name, "classes", classes, 2, _MOST_CLASSES)
        self.side = whole(self.name, "side", side, 2)
        self.features = self.side**2
        self.strokes = whole(self.name, "strokes", strokes, 1)
        self.wobble = real(self.name, "wobble", wobble, 0.0)
        self.shift = real(self.name, "shift", shift, 0.0)
        self.noise = real(self.name, "noise", noise, 0.0)

    def _sampler(self, seed: int) -> Sampler:
        structure = stream(seed, Stream.STRUCTURE)
        # both ends of each stroke, and the middles of the pixels, in a square of side 1
        ends = structure.uniform(0.1, 0.9, (self.classes, self.strokes, 2, 2))
        middles = (np.arange(self.side) + 0.5) / self.side
        pixels = np.stack(np.meshgrid(middles, middles, indexing="ij"), -1).reshape(-1, 2)

        def drawn(y: NDArray[np.int64], rng: np.random.Generator) -> Array:
            hand = self.wobble * rng.standard_normal((len(y), self.strokes, 2, 2))
            moved = ends[y] + hand + self.shift * rng.standard_normal((len(y), 1, 1, 2))
            begin, along = moved[:, :, 0, None], (moved[:, :, 1] - moved[:, :, 0])[:, :, None]
            # how far along its stroke the point is that is nearest to each pixel: (n, strokes, pixels)
            length = np.maximum((along**2).sum(-1), 1e-12)
            place = np.clip(((pixels - begin) * along).sum(-1) / length, 0, 1)
            distance = ((begin + place[..., None] * along - pixels) ** 2).sum(-1).min(1)
            return np.asarray(np.exp(-distance / (2 * self._width**2)))

        reference = drawn(np.arange(_REFERENCE) % self.classes, structure)
        mean, spread = reference.mean(), reference.std()

        def sample(n: int, rng: np.random.Generator) -> Samples:
            y = rng.integers(self.classes, size=n)
            images = (drawn(y, rng) - mean) / spread
            return (images + self.noise * rng.standard_normal(images.shape)).astype(np.float32), y

        return sample


class _Ruled(Generator):
    """Gaussian inputs, labelled by a rule that the seed draws."""

    def __init__(self, classes: Option, dimensions: Option) -> None:
        self.classes = whole(self.name, "classes", classes, 2, _MOST_CLASSES)
        self.features = whole(self.name, "dimensions", dimensions, 2)

    @abstractmethod
    def _rule(self, structure: np.random.Generator) -> Rule:
        """What gives inputs of shape ``(n, features)`` their labels."""

    def _sampler(self, seed: int) -> Sampler:
        rule = self._rule(stream(seed, Stream.STRUCTURE))

        def sample(n: int, rng: np.random.Generator) -> Samples:
            x = rng.standard_normal((n, self.features))
            return x.astype(np.float32), rule(x)

        return sample


class Teacher(_Ruled):
    """Labelled by a random network of one tanh layer; the higher its ``gain``, the harder to learn.

    Clean and hard problems: nothing but the complexity of the rule stands between a network and perfection.
    """

    name = "teacher"
    _units = 24

    def __init__(self, *, classes: Option = 4, dimensions: Option = 10, gain: Option = 1.5) -> None:
        super().__init__(classes, dimensions)
        self.gain = real(self.name, "gain", gain, 0.0)

    def _rule(self, structure: np.random.Generator) -> Rule:
        first = structure.standard_normal((self.features, self._units)) * self.gain / np.sqrt(self.features)
        offset = structure.standard_normal(self._units) * self.gain / 2
        second = structure.standard_normal((self._units, self.classes))

        def scores(x: Array) -> Array:
            return np.asarray(np.tanh(x @ first + offset) @ second)

        # scores of like mean and spread, so that no class takes all
        reference = scores(structure.standard_normal((_REFERENCE, self.features)))
        mean, spread = reference.mean(0), reference.std(0)
        return lambda x: np.asarray(((scores(x) - mean) / spread).argmax(1), np.int64)


class Voronoi(_Ruled):
    """Every point belongs to the class of the nearest of ``cells`` random points a class, in a few features.

    Clean and hard like :class:`Teacher`, but of regions with sharp edges: the more cells, the harder. The
    regions are those of the first ``inner`` features; the others say nothing.
    """

    name = "voronoi"

    def __init__(
        self, *, classes: Option = 3, dimensions: Option = 6, inner: Option = 2, cells: Option = 3
    ) -> None:
        super().__init__(classes, dimensions)
        self.inner = whole(self.name, "inner", inner, 1, self.features)
        self.cells = whole(self.name, "cells", cells, 1)

    def _rule(self, structure: np.random.Generator) -> Rule:
        centres = structure.standard_normal((self.classes * self.cells, self.inner))

        def rule(x: Array) -> NDArray[np.int64]:
            distances = ((x[:, None, : self.inner] - centres) ** 2).sum(2)
            return np.asarray(distances.argmin(1) % self.classes, np.int64)

        return rule


class Rings(_Ruled):
    """Concentric shells, as many as ``rings`` a class, around the origin of the first ``inner`` features."""

    name = "rings"

    def __init__(
        self, *, classes: Option = 3, dimensions: Option = 6, inner: Option = 2, rings: Option = 1
    ) -> None:
        super().__init__(classes, dimensions)
        self.inner = whole(self.name, "inner", inner, 1, self.features)
        self.rings = whole(self.name, "rings", rings, 1)

    def _rule(self, structure: np.random.Generator) -> Rule:
        reference = np.linalg.norm(structure.standard_normal((_REFERENCE, self.inner)), axis=1)
        count = self.classes * self.rings
        edges = np.quantile(reference, np.arange(1, count) / count)
        return lambda x: np.searchsorted(edges, np.linalg.norm(x[:, : self.inner], axis=1)) % self.classes


class Checkerboard(_Ruled):
    """Squares of equal probability on the first two features; neighbours belong to different classes."""

    name = "checkerboard"

    def __init__(self, *, classes: Option = 2, dimensions: Option = 4, squares: Option = 3) -> None:
        super().__init__(classes, dimensions)
        self.squares = whole(self.name, "squares", squares, 2)

    def _rule(self, structure: np.random.Generator) -> Rule:
        reference = structure.standard_normal(_REFERENCE)
        edges = np.quantile(reference, np.arange(1, self.squares) / self.squares)
        return lambda x: (np.searchsorted(edges, x[:, 0]) + np.searchsorted(edges, x[:, 1])) % self.classes


class DecisionTree(_Ruled):
    """Labelled by a random decision tree with ``depth`` splits from root to leaf, each on one feature."""

    name = "decision-tree"

    def __init__(self, *, classes: Option = 3, dimensions: Option = 10, depth: Option = 4) -> None:
        super().__init__(classes, dimensions)
        self.depth = whole(self.name, "depth", depth, 1, 12)

    def _rule(self, structure: np.random.Generator) -> Rule:
        inner = 2**self.depth - 1
        features = structure.integers(self.features, size=inner)
        thresholds = 0.5 * structure.standard_normal(inner)
        # every class has as many leaves as any other, give or take one
        leaves = structure.permutation(np.arange(inner + 1) % self.classes)

        def rule(x: Array) -> NDArray[np.int64]:
            node = np.zeros(len(x), np.int64)
            for _ in range(self.depth):
                right = x[np.arange(len(x)), features[node]] > thresholds[node]
                node = 2 * node + 1 + right
            return np.asarray(leaves[node - inner], np.int64)

        return rule


def _labels(n: int, shares: Array, rng: np.random.Generator) -> NDArray[np.int64]:
    """Labels in random order, as near to the shares as n allows."""
    # evenly spaced points, moved by chance, through the cumulative shares: systematic sampling
    points = (np.arange(n) + rng.random()) / n
    y = np.minimum(np.searchsorted(np.cumsum(shares), points, side="right"), len(shares) - 1)
    return rng.permutation(y).astype(np.int64)
