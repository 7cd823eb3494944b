"""Stable-Baselines3 trains a small controller in a Gymnasium environment, and a loop is steered by it."""

import tempfile
from pathlib import Path

from gymnasium.vector import AutoresetMode
from stable_baselines3 import PPO

import rlflood
from rlflood.agents.export import controller_from_policy
from rlflood.control import LEVEL_SETS, ControlSpec
from rlflood.envs import FloodVectorEnv
from rlflood.envs.stable_baselines import stable_baselines_env

EPISODES, DECISIONS = 96, 5
env = FloodVectorEnv(
    16,  # networks at once, trained as one stack
    group_size=8,  # a network is paid beside seven others on the same problem
    autoreset_mode=AutoresetMode.SAME_STEP,
    data="mixture",  # a new synthetic problem for each group and episode
    hidden=(16,),
    epochs=20,
    train_size=60,
    val_size=60,
    learning_rate=0.02,
    levels="relative",
    observation="extended",
    reward="final",
    decisions=DECISIONS,
)
model = PPO(
    "MlpPolicy",
    stable_baselines_env(env, group_relative=True),
    n_steps=DECISIONS,
    batch_size=16 * DECISIONS,
    gamma=1.0,
    seed=0,
    device="cpu",
)
model.learn(EPISODES * DECISIONS)
spec = ControlSpec("extended", LEVEL_SETS["relative"], decisions=DECISIONS)
controller = controller_from_policy(model.policy, spec, {"made by": "examples/gymnasium_env.py"})

with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "mine.safetensors"
    controller.save(file)
    scheduler = rlflood.load_controller(file, epochs=20, classes=3)
    size = file.stat().st_size
for epoch in range(20):  # a run that memorises
    scheduler.step(
        train_loss=0.9**epoch, train_acc=1 - 0.6 * 0.9**epoch, val_loss=0.9 + 0.02 * epoch, val_acc=0.6
    )
levels = ", ".join(f"{level:.2f}" for level in scheduler.history.level[:: 20 // DECISIONS])
print(f"a controller of {size // 1024} KiB after {EPISODES} episodes; its levels in a run: {levels}")
