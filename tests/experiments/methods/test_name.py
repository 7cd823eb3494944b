from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.experiments.methods import MethodName

KINDS = st.sampled_from(
    ["none", "constant", "grid", "default", "runs/mine.safetensors", "odd:one.safetensors"]
)
NAMES = st.recursive(
    st.builds(MethodName, KINDS) | st.builds(MethodName, st.just("constant"), st.floats(0, 1).map(str)),
    lambda inner: (
        st.builds(lambda runs, of: MethodName("best-of", f"{runs}:{of}"), st.integers(1, 9), inner)
        | st.builds(
            lambda how, of: MethodName("with", f"{how}:{of}"), st.sampled_from(["gce", "elr=1"]), inner
        )
        | st.builds(lambda kind, of: MethodName(kind, str(of)), st.sampled_from(["all", "half"]), inner)
    ),
)


@given(NAMES)
def test_a_name_is_written_and_read_again(name):
    assert MethodName.parse(str(name)) == name


@given(st.text())
def test_any_text_is_kept_but_for_the_spaces_around_it(text):
    assert str(MethodName.parse(text)) == text.strip()


@pytest.mark.parametrize(
    ("text", "kind", "argument", "innermost", "file"),
    [
        ("tracking", "tracking", None, "tracking", None),
        ("constant:0.3", "constant", "0.3", "constant:0.3", None),
        ("constant:", "constant", "", "constant:", None),
        ("best-of:5:default", "best-of", "5:default", "default", None),
        ("best-of:5:constant:0.3", "best-of", "5:constant:0.3", "constant:0.3", None),
        ("best-of:5", "best-of", "5", "", None),
        ("with:gce:default", "with", "gce:default", "default", None),
        (
            "with:label-smoothing=-1:c:/b.safetensors",
            "with",
            "label-smoothing=-1:c:/b.safetensors",
            *["c:/b.safetensors"] * 2,
        ),
        ("best-of:5:with:gce:constant:0.3", "best-of", "5:with:gce:constant:0.3", "constant:0.3", None),
        ("all:none", "all", "none", "none", None),
        ("all", "all", None, "", None),
        ("half:constant:0.3", "half", "constant:0.3", "constant:0.3", None),
        ("all:with:elr:c:/b.safetensors", "all", "with:elr:c:/b.safetensors", *["c:/b.safetensors"] * 2),
        (" a/b.safetensors ", "a/b.safetensors", None, "a/b.safetensors", "a/b.safetensors"),
        ("c:/b.safetensors", "c:/b.safetensors", None, "c:/b.safetensors", "c:/b.safetensors"),
        ("best-of:5:c:/b.safetensors", "best-of", "5:c:/b.safetensors", *["c:/b.safetensors"] * 2),
    ],
)
def test_its_parts(text, kind, argument, innermost, file):
    name = MethodName.parse(text)
    assert (name.kind, name.argument, str(name.innermost)) == (kind, argument, innermost)
    assert name.file == (None if file is None else Path(file))


def test_another_controller_takes_the_place_of_one():
    replaced = [
        str(MethodName.parse(text).with_innermost("new/x.safetensors"))
        for text in ("default", "old/x.safetensors", "best-of:3:default", "best-of:3:c:/x.safetensors")
    ]
    assert replaced == ["new/x.safetensors"] * 2 + ["best-of:3:new/x.safetensors"] * 2
    nested = MethodName.parse("best-of:3:with:gce=0.5:default").with_innermost("x.safetensors")
    assert str(nested) == "best-of:3:with:gce=0.5:x.safetensors"
    nested = MethodName.parse("all:with:gce=0.5:default").with_innermost("x.safetensors")
    assert str(nested) == "all:with:gce=0.5:x.safetensors"
