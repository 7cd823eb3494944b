"""The network in ONNX against the controller's own, by ONNX's reference implementation in NumPy."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from rlflood.control import Control, Controller, ControlSpec, LevelSet
from rlflood.control.lstm import LSTM
from rlflood.control.shipped import shipped_controllers
from rlflood.metrics import Metrics
from rlflood.schedulers import load_controller

onnx = pytest.importorskip("onnx")
from onnx.reference import ReferenceEvaluator  # noqa: E402

from rlflood.integrations.onnx import to_onnx  # noqa: E402

SHIPPED = shipped_controllers()


def run_of(controller: Controller) -> Callable[..., dict[str, np.ndarray[Any, Any]]]:
    model = onnx.load_from_string(to_onnx(controller))
    evaluator = ReferenceEvaluator(model)
    names = [output.name for output in model.graph.output]
    return lambda **inputs: dict(zip(names, evaluator.run(None, inputs), strict=True))


def random_controller(
    activation: Any = "relu", units: int | None = None, hidden: tuple[int, ...] = ()
) -> Controller:
    rng = np.random.default_rng(0)
    spec = ControlSpec("extended", LevelSet((0.0, 0.3, 0.7), "relative"), 5)
    features, lstm = len(spec.features), None
    if units is not None:
        shapes = ((4 * units, features), (4 * units, units), (4 * units,))
        lstm = LSTM(*(rng.normal(size=shape).astype(np.float32) for shape in shapes))
    sizes = (features if units is None else units, *hidden, spec.actions)
    layers = [
        (rng.normal(size=(b, a)).astype(np.float32), rng.normal(size=b).astype(np.float32))
        for a, b in pairwise(sizes)
    ]
    return Controller(spec, layers, activation, lstm=lstm)


CONTROLLERS = {
    **{name: Controller.load(file) for name, file in SHIPPED.items()},
    "relu": random_controller(hidden=(6, 5)),
    "linear": random_controller(),
    "memory, relu": random_controller(units=4, hidden=(5,)),
}


@pytest.mark.parametrize("name", CONTROLLERS)
@pytest.mark.parametrize("replicas", [1, 3])
def test_logits_and_memory_are_those_of_the_controller(name: str, replicas: int) -> None:
    controller = CONTROLLERS[name]
    run, rng = run_of(controller), np.random.default_rng(1)
    memory = None
    inputs = {}
    if controller.lstm is not None:
        inputs["memory"] = np.zeros((replicas, 2, controller.lstm.units))
    for _ in range(4):
        seen = rng.normal(size=(replicas, len(controller.spec.features))).astype(np.float32)
        logits, memory = controller.logits(seen, memory)
        found = run(observation=seen, **inputs)
        assert found["logits"].dtype == logits.dtype
        np.testing.assert_allclose(found["logits"], logits, rtol=1e-5, atol=1e-5)
        if memory is not None:
            np.testing.assert_allclose(found["next_memory"], memory, rtol=1e-12, atol=1e-12)
            inputs = {"memory": found["next_memory"]}
    assert (memory is None) == ("next_memory" not in found)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_run_goes_by_it_as_under_the_scheduler(name: str) -> None:
    controller, epochs = CONTROLLERS[name], 40
    run, inputs = run_of(controller), {}
    if controller.lstm is not None:
        inputs["memory"] = np.zeros((1, 2, controller.lstm.units))
    control = Control(controller.spec, epochs=epochs, classes=10)
    scheduler = load_controller(name, epochs=epochs, classes=10)
    rng, levels = np.random.default_rng(2), []
    for epoch in range(epochs):
        if control.due:
            found = run(observation=control.observation(), **inputs)
            control.act(found["logits"].argmax(axis=1))
            inputs = {"memory": found["next_memory"]} if inputs else {}
        levels.append((float(control.level[0]), control.returns.item()))
        assert levels[-1] == (scheduler.level, np.any(scheduler.returns))
        assert control.strength == scheduler.strength
        # overfits from a third of the run on
        val_loss = 1.0 + abs(epoch - epochs / 3) / 20 + 0.02 * rng.random()
        seen = {"train_loss": 2 / (1 + epoch), "train_acc": 0.9, "val_loss": val_loss, "val_acc": 0.7}
        scheduler.step(**seen)
        control.update(Metrics(**seen), levels[-1][0])
    assert max(level for level, _ in levels) > 0, "it floods"


def test_the_file_says_what_goes_in_and_what_comes_out() -> None:
    controller = CONTROLLERS["robust"]
    model = onnx.load_from_string(to_onnx(controller))
    told = {entry.key: entry.value for entry in model.metadata_props}
    header = json.loads(told["controller"])
    assert header == json.loads(json.dumps(controller.header)) and header["strengths"]
    assert header["hold"] == {"batches": controller.spec.hold.batches, "ascent": controller.spec.hold.ascent}
    assert told["fingerprint"] == controller.fingerprint
    bounds = json.loads(told["bounds"])
    low, high = controller.spec.bounds
    assert bounds == {"low": low.tolist(), "high": high.tolist()}
    assert len(bounds["low"]) == len(header["features"])
    assert to_onnx(controller) == to_onnx(controller), "the same bytes every time"
