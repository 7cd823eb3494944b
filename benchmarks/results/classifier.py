"""``FloodClassifier`` beside ``MLPClassifier``, from what ``benchmarks.classifier`` keeps."""

import json
from typing import Any

import numpy as np

from benchmarks.results.cells import BOTH, CLEAN, mean, over_seeds, plus_minus, share, table
from benchmarks.results.runs import FOLDER
from rlflood.experiments.report.text.markup import Text
from rlflood.metrics import Array


def classifier() -> str:
    """Accuracy by table and label noise, beside each rival's, and how many times their time it takes."""
    kept = json.loads((FOLDER / "classifier.json").read_text(encoding="utf-8"))
    ours = kept["ours"]
    others = [side for side in kept["rows"][0]["accuracy"] if side != ours]
    header = ["Table", "Samples", "Wrong labels", ours]
    for side in others:
        header += [f"less {side}", "times its time"]
    rows: list[list[Text | str]] = []
    for kept_row in kept["rows"]:
        accuracy = {side: np.array(scores) for side, scores in kept_row["accuracy"].items()}
        rows.append(
            [kept_row["table"], f"{kept_row['samples']}", share(kept_row["noise"]), mean(accuracy[ours])]
        )
        for side in others:
            rows[-1] += [plus_minus(accuracy[ours], accuracy[side]), _times([kept_row], ours, side)]
    for noise in dict.fromkeys(row["noise"] for row in kept["rows"]):
        at_noise = [row for row in kept["rows"] if row["noise"] == noise]
        scores = {side: _scores(at_noise, side) for side in (ours, *others)}
        rows.append(["all", "", share(noise), mean(scores[ours])])
        for side in others:
            rows[-1] += [over_seeds(scores[ours], scores[side]), _times(at_noise, ours, side)]
    caption = (
        f"{CLEAN}: means over {len(kept['rows'][0]['accuracy'][ours])} seeds. {BOTH} Hidden layer of "
        f"{kept['hidden'][0]}, {kept['epochs']} epochs at most; same batches: of {kept['batch']}."
    )
    return table(header, rows, caption)


def _scores(rows: list[dict[str, Any]], side: str) -> Array:
    return np.array([row["accuracy"][side] for row in rows])


def _times(rows: list[dict[str, Any]], ours: str, side: str) -> str:
    """The median of the ratios of all pairs of fits."""
    ratios = [np.divide(row["seconds"][ours], row["seconds"][side]) for row in rows]
    return f"{np.median(ratios):.1f}"
