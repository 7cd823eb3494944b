"""What a controller's file says of it, for people."""

from pathlib import Path

from rlflood.control.controller import Controller
from rlflood.control.levels import LevelUnit
from rlflood.control.shipped import SUFFIX, controller_card
from rlflood.control.spec import ControlSpec
from rlflood.holding import Hold
from rlflood.words import counted

_UNITS: dict[LevelUnit, str] = {
    "absolute": "nats",
    "relative": "times the best validation loss so far",
    "turning-point": "times the train loss at the turn",
    "guessing": "times the loss of guessing, log(classes)",
}


def card(name: str) -> str:
    """The card of a shipped controller, or what the file of another says, in Markdown.

    Args:
        name: Of a shipped controller, or the path of a file.

    Raises:
        InputError: if there is no such controller, or its file is not usable.
    """
    path = Path(name).expanduser()
    if path.suffix == SUFFIX or path.is_file():
        return card_of(Controller.load(path), path.stem)
    return controller_card(name)


def card_of(controller: Controller, name: str) -> str:
    """What a controller says of itself, in Markdown, under its name as the title."""
    spec, made = controller.spec, controller.provenance
    levels = ", ".join(f"{value:g}" for value in spec.levels.values)
    facts = {
        "sees": f"`{spec.observation}`; {_needs(spec)}",
        "sets": f"{levels} {_UNITS[spec.levels.unit]}"
        + ("; puts the best weights back" if spec.returning else ""),
        "decides": f"{counted(spec.decisions, 'time')} a run",
        "holds": _held(spec.hold),
        "to deploy": "the average of the weights" if spec.average else "the network after the last epoch",
    }
    trained = {key: made[key] for key in ("algorithm", "episodes", "seed") if key in made}
    if trained:
        facts["trained with"] = ", ".join(f"{key} {value}" for key, value in trained.items())
    facts["fingerprint"] = controller.fingerprint
    return f"# {name}\n\n" + "\n".join(f"- {what}: {value}" for what, value in facts.items())


def _needs(spec: ControlSpec) -> str:
    if spec.needs_validation:
        return "needs a validation split"
    return "goes by train loss and train accuracy alone and needs no validation split"


def _held(hold: Hold) -> str:
    if hold == Hold():
        return "each batch at the level"
    return f"the mean of some {hold.batches:g} batches at the level; a step up weighs {hold.ascent:g}"
