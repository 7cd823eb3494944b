"""Comparing ways to choose the flood level: methods, their records, statistics and figures."""

from rlflood.extras import check_room

check_room("experiments")  # before what follows, which needs it

from rlflood.experiments.analysis.comparison import Row, compare, rows
from rlflood.experiments.analysis.statistics import Interval, Paired, mean_interval, paired
from rlflood.experiments.analysis.summary import Summary, summarise
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
from rlflood.experiments.runs.record import Record, Search
from rlflood.experiments.runs.setting import Setting
from rlflood.experiments.runs.sizes import default_sizes
from rlflood.experiments.study.file import Study, load_study, study_names
from rlflood.experiments.study.folder import open_study, start_study
from rlflood.experiments.study.results import Results, load_results
from rlflood.experiments.study.work import run_study

__all__ = [
    "METHODS",
    "Interval",
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
