"""Comparing ways to choose the flood level: methods, their records, statistics and figures."""

from rlflood.experiments.comparison import Row, compare, rows
from rlflood.experiments.methods import METHODS, Method, MethodOptions, get_method, get_methods
from rlflood.experiments.record import Record, Search
from rlflood.experiments.setting import Setting
from rlflood.experiments.sizes import default_sizes
from rlflood.experiments.statistics import Interval, Paired, mean_interval, paired

__all__ = [
    "METHODS",
    "Interval",
    "Method",
    "MethodOptions",
    "Paired",
    "Record",
    "Row",
    "Search",
    "Setting",
    "compare",
    "default_sizes",
    "get_method",
    "get_methods",
    "mean_interval",
    "paired",
    "rows",
]
