"""Comparing ways to choose the flood level: methods, their records, statistics and figures."""

from rlflood.experiments.comparison import Row, compare, rows
from rlflood.experiments.folder import open_study, start_study
from rlflood.experiments.methods import (
    METHODS,
    Method,
    MethodOptions,
    ScheduledMethod,
    get_method,
    get_methods,
    number,
    register,
)
from rlflood.experiments.plan import Machine
from rlflood.experiments.record import Record, Search
from rlflood.experiments.results import Results, load_results
from rlflood.experiments.setting import Setting
from rlflood.experiments.sizes import default_sizes
from rlflood.experiments.statistics import Interval, Paired, mean_interval, paired
from rlflood.experiments.study import Study, load_study, study_names
from rlflood.experiments.summary import Summary, summarise
from rlflood.experiments.work import run_study

__all__ = [
    "METHODS",
    "Interval",
    "Machine",
    "Method",
    "MethodOptions",
    "Paired",
    "Record",
    "Results",
    "Row",
    "ScheduledMethod",
    "Search",
    "Setting",
    "Study",
    "Summary",
    "compare",
    "default_sizes",
    "get_method",
    "get_methods",
    "load_results",
    "load_study",
    "mean_interval",
    "number",
    "open_study",
    "paired",
    "register",
    "rows",
    "run_study",
    "start_study",
    "study_names",
    "summarise",
]
