"""Methods of one run: a scheduler from the first epoch to the last."""

from rlflood.errors import InputError
from rlflood.experiments.methods.base import Method, MethodOptions, ScheduledMethod
from rlflood.experiments.methods.registry import register
from rlflood.schedulers import AdaptiveFlood, BackwardFlood, ConstantFlood, TrackingFlood


@register("none", "no flooding")
def _none(argument: str | None, options: MethodOptions) -> Method:
    return ScheduledMethod("none", lambda task: ConstantFlood(0.0))


@register("constant", "one level in every epoch", argument="LEVEL")
def _constant(argument: str | None, options: MethodOptions) -> Method:
    if argument is None:
        raise InputError("the method constant needs its level after a colon: write constant:0.1")
    level = _number("constant", argument, "constant:0.1")
    return ScheduledMethod(f"constant:{level:g}", lambda task: ConstantFlood(level))


@register("adaptive", "up while validation accuracy rises, down while it falls (seed attempt 2)")
def _adaptive(argument: str | None, options: MethodOptions) -> Method:
    return ScheduledMethod("adaptive", lambda task: AdaptiveFlood())


@register("backward", "to zero training loss first, then flood at a level (seed attempt 1)", argument="LEVEL")
def _backward(argument: str | None, options: MethodOptions) -> Method:
    level = 0.26 if argument is None else _number("backward", argument, "backward:0.26")
    name = "backward" if argument is None else f"backward:{level:g}"
    return ScheduledMethod(name, lambda task: BackwardFlood(level))


@register("tracking", "a fraction of the best validation loss so far", argument="FRACTION")
def _tracking(argument: str | None, options: MethodOptions) -> Method:
    fraction = 0.7 if argument is None else _number("tracking", argument, "tracking:0.7")
    name = "tracking" if argument is None else f"tracking:{fraction:g}"
    return ScheduledMethod(name, lambda task: TrackingFlood(fraction))


def _number(method: str, text: str, example: str) -> float:
    """What stands after the colon, finite and not negative."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value < float("inf"):
        raise InputError(f"the method {method} takes a number of at least 0, not {text!r}: write {example}")
    return value
