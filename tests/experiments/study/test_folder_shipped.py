"""A study keeps the shipped controllers that it began with."""

import pytest

from rlflood.control import shipped
from rlflood.errors import InputError
from rlflood.experiments.study.file import resolved
from rlflood.experiments.study.folder import find_study, start_study

TASK = {"data": "wine", "epochs": 4, "hidden": [8], "train_size": 20, "val_size": 20}


def study(*methods):
    return resolved({"name": "s", "methods": ["none", *methods], "tasks": [TASK]}, "s")


def test_shipped_controllers_are_copied(controller_file, tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "FOLDER", controller_file.parent)
    out = tmp_path / "out"
    started = start_study(study("second", "best-of:2:second"), out)
    assert (out / "controllers" / "second.safetensors").read_bytes() == controller_file.read_bytes()
    assert [m.name for m in started.make_methods()] == ["none", "second", "best-of:2:second"]
    assert start_study(study("second", "best-of:2:second", "grid"), out).methods[1] == started.methods[1]
    with pytest.raises(InputError, match=r"it has the method best-of:2:second\.safetensors, which is not"):
        start_study(study("second"), out)
    content = controller_file.read_bytes()
    (out / "controllers" / "second.safetensors").write_bytes(content.replace(b"0.25", b"0.26"))
    with pytest.raises(InputError, match="another controller called"):
        start_study(study("second", "best-of:2:second", "grid"), out)
    assert find_study(out) is not None
