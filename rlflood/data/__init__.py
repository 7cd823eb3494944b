"""Data sets by name or file, split by seed, with label noise."""

from rlflood.data.labels import add_label_noise
from rlflood.data.own_files import ENDINGS as FILE_ENDINGS
from rlflood.data.registry import Description, describe, load, names
from rlflood.data.source import Source, Split, Splits

__all__ = [
    "FILE_ENDINGS",
    "Description",
    "Source",
    "Split",
    "Splits",
    "add_label_noise",
    "describe",
    "load",
    "names",
]
