"""Training controllers with Stable-Baselines3: recipes, training, export to a controller file."""

from rlflood.agents.callback import Progress
from rlflood.agents.preset import Preset, load_preset, preset_names
from rlflood.agents.training import Outcome, resume, train

__all__ = ["Outcome", "Preset", "Progress", "load_preset", "preset_names", "resume", "train"]
