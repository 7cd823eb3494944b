"""Tasks, and the trainers that train the replicas of a task by the epoch."""

from rlflood.extras import check_room

check_room("training")  # before what follows, which needs it

from rlflood.training.images.module import ModuleTrainer
from rlflood.training.images.module_population import ModulePopulation
from rlflood.training.loop import Epoch, GivenLevels, Steering, run
from rlflood.training.machine import Machine
from rlflood.training.make import Population, make_population
from rlflood.training.mlp.network import StackedMLP
from rlflood.training.mlp.population import PopulationTrainer
from rlflood.training.mlp.threaded import ThreadedPopulation
from rlflood.training.objectives import (
    AdaptiveFlooding,
    Batch,
    Flooding,
    HeldOut,
    IndividualFlooding,
    MakeObjective,
    Objective,
    RelaxLoss,
    SoftAscentDescent,
    WaveBound,
)
from rlflood.training.precision import Precision
from rlflood.training.task import Task
from rlflood.training.trainer import Evaluation, Trainer

__all__ = [
    "AdaptiveFlooding",
    "Batch",
    "Epoch",
    "Evaluation",
    "Flooding",
    "GivenLevels",
    "HeldOut",
    "IndividualFlooding",
    "Machine",
    "MakeObjective",
    "ModulePopulation",
    "ModuleTrainer",
    "Objective",
    "Population",
    "PopulationTrainer",
    "Precision",
    "RelaxLoss",
    "SoftAscentDescent",
    "StackedMLP",
    "Steering",
    "Task",
    "ThreadedPopulation",
    "Trainer",
    "WaveBound",
    "make_population",
    "run",
]
