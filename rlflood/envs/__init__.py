"""The Gymnasium environments whose step is flooded training.

``rlflood.envs.stable_baselines`` holds the adapter to Stable-Baselines3, which is imported there only.
"""

from rlflood.extras import check_room

check_room("envs")  # before what follows, which needs it

from rlflood.envs.flood_env import FloodEnv
from rlflood.envs.flood_vector_env import FloodVectorEnv

__all__ = ["FloodEnv", "FloodVectorEnv"]
