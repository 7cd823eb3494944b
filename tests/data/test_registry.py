import subprocess
import sys

import pytest

from rlflood.data import describe, load, names
from rlflood.errors import InputError


def test_every_name_is_described_and_loads_where_it_is_available():
    rows = describe()
    assert tuple(row.name for row in rows) == names()
    for row in rows:
        assert row.kind in ("synthetic", "tabular", "images")
        if row.available and row.kind != "images":
            source = load(row.name)
            assert source.name == row.name
            assert (source.classes, source.features, source.size) == (row.classes, row.features, row.samples)


def test_options_are_listed():
    by_name = {row.name: row.options for row in describe()}
    assert by_name["blobs"] == ("classes", "dimensions", "separation")
    assert by_name["wine"] == ()


def test_an_unknown_name_gets_the_closest_and_the_list():
    with pytest.raises(InputError, match=r"called 'two-gausians'\. Did you mean two-gaussians\?") as caught:
        load("two-gausians")
    assert all(name in str(caught.value) for name in names())
    with pytest.raises(InputError, match=r"called 'zzz'\. Known: "):
        load("zzz")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("blobs", {"clases": 3}, "blobs does not know the option clases: its options are classes, dim"),
        ("digits", {"classes": 3}, "digits does not know the option classes: it has none"),
        ("sinusoid", {"dimensions": 3}, "it has none"),
    ],
)
def test_unknown_options_are_refused(name, options, message):
    with pytest.raises(InputError, match=message):
        load(name, options=options)


def test_a_target_is_refused_for_a_named_set():
    with pytest.raises(InputError, match="leave it out for wine"):
        load("wine", target="y")


def test_importing_the_data_sets_loads_no_heavy_library():
    code = (
        "import sys, rlflood; before = set(sys.modules); import rlflood.data; rlflood.data.describe(); "
        "assert not {'sklearn', 'torchvision'} & set(sys.modules); "
        "assert 'torch' not in set(sys.modules) - before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
