"""How fast training is, from the measurements that ``benchmarks.speed`` and ``benchmarks.images`` keep."""

import json
from typing import Any

from benchmarks.results.cells import table
from benchmarks.results.runs import FOLDER

_ZEN_3 = "AMD EPYC, Zen 3"
_MACHINES = {
    "speed": _ZEN_3,
    "speed-bfloat16": "AMD EPYC, Zen 5",
    "speed-mini-batches-wall": _ZEN_3,
    "speed-mini-batches": _ZEN_3,
}
_SIDES = {"in turns": "one after the other, channels last", "vmap": "torch.vmap over stacked weights"}
_IN_ONE_BLOCK = "median of the blocks of a measurement, in brackets the lowest and the highest"


def batch_cost() -> str:
    """What a scheduler and an average cost in a small batch of somebody's own loop."""
    kept = json.loads((FOLDER / "batch-cost.json").read_text(encoding="utf-8"))
    rows = []
    for side in kept["sides"]:
        low, high = side["interval"]
        measured = f"{side['ratio']:.2f} [{low:.2f}, {high:.2f}]"
        rows.append([side["side"], measured, f"{side['target']:g}"])
    caption = (
        f"A batch of {kept['batch_ms']:.1f} ms on one core, over that of the same loop without a scheduler: "
        f"{kept['rounds']} rounds in which the sides take turns, in brackets the 95 % interval."
    )
    return table(["Side", "Times the plain loop", "Aim"], rows, caption)


def stacks() -> str:
    """The best stack of each processor and number format beside two processes of one plain network each."""
    rows = []
    for name, machine in _MACHINES.items():
        kept = _kept(name)
        clock = "wall" if kept["machine"]["clock"] == "wall" else "CPU"
        for case in kept["cases"]:
            for precision in ("float32", "bfloat16"):
                if (best := _best(case, precision)) is not None:
                    rows.append(
                        [machine, precision, case["case"], clock, _times(best), f"{case['target']:g}"]
                    )
    header = ["Processor", "Format", "Network", "Clock", "Times as fast", "Aim"]
    caption = (
        "Network-epochs a second of FloodVectorEnv, the best of its numbers of replicas, over those of "
        f"Stable-Baselines3's SubprocVecEnv with a plain network in each of two processes: {_IN_ONE_BLOCK}. "
        "Two cores; 3x100 is three layers of 100, in full batches of 100 samples; in mini-batches an epoch "
        "has 500 samples, and both sides keep an average of the weights. CPU: in CPU time, one thread beside "
        "one plain network of the same process."
    )
    return table(header, rows, caption)


def images() -> str:
    """Eight convolutional networks at once, beside one after the other."""
    kept = _kept("images")
    rows = []
    for batch in (20, 100):
        for row in kept["tables"][f"8 small networks, batches of {batch}"]:
            side = _SIDES.get(row["side"], "grouped convolutions")
            rows.append([side, f"{batch}", _times(row["ratio"])])
    plain, flooded, module = (row["ratio"] for row in kept["tables"]["ResNet-44, float32"])
    assert plain[0] == 1.0
    caption = (
        "Images a second of eight networks of two convolutions, over those of one after the other: "
        f"{_IN_ONE_BLOCK}. A ResNet-44 in batches of 16: flooding takes "
        f"{100 * kept['flooding_share']:.2f} % of a batch, a plain loop that is flooded trains "
        f"{_times(flooded)} as many images a second as one that is not, and ModuleTrainer {_times(module)}."
    )
    return table(["Eight networks", "Batch", "Times as fast"], rows, caption)


def _kept(name: str) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return kept


def _best(case: dict[str, Any], precision: str) -> list[float] | None:
    ratios = [
        row["ratio"]
        for row in case["rows"]
        if row["side"].startswith("FloodVectorEnv") and row["side"].endswith(precision)
    ]
    return max(ratios, default=None)


def _times(ratio: list[float]) -> str:
    middle, low, high = ratio
    return "1" if low == high == 1 else f"{middle:.2f} [{low:.2f}, {high:.2f}]"
