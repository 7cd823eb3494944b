import subprocess
import sys

import pytest

from rlflood.data import Facts, describe, facts_of, load, names
from rlflood.data.image_sets import IMAGE_SETS
from rlflood.errors import InputError


def test_every_name_is_described_and_loads_where_it_is_available():
    rows = describe()
    assert tuple(row.name for row in rows) == names()
    for row in rows:
        assert row.kind in ("synthetic", "tabular", "images")
        if row.available and row.kind != "images":
            source = load(row.name)
            assert source.name == row.name
            assert (source.classes, source.features, source.size) == (row.classes, row.features, row.size)


def test_facts_are_those_of_what_is_loaded():
    for name in names():
        if name not in IMAGE_SETS:  # whose files may not be here
            assert facts_of(name) == load(name).facts
    options = {"classes": 5, "dimensions": "7"}
    assert facts_of("blobs", options=options) == load("blobs", options=options).facts
    assert facts_of("blobs", options=options).features == 7


def test_facts_of_images_need_no_files(monkeypatch):
    monkeypatch.setattr("rlflood.data.image_sets.ImageSet.places", lambda _: pytest.fail("looked for files"))
    assert facts_of("svhn") == Facts("svhn", 10, 3072, 99_289, 73_257, (3, 32, 32))
    assert facts_of("cifar100").classes == 100


def test_facts_go_into_text_and_back():
    for facts in (facts_of("svhn"), facts_of("wine"), facts_of("spiral")):
        assert Facts.from_json(facts.to_json()) == facts


@pytest.mark.parametrize(
    ("name", "keywords", "message"),
    [
        ("wines", {}, "Did you mean wine"),
        ("wine", {"target": "y"}, "leave it out for wine"),
        ("blobs", {"options": {"clases": 3}}, "does not know the option clases"),
        ("blobs", {"options": {"classes": 1}}, "whole number from 2 to 50"),
        ("my.csv", {"options": {"classes": 3}}, "it has none"),
    ],
)
def test_facts_are_refused_where_loading_would_be(name, keywords, message):
    for get in (facts_of, load):
        with pytest.raises(InputError, match=message):
            get(name, **keywords)


def test_nothing_is_known_of_a_file_that_nobody_has_read():
    assert facts_of("absent.npz") is None and facts_of("absent.csv", target="kind") is None


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
