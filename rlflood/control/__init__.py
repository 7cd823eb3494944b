"""How a policy steers a run: what it sees, what its actions stand for, when it decides, and its file.

Environments, in which controllers are trained, and schedulers, which deploy them, share this room.
"""

from rlflood.control.control import Control
from rlflood.control.controller import Controller
from rlflood.control.levels import LEVEL_SETS, LevelSet, level_set
from rlflood.control.spec import ControlSpec

__all__ = ["LEVEL_SETS", "Control", "ControlSpec", "Controller", "LevelSet", "level_set"]
