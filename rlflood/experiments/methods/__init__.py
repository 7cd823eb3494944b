"""Methods: ways to choose the flood level, one kind a file, each registered under a name.

**To add a method**, write one file here with a subclass of :class:`Method` and a function that makes it,
registered with :func:`register`, and import the file below.
"""

# imported for what they register
from rlflood.experiments.methods import (  # noqa: F401
    adaflood,
    best_of,
    criteria,
    grid,
    label_use,
    label_wave,
    objectives,
    optuna_tpe,
    population_based,
    random_search,
    regularisers,
    scheduled,
    unflooded,
)
from rlflood.experiments.methods.base import Method, MethodOptions, ScheduledMethod
from rlflood.experiments.methods.controller import ControllerMethod
from rlflood.experiments.methods.grid import GridSearch
from rlflood.experiments.methods.name import MethodName
from rlflood.experiments.methods.registry import (
    METHODS,
    MethodKind,
    get_method,
    get_methods,
    number,
    register,
    used_options,
    whole_number,
)

__all__ = [
    "METHODS",
    "ControllerMethod",
    "GridSearch",
    "Method",
    "MethodKind",
    "MethodName",
    "MethodOptions",
    "ScheduledMethod",
    "get_method",
    "get_methods",
    "number",
    "register",
    "used_options",
    "whole_number",
]
