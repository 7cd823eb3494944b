"""Text, truth values and dates as features."""

import warnings
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from rlflood.data import load
from rlflood.data.encoding import MOST_CATEGORIES, encoded, written_days
from rlflood.errors import InputError, RlfloodWarning


def quiet(function, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(*arguments, **options)


def column(values):
    return pa.array(values, pa.large_string())


def test_each_text_is_a_feature_and_two_are_one():
    colours = quiet(encoded, column(["red", "blue", "red", "green"]), "c", kept=False)
    assert colours.shape == (4, 3) and (colours.sum(axis=1) == 1).all()
    assert (colours[0] == colours[2]).all() and (colours[0] != colours[1]).any()
    np.testing.assert_array_equal(
        quiet(encoded, column(["no", "yes", "no"]), "c", kept=False), [[0], [1], [0]]
    )


def test_rare_texts_share_a_feature():
    texts = [f"city {i % 60}" for i in range(600)] + [f"town {i}" for i in range(40)]
    with pytest.warns(RlfloodWarning, match="100 different texts: the 49 most frequent"):
        matrix = encoded(column(texts), "c", kept=False)
    assert matrix.shape == (640, MOST_CATEGORIES) and (matrix.sum(axis=1) == 1).all()


def test_free_text_is_left_out_and_markers_of_missing_values_are_told():
    with pytest.warns(RlfloodWarning, match="another text in each row"):
        assert encoded(column(["a", "b", "c"]), "c", kept=False) is None
    with pytest.warns(RlfloodWarning, match="has 'NA' and '[?]', taken as texts"):
        encoded(column(["a", "NA", "?", "a"]), "c", kept=False)


@pytest.mark.parametrize(
    "texts",
    [
        ["2020-03-01", "1969-12-31"],
        ["2020-03-01T00:00", "1969-12-31 00:00:00"],
        ["2020/03/01", "1969/12/31"],
        ["01.03.2020", "31.12.1969"],
        ["01/03/2020", "31/12/1969"],
        ["03/01/2020", "12/31/1969"],
        ["2020-03-01T02:00+02:00", "1969-12-31T00:00Z"],
    ],
)
def test_dates_are_days(texts):
    assert written_days(column(texts), "d").tolist() == [(date(2020, 3, 1) - date(1970, 1, 1)).days, -1]


def test_dates_that_may_begin_with_day_or_month_are_refused():
    with pytest.raises(InputError, match="the day or the month may come first"):
        written_days(column(["01/02/2020", "03/04/2020"]), "d")
    assert written_days(column(["02/02/2020"]), "d") is not None
    assert written_days(column(["2020-01-01", "soon"]), "d") is None


def test_what_training_has_not_met_is_ignored(tmp_path):
    """A text of three rows is in few training splits; where it is not, it is zero in the others."""
    rng = np.random.default_rng(0)
    colour = ["teal" if i in (5, 50, 70) else "red" if i % 3 else "blue" for i in range(90)]
    rows = [f"{rng.normal():.3f},{colour[i]},{'ab'[i % 2]}" for i in range(90)]
    (tmp_path / "data.csv").write_text("\n".join(["x,colour,label", *rows]))
    source = load(str(tmp_path / "data.csv"), encode=True)
    assert source.features == 4
    seen = set()
    for seed in range(40):
        splits = source.split(train_size=20, val_size=20, test_size=None, label_noise=0.0, seed=seed)
        assert splits.test.x.shape == (50, 4)
        constant = (splits.train.x == splits.train.x[0]).all(axis=0)
        seen.add(bool(constant.any()))
        assert (splits.test.x[:, constant] == 0).all() and (splits.val.x[:, constant] == 0).all()
    assert seen == {True, False}


def test_features_do_not_hang_on_labels(tmp_path):
    def features(label):
        rows = [f"{'rgb'[i % 3]},{i * i},{label(i)}" for i in range(30)]
        (tmp_path / "data.csv").write_text("\n".join(["c,x,label", *rows]))
        return load(str(tmp_path / "data.csv"), encode=True)._x.tolist()

    assert features(lambda i: i % 2) == features(lambda i: i // 3 % 2)


def test_encoding_is_for_tables(tmp_path):
    np.savez(tmp_path / "data.npz", x=np.eye(12), y=np.arange(12) % 2)
    for data in (str(tmp_path / "data.npz"), "wine"):
        with pytest.raises(InputError, match="ncod"):
            load(data, encode=True)


def test_days_that_follow_each_other_row_by_row_number_the_rows(tmp_path):
    rows = [f"2020-01-{i + 1:02},{i * i},{'ab'[i % 2]}" for i in range(30)]
    (tmp_path / "data.csv").write_text("\n".join(["day,x,label", *rows]))
    with pytest.warns(RlfloodWarning, match="'day' numbers the rows"):
        assert load(str(tmp_path / "data.csv"), encode=True).features == 1
    assert quiet(load, str(tmp_path / "data.csv"), encode=True, keep=["day"]).features == 2
