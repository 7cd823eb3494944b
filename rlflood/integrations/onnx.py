"""A controller's network in ONNX, for whoever runs it outside of Python or without rlflood."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlflood import __version__
from rlflood.control.controller import Controller
from rlflood.control.lstm import LSTM
from rlflood.extras import check_package

check_package("onnx", "a file of ONNX needs the package onnx")

from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

OPSET, IR_VERSION = 17, 8
"""Of 2022: what runtimes of today have long been able to read."""

_ACTIONS = (
    "One logit an action; the action to take is that of the highest. An action stands for a level or, with "
    "strengths, for a level and a strength: number level * len(strengths) + strength. Where 'returning' is "
    "true, the last one puts the best weights back instead."
)
_MEMORY = "Zeros at the start of a run; after that what the last decision gave as next_memory."


def to_onnx(controller: Controller) -> bytes:
    """The content of an ONNX file with a controller's network: an observation in, logits out.

    The network is computed in the types that :meth:`~rlflood.control.Controller.logits` has: float32, and
    float64 from a memory on.

    ==================  ==========================  ==========================================
    name                shape                       what
    ==================  ==========================  ==========================================
    ``observation``     ``(replicas, features)``    in: float32
    ``memory``          ``(replicas, 2, units)``    in, of recurrent controllers: float64
    ``logits``          ``(replicas, actions)``     out: float32, or float64 of recurrent ones
    ``next_memory``     ``(replicas, 2, units)``    out, likewise: float64
    ==================  ==========================  ==========================================

    What an observation is made of, and what an action stands for, is in the file's metadata, in JSON:
    ``controller`` is the header of the controller's own file (features, levels and their unit, decisions,
    hold, safeguard ...), ``bounds`` the lowest and the highest value of each feature, and ``fingerprint``
    tells which controller it is.
    """
    graph = _Graph(controller)
    made = helper.make_graph(graph.nodes, "controller", graph.inputs, graph.outputs, graph.weights)
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(
        made,
        producer_name="rlflood",
        producer_version=__version__,
        opset_imports=[opset],
        ir_version=IR_VERSION,
        doc_string="The network of a flood level's controller; the metadata say what goes in and comes out.",
    )
    _describe(model, controller)
    checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _describe(model: ModelProto, controller: Controller) -> None:
    low, high = controller.spec.bounds
    metadata = {
        "controller": json.dumps(controller.header),
        "bounds": json.dumps({"low": low.tolist(), "high": high.tolist()}),
        "fingerprint": controller.fingerprint,
    }
    helper.set_model_props(model, metadata)


class _Graph:
    """The nodes of a controller's network, in order.

    The memory is made of single operations: runtimes have the operator LSTM in float32 only.
    """

    def __init__(self, controller: Controller) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []
        self.inputs = [_value("observation", TensorProto.FLOAT, len(controller.spec.features))]
        self._double = controller.lstm is not None
        kind = TensorProto.DOUBLE if self._double else TensorProto.FLOAT
        self.outputs = [_value("logits", kind, controller.spec.actions, doc_string=_ACTIONS)]
        hidden = "observation"
        if controller.lstm is not None:
            units = controller.lstm.units
            self.inputs.append(_value("memory", kind, 2, units, doc_string=_MEMORY))
            self.outputs.append(_value("next_memory", kind, 2, units))
            hidden = self._remember(controller.lstm)
        last = len(controller.layers) - 1
        for number, (weight, bias) in enumerate(controller.layers):
            name = f"layers.{number}"
            parts = [self._weight(f"{name}.weight", weight), self._weight(f"{name}.bias", bias)]
            hidden = self._add("Gemm", [hidden, *parts], "logits" if number == last else name, transB=1)
            if number < last:
                activation = "Tanh" if controller.activation == "tanh" else "Relu"
                hidden = self._add(activation, [hidden], f"{name}.active")

    def _remember(self, lstm: LSTM) -> str:
        """One step of the memory; what it gives out."""
        seen = self._add("Cast", ["observation"], "seen", to=TensorProto.DOUBLE)
        given, kept = (
            self._add("Gather", ["memory", self._weight(f"place.{place}", np.array(place))], name, axis=1)
            for place, name in enumerate(("given", "kept"))
        )
        new = self._add("Gemm", [seen, self._weight("lstm.weight_ih", lstm.weight_ih)], "lstm.seen", transB=1)
        old = self._add("Gemm", [given, self._weight("lstm.weight_hh", lstm.weight_hh)], "lstm.old", transB=1)
        both = self._add("Add", [new, old], "lstm.both")
        gates = self._add("Add", [both, self._weight("lstm.bias", lstm.bias)], "lstm.gates")
        names = ["take", "keep", "new", "give"]
        self.nodes.append(helper.make_node("Split", [gates], names, axis=1))
        take, keep, give = (self._add("Sigmoid", [name], f"{name}.gate") for name in ("take", "keep", "give"))
        fresh = self._add("Tanh", ["new"], "fresh")
        parts = [
            self._add("Mul", [keep, kept], "kept.before"),
            self._add("Mul", [take, fresh], "kept.fresh"),
        ]
        keeps = self._add("Add", parts, "keeps")
        gives = self._add("Mul", [give, self._add("Tanh", [keeps], "keeps.active")], "gives")
        axis = self._weight("axis", np.array([1]))
        rows = [self._add("Unsqueeze", [name, axis], f"{name}.row") for name in (gives, keeps)]
        self._add("Concat", rows, "next_memory", axis=1)
        return gives

    def _weight(self, name: str, values: NDArray[Any]) -> str:
        """A constant; float32 ones in the type that they are multiplied in."""
        self.weights.append(numpy_helper.from_array(values, name))
        if self._double and values.dtype == np.float32:
            return self._add("Cast", [name], f"{name}.double", to=TensorProto.DOUBLE)
        return name

    def _add(self, operation: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operation, inputs, [output], **attributes))
        return output


def _value(name: str, kind: int, *shape: int, doc_string: str = "") -> Any:
    return helper.make_tensor_value_info(name, kind, ["replicas", *shape], doc_string)
