"""Turning values from files and command lines into validated models, with messages for people."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from rlflood.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], values: Mapping[str, Any], where: str, within: str = "") -> Model:
    """Build ``model`` from ``values``; ``where`` names their origin in the error ("preset fast.toml").

    ``within`` is the key under which the values stand there, if they are a part: ``tasks.0``.

    Raises:
        InputError: naming each key that is wrong, what is wrong with it, and the value given.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        known = sorted(model.model_fields)
        problems = []
        for problem in error.errors():
            parts = [within] if within else []
            key = ".".join([*parts, *map(str, problem["loc"])]) or "the whole"
            message = problem["msg"].removeprefix("Value error, ")
            if problem["type"] == "extra_forbidden":
                hint = did_you_mean(str(problem["loc"][-1]), known) if len(problem["loc"]) == 1 else ""
                message = f"no such key; {hint}there are {', '.join(known)}"
            elif problem["type"] != "missing" and not isinstance(problem["input"], dict):
                message += f" (given: {problem['input']!r}{_if_percent(problem)})"
            problems.append(f"{key}: {message}")
        raise InputError(f"{where}: " + "; ".join(problems)) from None


def _if_percent(problem: "ErrorDetails") -> str:
    """What a share would be that was given in percent; empty for all other mistakes."""
    highest = problem.get("ctx", {}).get("lt", problem.get("ctx", {}).get("le"))
    given = problem["input"]
    if highest != 1 or not isinstance(given, int | float) or not 2 <= given <= 100:
        return ""
    return f"; a share: {given:g} % is {given / 100:g}"
