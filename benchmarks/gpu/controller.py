"""A controller from nothing, for as long as there is time: episodes a second, and what they come to."""

import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.gpu.allowance import Allowance, Found
from rlflood.agents import Iteration, Preset, load_preset, train
from rlflood.training import Machine

GROUPS = (32, 256)
"""Tasks at a time: the preset's own number, which suits two cores, and one that may suit a card."""
_MANY = 10_000_000  # episodes: none of the trainings comes to its end


class _TimeIsUp(Exception):
    pass


def preset(groups: int, tiny: bool) -> Preset:
    """The preset ``default`` with so many tasks at a time."""
    values = load_preset("default").model_dump()
    values |= {"groups": groups, "episodes": _MANY}
    if tiny:
        values |= {"groups": 4, "group_size": 2, "decisions": 8, "policy": (4,)}
        values["tasks"]["base"] |= {"epochs": 8, "hidden": (4,), "train_size": 20, "test_size": 20}
        values["tasks"]["variants"] = ({}, {"batch_size": 10})
    return Preset.model_validate(values)


def controller(allowance: Allowance) -> None:
    """Train with each number of tasks at a time, each for its part of the time."""
    found: Found = {"rows": []}
    for number, groups in enumerate(GROUPS):
        own = preset(groups, allowance.tiny)
        row: Found = {"groups": own.groups, "replicas": own.replicas, "curve": []}
        found["rows"].append(row)
        end = 0.0 if allowance.tiny else allowance.left / (len(GROUPS) - number)
        _trained(own, end, allowance, row, found)
        allowance.report(found)


def _trained(own: Preset, seconds: float, allowance: Allowance, row: Found, found: Found) -> None:
    began = time.monotonic()

    def note(iteration: Iteration) -> None:
        passed = time.monotonic() - began
        row["curve"].append(
            {
                "seconds": round(passed, 2),
                "episodes": iteration.episodes,
                "reward": iteration.reward,
                "entropy": iteration.entropy,
            }
        )
        first, last = row["curve"][0], row["curve"][-1]
        if last is not first:  # the first iteration warms up
            episodes = last["episodes"] - first["episodes"]
            row["episodes_a_second"] = episodes / max(1e-9, last["seconds"] - first["seconds"])
        allowance.report(found)
        if passed >= seconds and len(row["curve"]) > 1:
            raise _TimeIsUp

    with TemporaryDirectory() as folder, suppress(_TimeIsUp):
        train(own, Path(folder), machine=Machine(allowance.device, "auto"), on_progress=note)
