"""rlflood: controllers that set the flood level of a training run while it runs.

``import rlflood`` registers the Gymnasium environments and gives what a training loop of one's own needs.
The other rooms are imported by name: ``rlflood.data``, ``rlflood.training``, ``rlflood.envs``,
``rlflood.agents``, ``rlflood.experiments``.
"""

from rlflood.errors import InputError
from rlflood.flooding import flood, individual_flood, soft_ascent_descent
from rlflood.metrics import Metrics
from rlflood.registration import register_environments
from rlflood.schedulers import (
    AdaptiveFlood,
    BackwardFlood,
    ConstantFlood,
    Controller,
    FloodScheduler,
    PolicyScheduler,
    ReplayFlood,
    TrackingFlood,
    load_controller,
)

__version__ = "0.1.0"
__all__ = [
    "AdaptiveFlood",
    "BackwardFlood",
    "ConstantFlood",
    "Controller",
    "FloodScheduler",
    "InputError",
    "Metrics",
    "PolicyScheduler",
    "ReplayFlood",
    "TrackingFlood",
    "flood",
    "individual_flood",
    "load_controller",
    "soft_ascent_descent",
]

register_environments()
