"""Task distributions: what training a controller draws fresh tasks from."""

from typing import Annotated, Any, Literal, Protocol, TypeVar

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from rlflood.strengths import CriterionName
from rlflood.training.task import Task
from rlflood.validation import validated

Number = TypeVar("Number", int, float)


def _rising(span: tuple[Number, Number]) -> tuple[Number, Number]:
    if span[0] > span[1]:
        raise ValueError(f"the first must not be above the second, as in ({span[1]}, {span[0]})")
    return span


Noise = Annotated[float, Field(ge=0, lt=1)]
Classes = Annotated[int, Field(ge=2, le=50)]
Dimensions = Annotated[int, Field(ge=2)]
Family = Literal[
    "two-gaussians", "sinusoid", "sinusoid-10d", "sinusoid-disc", "spiral", "blobs", "clusters", "manifold",
    "teacher", "voronoi", "patterns", "strokes", "rings", "checkerboard", "decision-tree",
]  # fmt: skip


class TaskSource(Protocol):
    """Where environments get the task of each episode from."""

    def draw(self, rng: np.random.Generator) -> Task:
        """The task of a new episode."""
        ...


class FixedTask:
    """The same task in every episode; only its seeds differ."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def draw(self, rng: np.random.Generator) -> Task:
        """The task, whatever the generator."""
        return self.task


class Mixture(BaseModel):
    """Synthetic problems of many kinds, each with its own label noise.

    Attributes:
        base: What all tasks share: split sizes, network, optimizer and epochs.
        variants: Changes to ``base``, drawn with equal probability: fields of a task, such as
            ``{"batch_size": 6}``. The tasks of each make a stack of their own.
        families: The generators, drawn with equal probability.
        clean_share: Share of the tasks without label noise.
        label_noise: Lowest and highest label noise of the others, uniform between.
        classes: Fewest and most classes of the families that have a choice; few and many are equally likely
            (log-uniform).
        dimensions: Fewest and most features of the families that have a choice, log-uniform as well.
        imbalance: The most times that the most frequent class of ``clusters`` and ``manifold`` outnumbers the
            rarest one, log-uniform from 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: Task = Field(default_factory=lambda: Task(test_size=500))
    variants: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)] = ({},)
    families: Annotated[tuple[Family, ...], Field(min_length=1)] = (
        "two-gaussians",
        "sinusoid",
        "sinusoid-10d",
        "sinusoid-disc",
        "spiral",
        "blobs",
    )
    clean_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    label_noise: Annotated[tuple[Noise, Noise], AfterValidator(_rising)] = (0.02, 0.4)
    classes: Annotated[tuple[Classes, Classes], AfterValidator(_rising)] = (3, 10)
    dimensions: Annotated[tuple[Dimensions, Dimensions], AfterValidator(_rising)] = (2, 40)
    imbalance: Annotated[float, Field(ge=1)] = 1.0

    _bases: tuple[Task, ...] = PrivateAttr()

    @model_validator(mode="after")
    def _with_bases(self) -> "Mixture":
        shared = self.base.model_dump()
        self._bases = tuple(validated(Task, {**shared, **own}, f"the variant {own}") for own in self.variants)
        if len(names := {base.criterion for base in self._bases}) > 1:
            raise ValueError(f"all variants have one criterion: got {', '.join(sorted(names))}")
        return self

    @property
    def criterion(self) -> CriterionName:
        """What all tasks are trained with."""
        return self._bases[0].criterion

    def draw(self, rng: np.random.Generator) -> Task:
        """A task of a random kind."""
        family = self.families[rng.integers(len(self.families))]
        noise = 0.0 if rng.random() < self.clean_share else rng.uniform(*self.label_noise)
        base = self._bases[rng.integers(len(self._bases))]
        options = self._options(family, rng)
        return base.model_copy(update={"data": family, "data_options": options, "label_noise": float(noise)})

    def _options(self, family: Family, rng: np.random.Generator) -> dict[str, Any]:
        """What a problem of the family is like; how hard it is, is drawn in each family's own terms."""
        classes, dimensions = _whole(rng, *self.classes), _whole(rng, *self.dimensions)
        many = {"classes": classes, "dimensions": dimensions}
        clustered = {
            **many,
            "clusters": int(rng.integers(1, 4)),
            "separation": rng.uniform(3.0, 12.0),
            "imbalance": _log_uniform(rng, 1.0, self.imbalance),
        }
        match family:
            case "two-gaussians":
                # what is drawn is the distance of the centres: as hard in 2 dimensions as in 40
                return {"dimensions": dimensions, "shift": rng.uniform(1.5, 4.5) / np.sqrt(dimensions)}
            case "sinusoid-10d":
                return {"dimensions": dimensions}
            case "spiral":
                return {"noise": rng.uniform(0.3, 1.5)}
            case "blobs":
                return {**many, "separation": rng.uniform(2.0, 8.0)}
            case "clusters":
                return clustered
            case "manifold":
                return {**clustered, "latent": int(rng.integers(2, 9)), "noise": rng.uniform(0.1, 0.8)}
            case "teacher":
                return {**many, "gain": _log_uniform(rng, 0.5, 3.0)}
            case "voronoi":
                inner = min(int(rng.integers(2, 5)), dimensions)
                return {**many, "inner": inner, "cells": int(rng.integers(1, 5))}
            case "patterns":
                return {
                    "classes": classes,
                    "side": int(rng.integers(5, 13)),
                    "shift": rng.uniform(0.0, 0.15),
                    "variation": rng.uniform(0.4, 1.2),
                    "noise": rng.uniform(0.1, 0.6),
                }
            case "strokes":
                return {
                    "classes": classes,
                    "side": int(rng.integers(5, 11)),
                    "strokes": int(rng.integers(2, 5)),
                    "wobble": rng.uniform(0.03, 0.1),
                    "shift": rng.uniform(0.0, 0.08),
                    "noise": rng.uniform(0.1, 0.6),
                }
            case "rings":
                return {**many, "inner": 2, "rings": int(rng.integers(1, 3))}
            case "checkerboard":
                return {**many, "squares": int(rng.integers(2, 5))}
            case "decision-tree":
                return {**many, "depth": int(rng.integers(2, 6))}
        return {}  # the others have nothing to choose


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _whole(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``, log-uniform; both ends are full members."""
    return min(int(_log_uniform(rng, low, high + 1)), high)
