"""Schedulers: they set the flood level from the metrics of each epoch, one kind a file."""

from rlflood.schedulers.adaptive import AdaptiveFlood
from rlflood.schedulers.backward import BackwardFlood
from rlflood.schedulers.base import FloodScheduler
from rlflood.schedulers.constant import ConstantFlood
from rlflood.schedulers.dynamic import DynamicFlood
from rlflood.schedulers.hold import HoldFlood
from rlflood.schedulers.piecewise import PiecewiseFlood
from rlflood.schedulers.policy import PolicyScheduler, load_controller
from rlflood.schedulers.replay import ReplayFlood
from rlflood.schedulers.rewind import RewindFlood
from rlflood.schedulers.tracking import TrackingFlood

__all__ = [
    "AdaptiveFlood",
    "BackwardFlood",
    "ConstantFlood",
    "DynamicFlood",
    "FloodScheduler",
    "HoldFlood",
    "PiecewiseFlood",
    "PolicyScheduler",
    "ReplayFlood",
    "RewindFlood",
    "TrackingFlood",
    "load_controller",
]
