"""Checkpoints of training: everything that training needs to go on as if it had not stopped."""

import base64
import io
import json
import pickle
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from rlflood.envs.stable_baselines import FloodVecEnv
from rlflood.errors import InputError
from rlflood.files import write_whole

_PARAMETERS, _STATE = "parameters.pt", "state.json"
_UNFIT = (LookupError, TypeError, ValueError, RuntimeError, AttributeError)


@dataclass(frozen=True)
class TrainingState:
    """What a checkpoint holds besides the parameters of the policy and its optimizer.

    Attributes:
        preset: How it is trained, as plain values.
        seed: The training's seed.
        episodes: Episodes learned from so far.
        updates: Updates of the policy so far, as the algorithm counts them.
        seconds: Time spent training so far.
        environment: The state of the environment's task generators.
        random: The states of PyTorch's and NumPy's global generators, from which Stable-Baselines3 draws.
        logged: What is recorded but not yet in a row of the log.
    """

    preset: dict[str, Any]
    seed: int
    episodes: int
    updates: int
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
    parameters, whole = io.BytesIO(), io.BytesIO()
    torch.save(model.get_parameters(), parameters)
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr(_PARAMETERS, parameters.getvalue())
        archive.writestr(_STATE, json.dumps(asdict(state)))
    write_whole(path, whole.getvalue())


def load_checkpoint(path: Path) -> tuple[dict[str, Any], TrainingState]:
    """The parameters and the rest of a checkpoint. Nothing in it is run.

    Raises:
        InputError: if there is none or it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            content, state = archive.read(_PARAMETERS), TrainingState(**json.loads(archive.read(_STATE)))
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True), state
    except FileNotFoundError:
        raise InputError(
            f"there is no training to go on with in {path.parent}: train without --resume"
        ) from None
    except (zipfile.BadZipFile, pickle.UnpicklingError, *_UNFIT, EOFError, OSError) as error:
        raise _damaged(path, error) from None


def restore(path: Path, model: BaseAlgorithm, parameters: dict[str, Any], state: TrainingState) -> None:
    """Bring a model made by the preset of ``state`` to where the checkpoint was taken.

    Making it has seeded everything anew; what was saved holds instead.

    Raises:
        InputError: if the checkpoint, whose ``path`` is named, does not fit the model.
    """
    assert model.env is not None
    try:
        model.set_parameters(parameters, exact_match=True, device="cpu")
        model.num_timesteps = state.episodes * state.preset["decisions"]
        model._n_updates = state.updates
        cast(FloodVecEnv, model.env.unwrapped).load_state_dict(state.environment)
        restore_global_random_state(state.random)
    except _UNFIT as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> InputError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return InputError(
        f"the checkpoint {path} is damaged, or another version's ({reason}): start again in another folder"
    )
