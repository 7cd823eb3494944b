"""What `rlflood list` shows: each list as its columns and rows."""

from collections.abc import Callable, Mapping
from typing import Any

Listing = tuple[tuple[str, ...], list[tuple[str, ...]]]


def _datasets() -> Listing:
    from rlflood import data

    rows: list[tuple[str, ...]] = []
    for row in data.describe():
        samples = "generator" if row.size is None else f"{row.size:,}"
        here = "yes" if row.available else "no files"
        rows.append(
            (row.name, row.kind, str(row.classes), str(row.features), samples, ", ".join(row.options), here)
        )
    return ("name", "kind", "classes", "features", "samples", "options", "here"), rows


def _environments() -> Listing:
    from rlflood.registration import ENVIRONMENTS

    return ("id", "data", "settings"), _on_data(ENVIRONMENTS)


def _methods() -> Listing:
    from rlflood.experiments import METHODS

    kinds = METHODS.values()
    return ("name", "what it does"), [
        (f"{kind.name}:{kind.argument}" if kind.argument else kind.name, kind.summary) for kind in kinds
    ]


def _protocols() -> Listing:
    from rlflood.protocols import PROTOCOLS

    return ("name", "data", "settings"), _on_data(PROTOCOLS)


def _on_data(named: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Each name with its data and its other settings."""
    rows: list[tuple[str, ...]] = []
    for name, fields in named.items():
        settings = ", ".join(f"{key}={value}" for key, value in fields.items() if key != "data")
        rows.append((name, str(fields["data"]), settings))
    return rows


def _presets() -> Listing:
    from rlflood.agents import load_preset, preset_names

    presets = [(name, load_preset(name)) for name in preset_names()]
    return ("name", "algorithm", "episodes", "replicas", "decisions"), [
        (name, preset.algorithm, f"{preset.episodes:,}", str(preset.replicas), str(preset.decisions))
        for name, preset in presets
    ]


def _studies() -> Listing:
    from rlflood.experiments.study.file import load_study, study_names

    studies = [(name, load_study(name)) for name in study_names()]
    return ("name", "tasks", "methods", "seeds", "runs of a search"), [
        (name, str(len(study.tasks)), str(len(study.methods)), str(study.seeds), str(study.runs))
        for name, study in studies
    ]


def _controllers() -> Listing:
    from rlflood.control.controller import Controller
    from rlflood.control.shipped import controller_card, shipped_controllers

    rows: list[tuple[str, ...]] = []
    for name, file in shipped_controllers().items():
        made = Controller.load(file).provenance
        episodes = f"{made['episodes']:,}" if "episodes" in made else ""
        what_for = controller_card(name).partition("\n")[0].lstrip("# ")
        rows.append((name, str(made.get("algorithm", "")), episodes, what_for, str(file)))
    return ("name", "algorithm", "episodes", "what for", "file"), rows


LISTINGS: dict[str, Callable[[], Listing]] = {
    "datasets": _datasets,
    "environments": _environments,
    "methods": _methods,
    "presets": _presets,
    "protocols": _protocols,
    "studies": _studies,
    "controllers": _controllers,
}
"""The lists by name."""
