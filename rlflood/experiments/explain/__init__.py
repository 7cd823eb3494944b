"""What a controller does, and what its choices hang on: `rlflood explain`."""

from rlflood.experiments.explain.figures import FIGURES, explain_figures
from rlflood.experiments.explain.importance import Importance, importances
from rlflood.experiments.explain.plane import Panel, Plane, plane_of
from rlflood.experiments.explain.rollouts import Decisions, Rollouts, roll_out
from rlflood.experiments.explain.tables import importance_rows, level_rows, notes
from rlflood.experiments.explain.tasks import data_set, describe_runs, fresh_tasks, mixture_of

__all__ = [
    "FIGURES",
    "Decisions",
    "Importance",
    "Panel",
    "Plane",
    "Rollouts",
    "data_set",
    "describe_runs",
    "explain_figures",
    "fresh_tasks",
    "importance_rows",
    "importances",
    "level_rows",
    "mixture_of",
    "notes",
    "plane_of",
    "roll_out",
]
