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
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from rlflood.training import Task
from rlflood.training.averaging import average_steps

LEVELS = np.arange(51) * 0.01


class PlainFloodEnv(gymnasium.Env[NDArray[np.float32], np.int64]):
    """A step sets the flood level, trains one epoch and evaluates the validation split.

    Args:
        task: Its data, network, mini-batches and epochs.
        threads: PyTorch's; its own choice if not given.
        average: Keep a mean of the weights, of which reward and test accuracy are: exponential until an
            epoch's loss is below the level, then of all steps from there on.
        device: Where it trains.
    """

    def __init__(
        self, task: Task, threads: int | None = None, average: bool = False, device: str = "cpu"
    ) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self.task, self.averages, self.device = task, average, torch.device(device)
        self.observation_space = spaces.Box(0.0, np.inf, (4,), np.float32)
        self.action_space = spaces.Discrete(len(LEVELS))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        data_seed, network_seed = (int(value) for value in self.np_random.integers(2**31, size=2))
        splits = self.task.split(data_seed)
        self.train, self.val, self.test = (
            tuple(torch.from_numpy(part).to(self.device) for part in (s.x, s.y, s.y_clean))
            for s in (splits.train, splits.val, splits.test)
        )
        torch.manual_seed(network_seed)
        layers: list[nn.Module] = []
        width = splits.features
        for hidden in self.task.hidden:
            layers += [nn.Linear(width, hidden), nn.ReLU()]
            width = hidden
        self.model = nn.Sequential(*layers, nn.Linear(width, splits.classes)).to(self.device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=self.task.learning_rate)
        decay = 1 - 1 / average_steps(self.task)
        self.average = AveragedModel(self.model, multi_avg_fn=get_ema_multi_avg_fn(decay))
        self.walking = False
        self.epoch = 0
        return np.zeros(4, np.float32), {}

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        level = LEVELS[action]
        samples = len(self.train[1])
        size = self.task.batch_size or samples
        order = (torch.randperm(samples) if size < samples else torch.arange(samples)).to(self.device)
        self.model.train()
        sums = torch.zeros(2, device=self.device)
        for numbers in order.split(size):
            x, y = (part[numbers] for part in self.train[:2]) if size < samples else self.train[:2]
            logits = self.model(x)
            loss = F.cross_entropy(logits, y)
            self.optimizer.zero_grad()
            ((loss - level).abs() + level).backward()
            self.optimizer.step()
            if self.averages:
                self.average.update_parameters(self.model)
            sums += torch.stack([loss.detach() * len(y), (logits.argmax(1) == y).sum()])
        train = (sums / samples).tolist()
        val = self._evaluate(self.model, *self.val[:2])
        paid: nn.Module = self.average if self.averages else self.model
        reward = self._evaluate(paid, *self.val[:2])[1] if self.averages else val[1]
        if self.averages and not self.walking and train[0] < level:
            self.walking, self.average = True, AveragedModel(self.model)
        self.epoch += 1
        terminated = self.epoch == self.task.epochs
        # against the labels before noise: what flooding is for
        info = {"accuracy": self._evaluate(paid, self.test[0], self.test[2])[1]} if terminated else {}
        return np.array([*train, *val], np.float32), reward, terminated, False, info

    @torch.no_grad()
    def _evaluate(self, model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
        model.eval()
        logits = model(x)
        return F.cross_entropy(logits, y).item(), (logits.argmax(1) == y).float().mean().item()
