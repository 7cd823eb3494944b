"""What the page on Keras shows floods the training, and counts what Keras itself counts."""

import os
from typing import Any

import numpy as np
import pytest

from tests.docs.pages import ROOT, blocks

os.environ["KERAS_BACKEND"] = "torch"  # Keras asks for TensorFlow otherwise, when it is imported
pytest.importorskip("keras")
PROGRAM = next(block.text for block in blocks(ROOT / "docs/how-to/keras.md") if block.kind == "python")


def run(made: str) -> dict[str, Any]:
    """The page's program under another scheduler."""
    shown = 'rlflood.load_controller("default", epochs=EPOCHS, classes=10)'
    assert shown in PROGRAM
    names: dict[str, Any] = {"__name__": "keras_page"}
    exec(PROGRAM.replace(shown, made), names)  # of four epochs, as in the test of the page
    return names


def test_validation_is_counted_raw_as_keras_counts_it_and_training_is_flooded() -> None:
    names = run("rlflood.ConstantFlood(1.0)")
    logs, history = names["logs"].history, names["scheduler"].history
    np.testing.assert_allclose(history.val_loss, logs["val_loss"], rtol=1e-4)
    np.testing.assert_allclose(history.val_acc, logs["val_accuracy"], atol=1e-6)
    np.testing.assert_allclose(history.train_acc, logs["accuracy"], atol=1e-6)
    # Keras logs what the scheduler returned, which is never below the level
    assert min(logs["loss"]) >= 1 - 1e-6
    assert history.train_loss[-1] == pytest.approx(1, abs=0.2), "held at the level"


def test_without_flooding_the_losses_are_those_of_keras() -> None:
    names = run("rlflood.ConstantFlood(0.0)")
    logs, history = names["logs"].history, names["scheduler"].history
    np.testing.assert_allclose(history.train_loss, logs["loss"], rtol=1e-4)
