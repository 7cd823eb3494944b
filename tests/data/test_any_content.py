"""Whatever a file holds, it is refused in the documented way or gives what can be learned from."""

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rlflood.data import load
from rlflood.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::rlflood.errors.RlfloodWarning")

# more to the point than any text: what stands in tables, and what looks like it
PIECES = st.sampled_from([
    "1", "2", "-0.5", "+3e2", ".5", "1e400", "1e39", "nan", "inf", "NA", "", " ", "1_0", "\uff11", "0x1",
    "1,5", "1,234", "1.234", "a", "A ", "true", "2020-01-31", "31/01/2020", "\u00a0",
    '"', '""', '"a"', '"a,b"', "#", "sep=;", "label", "y", "Unnamed: 0", "id",
    "\n", "\r\n", "\r", ",", ";", "\t", "|", "\0",
    "\u00e9", "'",
])  # fmt: skip
CELLS = PIECES.filter(lambda text: not set(text) & set(',;|"\t\r\n\0')) | st.text(
    st.characters(codec="utf-8", exclude_characters=',;|"\t\r\n\0'), max_size=6
)


def checked(path: Path, **options: object) -> None:
    """Load the file and split it: InputError, or finite features and labels from 0."""
    try:
        source = load(str(path), **options)
    except InputError as error:
        assert str(error) and "Traceback" not in str(error)
        return
    assert np.isfinite(source._x.astype(np.float32)).all()
    assert set(np.unique(source._y)) == set(range(source.classes)) and source.classes >= 2
    counts = source.class_counts()
    assert len(counts) == source.classes and sum(counts.values()) == source.size
    try:
        splits = source.split(
            train_size=source.classes, val_size=source.classes, test_size=None, label_noise=0.0, seed=0
        )
    except InputError:
        return
    for split in (splits.train, splits.val, splits.test):
        assert split.x.dtype == np.float32 and np.isfinite(split.x).all()
        assert split.x.shape[1] == source.features


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("any") / "data.csv"


@given(content=st.binary(max_size=400), ending=st.sampled_from([".csv", ".csv.gz", ".npz", ".parquet"]))
@example(content=b"\x1f\x8b", ending=".csv")
@example(content=b"\xff\xfea", ending=".csv")
@example(content=b"PAR1", ending=".parquet")
@example(content=b"PK\x05\x06" + bytes(18), ending=".npz")
def test_any_bytes(path, content, ending):
    file = path.with_name(f"data{ending}")
    file.write_bytes(content)
    checked(file)


@given(pieces=st.lists(PIECES | st.text(max_size=4), max_size=60), encode=st.booleans(), zipped=st.booleans())
def test_any_text(path, pieces, encode, zipped):
    content = "".join(pieces).encode(errors="ignore")
    path.write_bytes(gzip.compress(content) if zipped else content)
    checked(path, encode=encode)


@given(
    data=st.data(),
    names=st.lists(CELLS, min_size=1, max_size=3),
    separator=st.sampled_from(",;\t|"),
    rows=st.integers(6, 24),
    encode=st.booleans(),
    keep=st.booleans(),
)
def test_any_cells(path, data, names, separator, rows, encode, keep):
    kinds = st.sampled_from(
        [CELLS, st.floats().map(repr), st.integers().map(str), st.integers(0, 99).map(lambda i: f"{i / 10}"),
         st.sampled_from(["red", "blue", "NA"]), st.dates().map(str), st.floats(width=32).map(repr)]
    )  # fmt: skip
    columns = [data.draw(st.lists(data.draw(kinds), min_size=rows, max_size=rows)) for _ in names]
    labels = [f"{'ab'[i % 2]}" for i in range(rows)]
    lines = [separator.join(row) for row in zip(*columns, labels, strict=True)]
    path.write_bytes("\n".join([separator.join([*names, "label"]), *lines]).encode(errors="ignore"))
    checked(path, encode=encode, keep=names[:1] if keep else ())


@given(labels=st.lists(CELLS, min_size=3, max_size=12))
def test_any_labels(path, labels):
    lines = [f"{i % 3 / 2},{label}" for i, label in enumerate(labels * 3)]
    path.write_bytes("\n".join(["x,label", *lines]).encode(errors="ignore"))
    checked(path)


ARRAYS = arrays.arrays(
    arrays.scalar_dtypes() | st.just(np.dtype([("a", "i4")])),
    arrays.array_shapes(min_dims=0, max_dims=5, max_side=9),
)


@given(x=ARRAYS, y=ARRAYS)
def test_any_arrays(path, x, y):
    file = path.with_name("data.npz")
    np.savez(file, x=x, y=y)
    checked(file)


@given(
    x=arrays.arrays(
        st.sampled_from(["f4", "f8", "i8", "u1", "?"]),
        st.integers(1, 3).flatmap(lambda dims: st.tuples(st.just(12), *[st.integers(1, 4)] * dims)),
    ),
    text=st.booleans(),
)
def test_any_numbers_in_arrays(path, x, text):
    file = path.with_name("data.npz")
    np.savez(file, x=x, y=np.array(["b", "a"] * 6 if text else [3, 1] * 6))
    checked(file)


@given(
    members=st.dictionaries(st.sampled_from(["x", "x.npy", "y", "y.npy", "x.txt"]), st.binary(max_size=200))
)
def test_any_members(path, members):
    file = path.with_name("data.npz")
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    checked(file)


def test_members_that_promise_more_than_there_is(path):
    file = path.with_name("data.npz")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**14, 2)}
    )
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", header.getvalue())
        archive.writestr("y.npy", header.getvalue())
    with pytest.raises(InputError):
        load(str(file))


@given(data=st.data(), rows=st.integers(1, 24), encode=st.booleans())
def test_any_parquet(path, data, rows, encode):
    kinds = [
        (pa.int64(), st.integers(-(2**63), 2**63 - 1)), (pa.uint8(), st.integers(0, 255)),
        (pa.float64(), st.floats()), (pa.float32(), st.floats(width=32)), (pa.bool_(), st.booleans()),
        (pa.string(), st.text(max_size=5)), (pa.date32(), st.dates()), (pa.timestamp("us"), st.datetimes()),
        (pa.list_(pa.int8()), st.lists(st.integers(0, 3), max_size=2)), (pa.binary(), st.binary(max_size=3)),
        (pa.decimal128(9, 2), st.decimals(-99, 99, places=2)), (pa.null(), st.none()),
        (pa.time64("us"), st.times()),
    ]  # fmt: skip
    columns = {}
    for name in ("a", data.draw(st.sampled_from(["", "b", "id"]))):
        kind, values = data.draw(st.sampled_from(kinds))
        empty = st.none() if data.draw(st.booleans()) else st.nothing()
        columns[name] = pa.array(data.draw(st.lists(values | empty, min_size=rows, max_size=rows)), kind)
    label = data.draw(st.sampled_from(["text", "number", "any"]))
    labels = ["b", "a"] if label == "text" else [2, 1]
    columns["y"] = columns["a"] if label == "any" else pa.array([labels[i % 2] for i in range(rows)])
    file = path.with_name("data.parquet")
    pq.write_table(pa.table(columns), file)
    checked(file, encode=encode)
