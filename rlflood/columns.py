"""Dataclasses of arrays with a row for each network, run or repeat: taken apart and put together whole."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The base of such a dataclass: its arrays all have the same first axis, the rows.

    A field may hold other columns with as many rows. Words, truth values and None belong to all rows.
    """

    def map(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Self:
        """The same with every array changed, those of columns within too; ``change`` gets one at a time."""

        def changed(value: Any) -> Any:
            if _of_all_rows(value):
                return value
            return value.map(change) if isinstance(value, Columns) else change(np.asarray(value))

        return replace(self, **{field.name: changed(getattr(self, field.name)) for field in fields(self)})

    def take(self, rows: Any) -> Self:
        """Some rows, in the order given.

        Args:
            rows: What indexes a first axis: numbers, truth values or a slice; after :meth:`reshape` also one
                index for each of the first axes, in a tuple.
        """
        return self.map(lambda values: values[rows])

    def reshape(self, *shape: int) -> Self:
        """The rows along other axes: arrays of shape ``(rows, ...)`` come to have ``(*shape, ...)``."""
        return self.map(lambda values: values.reshape(*shape, *values.shape[1:]))

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """The rows of all parts, one part after the other; what belongs to all rows is the first part's."""

        def joined(values: list[Any]) -> Any:
            if _of_all_rows(values[0]):
                return values[0]
            within = type(values[0])
            return within.concat(values) if issubclass(within, Columns) else np.concatenate(values)

        names = [field.name for field in fields(cls)]
        return cls(**{name: joined([getattr(part, name) for part in parts]) for name in names})


def _of_all_rows(value: Any) -> bool:
    return value is None or isinstance(value, bool | str)
