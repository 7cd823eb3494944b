"""Turning values from files and command lines into validated models, with messages for people."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from rlflood.errors import InputError

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
        problems = []
        for problem in error.errors():
            parts = [within] if within else []
            key = ".".join([*parts, *map(str, problem["loc"])]) or "the whole"
            message = problem["msg"].removeprefix("Value error, ")
            if problem["type"] == "extra_forbidden":
                message = f"no such key; there are {', '.join(sorted(model.model_fields))}"
            elif problem["type"] != "missing" and not isinstance(problem["input"], dict):
                message += f" (given: {problem['input']!r})"
            problems.append(f"{key}: {message}")
        raise InputError(f"{where}: " + "; ".join(problems)) from None
