"""Methods by name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from rlflood.control.shipped import find_controller, shipped_controllers
from rlflood.errors import InputError, use_one_of
from rlflood.experiments.methods.base import Method, MethodOptions
from rlflood.experiments.methods.controller import ControllerMethod
from rlflood.experiments.methods.name import MethodName

Builder: TypeAlias = Callable[[str | None, MethodOptions], Method]
"""Makes a method from what stands after the colon in its name, if anything, and the options."""


@dataclass(frozen=True, slots=True)
class MethodKind:
    """One row of ``rlflood list methods``.

    Attributes:
        name: As it is given on the command line.
        argument: What may or must follow after a colon, such as ``LEVEL``; empty for nothing.
        summary: One line.
        build: Makes the method.
    """

    name: str
    argument: str
    summary: str
    build: Builder


METHODS: dict[str, MethodKind] = {}
"""The methods by name, as :func:`register` has added them."""


def register(name: str, summary: str, *, argument: str = "") -> Callable[[Builder], Builder]:
    """Decorate the function that makes a method: ``@register("mine", "what it does")``."""

    def add(build: Builder) -> Builder:
        if name in METHODS:
            raise ValueError(f"there is a method {name!r} already")
        METHODS[name] = MethodKind(name, argument, summary, build)
        return build

    return add


def get_method(name: str, options: MethodOptions | None = None) -> Method:
    """The method of this name (``grid``, ``constant:0.1``), or the controller of this name or file.

    Raises:
        InputError: if there is none, its argument is not usable, or a controller's file is not.
    """
    options = options or MethodOptions()
    parsed = MethodName.parse(name)
    name, kind, argument = str(parsed), parsed.kind, parsed.argument
    if kind in METHODS:
        if argument is not None and not METHODS[kind].argument:
            raise InputError(f"the method {kind} takes nothing after a colon: write {kind}, not {name}")
        return METHODS[kind].build(argument, options)
    file = find_controller(name)
    if file is not None:
        return ControllerMethod(file)
    known = [*METHODS, *shipped_controllers()]
    raise InputError(
        f"there is no method or controller {name!r}: {use_one_of(kind, known)}, "
        "or a controller's file (.safetensors)"
    )


def get_methods(names: Iterable[str], options: MethodOptions | None = None) -> list[Method]:
    """The methods of these names, each once, controllers of the same file name told apart by their path.

    Raises:
        InputError: see :func:`get_method`.
    """
    options = options or MethodOptions()  # one for all: they may share runs
    methods: dict[str, Method] = {}
    wanted = dict.fromkeys(str(MethodName.parse(name)) for name in names)
    for name in wanted:
        method = get_method(name, options)
        # a shipped controller keeps its name, wherever it stands
        if MethodName.parse(name).file is not None and (method.name in methods or method.name in wanted):
            method.name = name
        methods.setdefault(method.name, method)
    return list(methods.values())


def used_options(names: Iterable[str]) -> set[str]:
    """Which fields of :class:`MethodOptions` any method of these names goes by.

    Raises:
        InputError: see :func:`get_method`.
    """
    noted = _NotedOptions()
    get_methods(names, cast(MethodOptions, noted))
    return noted.read


class _NotedOptions:
    """The default options, noting which of them are looked at."""

    def __init__(self) -> None:
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(MethodOptions(), name)


def number(method: str, text: str, example: str) -> float:
    """What stands after a method's colon, as a finite number of at least 0.

    Raises:
        InputError: if it is anything else; ``example`` shows how it is written.
    """
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value < float("inf"):
        raise InputError(f"the method {method} takes a number of at least 0, not {text!r}: write {example}")
    return value


def whole_number(method: str, text: str, least: int, example: str) -> int:
    """What stands after a method's colon, as a whole number of at least ``least``.

    Raises:
        InputError: if it is anything else; ``example`` shows how it is written.
    """
    if not (text.isdecimal() and int(text) >= least):
        raise InputError(
            f"the method {method} takes a whole number of at least {least}, not {text!r}: write {example}"
        )
    return int(text)
