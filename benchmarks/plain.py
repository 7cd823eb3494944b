"""The straightforward way: one plain PyTorch network in a Gymnasium environment, as most people write it.

Nothing of rlflood is in the training loop; only the data come from the same task.
"""

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from rlflood.training import Task

LEVELS = np.arange(51) * 0.01


class PlainFloodEnv(gymnasium.Env[NDArray[np.float32], np.int64]):
    """A step sets the flood level, trains one epoch on the full batch and evaluates the validation split."""

    def __init__(self, task: Task, threads: int | None = None) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self.task = task
        self.observation_space = spaces.Box(0.0, np.inf, (4,), np.float32)
        self.action_space = spaces.Discrete(len(LEVELS))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        data_seed, network_seed = (int(value) for value in self.np_random.integers(2**31, size=2))
        splits = self.task.split(data_seed)
        self.train, self.val, self.test = (
            (torch.from_numpy(s.x), torch.from_numpy(s.y), torch.from_numpy(s.y_clean))
            for s in (splits.train, splits.val, splits.test)
        )
        torch.manual_seed(network_seed)
        layers: list[nn.Module] = []
        width = splits.features
        for hidden in self.task.hidden:
            layers += [nn.Linear(width, hidden), nn.ReLU()]
            width = hidden
        self.model = nn.Sequential(*layers, nn.Linear(width, splits.classes))
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=self.task.learning_rate)
        self.epoch = 0
        return np.zeros(4, np.float32), {}

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        level = LEVELS[action]
        x, y, _ = self.train
        self.model.train()
        logits = self.model(x)
        loss = F.cross_entropy(logits, y)
        self.optimizer.zero_grad()
        ((loss - level).abs() + level).backward()
        self.optimizer.step()
        train = loss.item(), (logits.argmax(1) == y).float().mean().item()
        val = self._evaluate(*self.val[:2])
        self.epoch += 1
        terminated = self.epoch == self.task.epochs
        # against the labels before noise: what flooding is for
        info = {"accuracy": self._evaluate(self.test[0], self.test[2])[1]} if terminated else {}
        return np.array([*train, *val], np.float32), val[1], terminated, False, info

    @torch.no_grad()
    def _evaluate(self, x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
        self.model.eval()
        logits = self.model(x)
        return F.cross_entropy(logits, y).item(), (logits.argmax(1) == y).float().mean().item()
