"""rlflood: controllers that set the flood level of a training run while it runs.

``import rlflood`` registers the Gymnasium environments and gives what a training loop of one's own needs.
The other rooms are imported by name: ``rlflood.data``, ``rlflood.training``, ``rlflood.envs``,
``rlflood.agents``, ``rlflood.experiments``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rlflood.extras import missing_torch
from rlflood.registration import register_environments

if TYPE_CHECKING:
    from rlflood.best_weights import BestWeights
    from rlflood.control import Controller
    from rlflood.errors import InputError
    from rlflood.flooding import flood, individual_flood, soft_ascent_descent
    from rlflood.holding import Hold
    from rlflood.integrations.plot import plot_run
    from rlflood.meter import Meter
    from rlflood.metrics import Metrics
    from rlflood.robust_loss import RobustLoss
    from rlflood.schedulers import (
        AdaptiveFlood,
        BackwardFlood,
        ConstantFlood,
        DynamicFlood,
        FloodScheduler,
        HoldFlood,
        PiecewiseFlood,
        PolicyScheduler,
        ReplayFlood,
        RewindFlood,
        TrackingFlood,
        load_controller,
    )
    from rlflood.weight_average import WeightAverage

__version__ = "0.2.0"
__all__ = [
    "AdaptiveFlood",
    "BackwardFlood",
    "BestWeights",
    "ConstantFlood",
    "Controller",
    "DynamicFlood",
    "FloodScheduler",
    "Hold",
    "HoldFlood",
    "InputError",
    "Meter",
    "Metrics",
    "PiecewiseFlood",
    "PolicyScheduler",
    "ReplayFlood",
    "RewindFlood",
    "RobustLoss",
    "TrackingFlood",
    "WeightAverage",
    "flood",
    "individual_flood",
    "load_controller",
    "plot_run",
    "soft_ascent_descent",
]

_ROOMS = {
    "BestWeights": "best_weights",
    "Controller": "control",
    "Hold": "holding",
    "InputError": "errors",
    "Meter": "meter",
    "Metrics": "metrics",
    "RobustLoss": "robust_loss",
    "WeightAverage": "weight_average",
    "flood": "flooding",
    "individual_flood": "flooding",
    "plot_run": "integrations.plot",
    "soft_ascent_descent": "flooding",
}

register_environments()


def __getattr__(name: str) -> Any:
    # when first asked for: PyTorch takes seconds to import, and `rlflood --help` does not need it
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        room = import_module(f"{__name__}.{_ROOMS.get(name, 'schedulers')}")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise missing_torch(f"{__name__}.{name}") from None
    return getattr(room, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
