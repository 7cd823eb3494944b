"""Whether a change keeps what rlflood does, bit for bit.

``python -m benchmarks.unchanged BEFORE AFTER`` runs the same fixed small commands with the rlflood of two
checkouts (``git worktree add ../before main`` makes one) and compares what they leave: the levels, curves and
scores of a roll-out under the shipped controllers, every table of a study of two dozen methods, the weights
of a controller that is trained from nothing, and what ``explain`` says. About three minutes a checkout.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from safetensors.numpy import load_file

STUDY = """
name = "fixed"
seeds = 2
runs = 3
diagnosed_seeds = 1
methods = [
    "none", "early-stopping", "adaptive", "backward:0.3", "tracking", "rewind", "piecewise:0.2",
    "constant:0.2", "default", "grid", "oracle", "random", "best-of:3:tracking", "pbt", "tpe", "tpe-median",
    "adaflood", "iflood", "softad", "relaxloss", "wavebound", "weight-decay", "dropout",
    "label-smoothing-grid",
]

[[tasks]]
data = "two-gaussians"
label_noise = [0.0, 0.2]
train_size = 40
val_size = 40
test_size = 200
hidden = [16, 16]
epochs = 60

[[tasks]]
data = "digits"
label_noise = 0.2
train_size = 64
val_size = 40
test_size = 200
batch_size = 16
hidden = [24]
epochs = 40
learning_rate = 0.01
"""
PRESET = 'based_on = "demo"\nepisodes = 512\ngroups = 8\n'
HERE = ("--threads", "1", "--precision", "float32")
ROLLOUT = (
    "rollout", "default", "--data", "digits", "--label-noise", "0.2", "--repeats", "3", "--epochs", "100",
    "--against", "rewind,tracking,backward:0.3,none,trpo,ars,recurrent-ppo,a2c", "--json", "rollout.json",
)  # fmt: skip
COMMANDS: tuple[tuple[str, ...], ...] = (
    (*ROLLOUT, *HERE),
    ("benchmark", "study.toml", "--out", "study", "--cores", "1"),
    ("report", "study"),
    ("export", "study"),
    ("train", "--preset", "preset.toml", "--seed", "3", "--out", "train", *HERE),
    ("explain", "default", "--data", "wine", "--runs", "2", "--out", "explain", "--seed", "1", *HERE),
)
TABLES = ("runs", "epochs", "candidates", "diagnosis", "perturbation")


def digests(checkout: Path) -> dict[str, str]:
    """What the commands leave where the rlflood of ``checkout`` runs them, each thing by its hash."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "study.toml").write_text(STUDY)
        (folder / "preset.toml").write_text(PRESET)
        environment = os.environ | {"PYTHONPATH": str(checkout.resolve()), "OMP_NUM_THREADS": "1"}
        for command in COMMANDS:
            print(f"{checkout}: rlflood {' '.join(command)}", file=sys.stderr)
            subprocess.run(
                [sys.executable, "-m", "rlflood", *command],
                cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        return {name: hashlib.sha256(content).hexdigest() for name, content in _left(folder)}


def _left(folder: Path) -> list[tuple[str, bytes]]:
    """Names and contents of what is to be the same: nothing of times, versions and formats."""
    rollout: dict[str, Any] = json.loads((folder / "rollout.json").read_text())
    found = [
        (f"rollout: {record['method']}", json.dumps(record, sort_keys=True).encode())
        for record in rollout["records"]
    ]
    exported = {file.stem: file for file in folder.glob("study/**/*.csv")}
    found += [(f"study: {name}", exported[name].read_bytes()) for name in TABLES]
    found += [
        (f"report: {file.name}", file.read_bytes()) for file in sorted(folder.glob("study/tables/*.md"))
    ]
    tensors = load_file(folder / "train" / "controller.safetensors")
    found.append(("train: weights", b"".join(tensors[name].tobytes() for name in sorted(tensors))))
    found += [(f"explain: {file.name}", file.read_bytes()) for file in sorted(folder.glob("explain/*.svg"))]
    return found


def main(
    before: Annotated[Path, typer.Argument(help="A checkout of the revision to compare with.")],
    after: Annotated[Path, typer.Argument(help="The checkout with the change.")] = Path("."),
) -> None:
    """Compare what two checkouts do; an exit status of 1 says that they differ."""
    old, new = digests(before), digests(after)
    differing = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    for name in differing:
        print(f"differs: {name}")
    print(f"{len({*old, *new}) - len(differing)} of {len({*old, *new})} things are the same")
    if differing:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
