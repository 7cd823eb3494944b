"""Checkpoints of training: everything that training needs to go on as if it had not stopped."""

import base64
import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from rlflood.errors import InputError
from rlflood.files import write_whole

_MODEL, _STATE = "model.zip", "state.json"


@dataclass(frozen=True)
class TrainingState:
    """What a checkpoint holds besides Stable-Baselines3's own file.

    Attributes:
        preset: The recipe as plain values.
        seed: The training's seed.
        episodes: Episodes learned from so far.
        seconds: Time spent training so far.
        environment: The state of the environment's task generators.
        random: The states of PyTorch's and NumPy's global generators, from which Stable-Baselines3 draws.
        logged: What is recorded but not yet in a row of the log.
    """

    preset: dict[str, Any]
    seed: int
    episodes: int
    seconds: float
    environment: dict[str, Any]
    random: dict[str, Any]
    logged: dict[str, float]


def global_random_state() -> dict[str, Any]:
    """The states of PyTorch's and NumPy's global generators, as plain values."""
    _, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "torch": base64.b64encode(torch.get_rng_state().numpy().tobytes()).decode(),
        "numpy": [np.asarray(keys).tolist(), int(position), int(has_gauss), float(cached)],
    }


def restore_global_random_state(state: dict[str, Any]) -> None:
    """Set both generators to what :func:`global_random_state` gave."""
    keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state(("MT19937", np.array(keys, np.uint32), position, has_gauss, cached))
    raw = np.frombuffer(base64.b64decode(state["torch"]), np.uint8).copy()
    torch.set_rng_state(torch.from_numpy(raw))


def save_checkpoint(path: Path, model: BaseAlgorithm, state: TrainingState) -> None:
    """Write a checkpoint to one file, whole or not at all."""
    model_file, whole = io.BytesIO(), io.BytesIO()
    model.save(model_file)
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr(_MODEL, model_file.getvalue())
        archive.writestr(_STATE, json.dumps(asdict(state)))
    write_whole(path, whole.getvalue())


def load_checkpoint(path: Path) -> tuple[io.BytesIO, TrainingState]:
    """Stable-Baselines3's file and the rest of a checkpoint.

    The former is unpickled when it is loaded: load checkpoints of your own training only.

    Raises:
        InputError: if there is none or it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return io.BytesIO(archive.read(_MODEL)), TrainingState(**json.loads(archive.read(_STATE)))
    except FileNotFoundError:
        raise InputError(
            f"there is no training to go on with in {path.parent}: train without --resume"
        ) from None
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, OSError) as error:
        raise InputError(
            f"the checkpoint {path} is damaged ({error}): start again in another folder"
        ) from None
