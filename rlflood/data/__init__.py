"""Data sets by name or file, split by seed, with label noise."""

from rlflood.extras import check_room

check_room("data")  # before what follows, which needs it

from rlflood.data.labels import add_label_noise
from rlflood.data.own_files import ENDINGS as FILE_ENDINGS
from rlflood.data.registry import Description, describe, facts_of, load, names
from rlflood.data.source import Facts, Source, Split, Splits

__all__ = [
    "FILE_ENDINGS",
    "Description",
    "Facts",
    "Source",
    "Split",
    "Splits",
    "add_label_noise",
    "describe",
    "facts_of",
    "load",
    "names",
]
