"""Training controllers with Stable-Baselines3: presets, training, export to a controller file."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rlflood.extras import check_room

check_room("agents")  # before what follows, which needs it

from rlflood.agents.likeness import alike
from rlflood.agents.preset import Preset, load_preset, preset_names

if TYPE_CHECKING:
    from rlflood.agents.callback import Iteration
    from rlflood.agents.training import Outcome, resume, train

__all__ = ["Iteration", "Outcome", "Preset", "alike", "load_preset", "preset_names", "resume", "train"]


def __getattr__(name: str) -> Any:
    # when first asked for: Stable-Baselines3 takes seconds to import, and who lists presets trains nothing
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.training"), name)
