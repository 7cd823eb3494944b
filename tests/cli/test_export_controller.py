"""`rlflood export-controller`: the file it writes, and what it refuses."""

import sys
from pathlib import Path

import pytest

from rlflood.control import Controller
from rlflood.control.shipped import shipped_controllers

BLIND = shipped_controllers()["blind"]


def test_it_writes_the_network_of_a_shipped_controller_and_of_a_file(run, tmp_path):
    pytest.importorskip("onnx")
    from rlflood.integrations.onnx import to_onnx

    Path("there.onnx").write_text("of before")
    status, told, _ = run("export-controller", "blind", "--out", "there.onnx")
    assert (status, told) == (0, "the network of blind: there.onnx\n")
    assert Path("there.onnx").read_bytes() == to_onnx(Controller.load(BLIND))
    Path("mine.safetensors").write_bytes(BLIND.read_bytes())
    status, _, _ = run("export-controller", "mine.safetensors", "--out", "new/mine.onnx")
    assert status == 0 and Path("new/mine.onnx").read_bytes() == Path("there.onnx").read_bytes()


def test_what_is_wrong_is_told(run, monkeypatch):
    Path("folder").mkdir()
    Path("file").touch()
    Path("mine.safetensors").write_bytes(BLIND.read_bytes())
    Path("damaged.safetensors").write_bytes(BLIND.read_bytes()[:-1])
    wrong = {
        ("defualt", "a.onnx"): "there is no controller 'defualt': did you mean default?",
        ("gone.safetensors", "a.onnx"): "there is no controller file gone.safetensors",
        ("damaged.safetensors", "a.onnx"): "is damaged or not a controller file",
        ("default", "folder"): "--out folder is a folder: give the name of a file in it",
        ("default", "file/a.onnx"): "--out file/a.onnx cannot be written",
        ("mine.safetensors", "mine.safetensors"): "--out mine.safetensors would replace what is read from it",
    }
    for (controller, out), message in wrong.items():
        status, _, error = run("export-controller", controller, "--out", out, width=200)
        assert status == 2 and message in error, error
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.delitem(sys.modules, "rlflood.integrations.onnx", raising=False)
    status, _, error = run("export-controller", "default", "--out", "a.onnx", width=200)
    assert status == 2 and 'a file of ONNX needs the package onnx: pip install "rlflood[onnx]"' in error
    assert not Path("a.onnx").exists()
