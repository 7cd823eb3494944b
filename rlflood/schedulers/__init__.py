"""Schedulers: they set the flood level from the metrics of each epoch, one kind a file.

Those that search by rule stand beside the one that follows a trained controller; what a controller sees
(``observation``), what it sets (``levels``), how it is joined to a run (``control``) and its file
(``controller``) are here too, shared with the environments in which controllers are trained.
"""

from rlflood.schedulers.adaptive import AdaptiveFlood
from rlflood.schedulers.backward import BackwardFlood
from rlflood.schedulers.base import FloodScheduler
from rlflood.schedulers.constant import ConstantFlood
from rlflood.schedulers.control import ControlSpec
from rlflood.schedulers.controller import Controller
from rlflood.schedulers.levels import LEVEL_SETS, LevelSet, level_set
from rlflood.schedulers.piecewise import PiecewiseFlood
from rlflood.schedulers.policy import PolicyScheduler, load_controller
from rlflood.schedulers.replay import ReplayFlood
from rlflood.schedulers.rewind import RewindFlood
from rlflood.schedulers.tracking import TrackingFlood

__all__ = [
    "LEVEL_SETS",
    "AdaptiveFlood",
    "BackwardFlood",
    "ConstantFlood",
    "ControlSpec",
    "Controller",
    "FloodScheduler",
    "LevelSet",
    "PiecewiseFlood",
    "PolicyScheduler",
    "ReplayFlood",
    "RewindFlood",
    "TrackingFlood",
    "level_set",
    "load_controller",
]
