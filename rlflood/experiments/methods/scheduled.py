"""Methods of one run: a scheduler from the first epoch to the last."""

from typing import Any

from rlflood.errors import InputError
from rlflood.experiments.methods.base import Method, MethodOptions, ScheduledMethod
from rlflood.experiments.methods.registry import number, register
from rlflood.schedulers import (
    AdaptiveFlood,
    BackwardFlood,
    ConstantFlood,
    DynamicFlood,
    HoldFlood,
    PiecewiseFlood,
    RewindFlood,
    TrackingFlood,
)


@register("constant", "one level in every epoch", argument="LEVEL")
def _constant(argument: str | None, options: MethodOptions) -> Method:
    if argument is None:
        raise InputError("the method constant needs its level after a colon: write constant:0.1")
    level = number("constant", argument, "constant:0.1")
    name = f"constant:{level:g}"
    return ScheduledMethod(name, lambda task: ConstantFlood(level), needs_validation=False)


@register("adaptive", "up while validation accuracy rises, down while it falls")
def _adaptive(argument: str | None, options: MethodOptions) -> Method:
    return ScheduledMethod("adaptive", lambda task: AdaptiveFlood())


@register("dynamic", "down while validation accuracy stalls, up while validation loss is above its best")
def _dynamic(argument: str | None, options: MethodOptions) -> Method:
    return ScheduledMethod("dynamic", lambda task: DynamicFlood())


@register("backward", "to zero training loss first, then one level to the end", argument="LEVEL")
def _backward(argument: str | None, options: MethodOptions) -> Method:
    level = 0.26 if argument is None else number("backward", argument, "backward:0.26")
    name = "backward" if argument is None else f"backward:{level:g}"
    return ScheduledMethod(name, lambda task: BackwardFlood(level), needs_validation=False)


@register("tracking", "a fraction of the best validation loss so far", argument="FRACTION")
def _tracking(argument: str | None, options: MethodOptions) -> Method:
    fraction = 0.7 if argument is None else number("tracking", argument, "tracking:0.7")
    name = "tracking" if argument is None else f"tracking:{fraction:g}"
    return ScheduledMethod(name, lambda task: TrackingFlood(fraction))


@register("piecewise", "a level halved after half and after three quarters of the run", argument="LEVEL")
def _piecewise(argument: str | None, options: MethodOptions) -> Method:
    if argument is None:
        raise InputError("the method piecewise needs its first level after a colon: write piecewise:0.2")
    level = number("piecewise", argument, "piecewise:0.2")
    return ScheduledMethod(
        f"piecewise:{level:g}",
        lambda task: PiecewiseFlood(level, epochs=task.epochs),
        needs_validation=False,
    )


def _hold(name: str, what: str, usual: float = 1.0, returning: bool = False, **options: Any) -> None:
    """A way to hold at the turn whose user deploys the average."""

    @register(name, what, argument="FRACTION")
    def build(argument: str | None, others: MethodOptions) -> Method:
        fraction = usual if argument is None else number(name, argument, f"{name}:0.8")
        full = name if argument is None else f"{name}:{fraction:g}"
        return ScheduledMethod(
            full,
            lambda task: HoldFlood(fraction, returning=returning, **options),
            deployed="average",
            floods=False,
        )


_hold("hold", "held on the running mean near the turn, from there to the end; the average is deployed")
_hold("hold-by-accuracy", "the same, of a turn by the validation accuracy", turn="accuracy")
_hold("hold-returning", "a fifth lower, and the best weights are put back at times", 0.8, returning=True)


@register("rewind", "back to where validation was best, and on in time for the end")
def _rewind(argument: str | None, options: MethodOptions) -> Method:
    return ScheduledMethod("rewind", lambda task: RewindFlood(epochs=task.epochs))
