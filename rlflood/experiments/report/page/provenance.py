"""What the page says in words: what the study is, what of it is missing, and where it was made."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rlflood.experiments.methods.controller import controller_of
from rlflood.experiments.study.file import Study
from rlflood.experiments.study.folder import in_folder
from rlflood.experiments.study.results import Results
from rlflood.words import counted


@dataclass(frozen=True, slots=True)
class Gap:
    """What is missing of a method on a task.

    Attributes:
        task: The task's name.
        method: The method's name.
        done: How many repeats there are.
    """

    task: str
    method: str
    done: int


@dataclass(frozen=True, slots=True)
class Start:
    """A process that worked on the study.

    Attributes:
        when: When it began.
        facts: What it ran on and how it was called, by name.
    """

    when: str
    facts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Training:
    """What a controller cost before the study began.

    Attributes:
        method: The method that rolls it out.
        episodes: Training runs that it learned from; None if its file does not say.
        epochs: Of each of them, likewise.
    """

    method: str
    episodes: int | None
    epochs: int | None


def gaps(results: Results) -> list[Gap]:
    """What an unfinished study lacks."""
    counts = {
        (task.name, method.name): len(results.repeats.get((task.name, method.name), ()))
        for task in results.study.tasks
        for method in results.methods
    }
    return [Gap(*key, done) for key, done in counts.items() if done < results.study.seeds]


def starts(results: Results) -> list[Start]:
    """Every process that worked on the study, in order."""
    return [Start(_when(str(start.get("started", ""))), _facts(start)) for start in results.starts]


def made(results: Results) -> str:
    """When the study was made: from its first start to its last result; empty if nothing was noted."""
    begun = sorted(filter(None, (_time(start.get("started")) for start in results.starts)))
    if not begun:
        return ""
    first, last = begun[0], _time(results.ended)
    if last is None or last < first:
        return f"begun {_at(first)}"
    last = last.astimezone(first.tzinfo)
    took = _duration((last - first).total_seconds())
    if _at(first) == _at(last):
        return f"{_at(first)} ({took})"
    since = f"{first:%Y-%m-%d %H:%M}" if first.utcoffset() == last.utcoffset() else _at(first)
    return f"{since} to {f'{last:%H:%M %Z}' if first.date() == last.date() else _at(last)} ({took})"


def machines(results: Results) -> str:
    """The machines that worked on the study."""
    known = (_facts(start).get("Machine", "") for start in results.starts)
    return "; ".join(dict.fromkeys(filter(None, known)))


def settings_toml(study: Study) -> str:
    """The study with every default filled in, as it is in its folder."""
    import tomli_w

    content = study.model_dump(mode="json", exclude_none=True)
    content["methods"] = [in_folder(method) for method in study.methods]
    return tomli_w.dumps(content)


def seconds_by_method(results: Results) -> list[tuple[str, float]]:
    """Wall time of each method over all tasks, the longest first."""
    total = {
        method.name: sum(took for (_, name), took in results.seconds.items() if name == method.name)
        for method in results.methods
    }
    return sorted(total.items(), key=lambda item: -item[1])


def controllers(results: Results) -> list[Training]:
    """What the training of the study's controllers cost, each told once however often it is used."""
    found = {}
    for method in results.methods:
        used = controller_of(method)
        if used is not None:
            provenance = used.controller.provenance
            found[used.name] = Training(
                used.name,
                _whole(provenance.get("episodes")),
                _whole(_nested(provenance, "preset", "tasks", "base", "epochs")),
            )
    return list(found.values())


def _when(started: str) -> str:
    """A time of ISO 8601 as people write it."""
    time = _time(started)
    return started if time is None else _at(time)


def _time(text: Any) -> datetime | None:
    """A time of ISO 8601 that says its offset from UTC; None for anything else."""
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return None if time.tzinfo is None else time


def _at(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M %Z")


def _duration(seconds: float) -> str:
    """In the unit in which it is a number of one or two figures."""
    for unit, size, most in (("second", 1, 120), ("minute", 60, 120), ("hour", 3600, 48)):
        if seconds < most * size:
            return counted(round(seconds / size), unit)
    return counted(round(seconds / 86400), "day")


def _facts(start: Mapping[str, Any]) -> dict[str, str]:
    machine = start.get("machine") or {}
    parts = [machine.get(key) for key in ("processor", "system", "architecture", "accelerator")]
    cores = [counted(machine["cores"], "core")] if machine.get("cores") else []
    device = [f"device {start['device']}"] if "device" in start else []
    device += [str(start["precision"])] if "precision" in start else []
    device += [f"threads {start['threads']}"] if "threads" in start else []
    facts = {
        "Command": str(start.get("command", "")),
        "Machine": ", ".join([*(str(part) for part in parts if part), *cores]),
        "Training": ", ".join(device),
        "Versions": ", ".join(f"{name} {version}" for name, version in (start.get("versions") or {}).items()),
        "Revision": str(start.get("commit") or ""),
    }
    return {name: fact for name, fact in facts.items() if fact}


def _nested(table: Any, *keys: str) -> Any:
    for key in keys:
        table = table.get(key) if isinstance(table, Mapping) else None
    return table


def _whole(value: Any) -> int | None:
    # a controller's file may come from anybody
    return value if type(value) is int else None
