"""What ships, scored where presets are compared: means that are kept of runs of ``benchmarks.presets``."""

import json
from typing import Any

from benchmarks.results.cells import CLEAN, table
from benchmarks.results.runs import FOLDER
from rlflood.experiments.report.text.markup import MINUS, Text
from rlflood.experiments.report.text.tables import MARK

_SHIPPED = ("default", "a2c", "trpo", "recurrent-ppo", "ars")


def presets() -> str:
    """What ships, what needs no training, and five seeds of the preset of ``default``."""
    families, mixture = _kept("overshoot"), _kept("mixture")
    rows: list[list[Text | str]] = []
    for name in ("none", "tracking", "rewind", *_SHIPPED):
        pair = {} if name == "tracking" else families["paired"].get(name, {})
        rows.append(_row(name, families["rows"][name], pair, mixture["rows"].get(name, {})))
    # a checkpoint that is kept of a run without flooding is early stopping
    early = [f"{kind['rows']['none']['best']:.2f}" for kind in (families, mixture)]
    rows.insert(1, ["early-stopping", early[0], "", "", "", early[0], early[1], ""])
    for seed in range(5):
        rows.append(
            _row(
                f"the preset of default, seed {seed}",
                families["rows"][f"trained with it in the loop, seed {seed}"],
                families["paired"][f"seed {seed}"],
                mixture["rows"][f"seed {seed}, trained with the fall-backs"],
            )
        )
    header = [
        "Policy", "Validation families", "less tracking", "usual steps", "large steps", "best checkpoint",
        "Training's mixture", "less tracking",
    ]  # fmt: skip
    left = families["rows"]["default"]["left_to_rule"]
    caption = (
        f"{CLEAN}, after the last epoch if nothing else is said: means over 768 runs on the validation "
        "families, 192 of them with large steps, and over 576 on fresh tasks of the mixture that controllers "
        f"train on. In brackets: 95 % bootstrap intervals over runs; {MARK}: it excludes 0. Runs under "
        "default that end under the rule rewind: "
        f"{', '.join(f'{kind} {percent:.0f} %' for kind, percent in left.items())}."
    )
    return table(header, rows, caption)


def _kept(name: str) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads((FOLDER / f"presets/{name}.json").read_text(encoding="utf-8"))
    return kept


def _row(name: str, found: dict[str, Any], pair: dict[str, Any], fresh: dict[str, Any]) -> list[Text | str]:
    return [
        name,
        f"{found['final']:.2f}",
        _difference(pair.get("less tracking")),
        f"{found['three_kinds']:.2f}",
        f"{found['by_regime']['large steps']:.2f}",
        f"{found['best']:.2f}",
        f"{fresh['final']:.2f}" if fresh else "",
        _difference(fresh.get("less_tracking")),
    ]


def _difference(interval: list[float] | None) -> Text:
    """Of a mean and the ends of its interval, in points."""
    if interval is None:
        return Text("")
    mean, low, high = (f"{value:+.2f}".replace("-", MINUS) for value in interval)
    return Text(f"{mean} [{low}, {high}]", mark=MARK if interval[1] > 0 or interval[2] < 0 else "")
