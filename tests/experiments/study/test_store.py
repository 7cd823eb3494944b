"""The store: whole units or nothing, once, from any number of processes."""

import dataclasses
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from rlflood.data import facts_of
from rlflood.errors import InputError
from rlflood.experiments.study.store import DATABASE, ENDED, Store, Unit


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "study")


def add(store, record, setting, unit=None, **changes):
    unit = unit or Unit("wine", record.method, 0, setting.repeats)
    how = {
        "seconds": 1.5,
        "start": 1,
        "data_seeds": setting.data_seeds,
        "network_seeds": setting.network_seeds,
    }
    store.add(unit, record, **(how | changes))


def rows(store, query):
    with sqlite3.connect(store.folder / DATABASE) as connection:
        return connection.execute(query).fetchall()


def test_what_is_added_comes_back(store, records, setting):
    for record in records:
        add(store, record, setting)
    assert set(store.units()) == {Unit("wine", record.method, 0, 3) for record in records}
    numbers, grid = store.record("wine", "grid")
    assert numbers == [0, 1, 2]
    assert grid.val_loss.tobytes() == records[1].val_loss.tobytes()
    assert store.record("wine", "tpe") is None and store.record("digits", "grid") is None


def test_the_plain_columns_say_what_the_arrays_say(store, records, setting):
    for record in records[:2]:
        add(store, record, setting)
    columns = "method, repeat, data_seed, network_seed, epochs_spent, deployed, knob, picked, test_acc_last"
    found = rows(store, f"SELECT {columns} FROM runs ORDER BY method DESC, repeat")
    none, grid = records[:2]
    assert found == [
        *(("none", r, setting.data_seeds[r], setting.network_seeds[r], 12, "last", None, None, none.test_acc_last[r])
          for r in range(3)),
        *(("grid", r, setting.data_seeds[r], setting.network_seeds[r], 132, "last", "level", grid.search.picked_value("last")[r],
           grid.test_acc_last[r]) for r in range(3)),
    ]  # fmt: skip


def test_a_unit_that_is_there_stays_as_it_is(store, records, setting):
    add(store, records[0], setting)
    other = dataclasses.replace(records[0], test_acc_last=records[0].test_acc_last * 0)
    add(store, other, setting, seconds=9.0)
    assert store.record("wine", "none")[1].test_acc_last.tolist() == records[0].test_acc_last.tolist()
    assert list(store.units().values()) == [1.5]
    assert len(rows(store, "SELECT * FROM runs")) == 3


def test_a_unit_is_added_whole_or_not_at_all(store, records, setting):
    with pytest.raises(IndexError):
        add(store, records[0], setting, network_seeds=(1,))
    with pytest.raises(sqlite3.Error):
        add(store, records[0], setting, data_seeds=(1, 2, None))  # refused by the second table
    assert store.units() == {} and rows(store, "SELECT * FROM units") == []


def test_blocks_are_joined_in_the_order_of_their_repeats(store, records, setting):
    unit = Unit("wine", "none", 3, 3)
    add(store, records[0], setting, unit)
    add(store, records[0], setting)
    numbers, record = store.record("wine", "none")
    assert numbers == [0, 1, 2, 3, 4, 5] and record.repeats == 6


def test_many_writers_at_once(tmp_path, records, setting):
    def work(number):
        own = Store(tmp_path / "study")
        for first in range(0, 30, 3):
            add(own, records[number % 2], setting, Unit("wine", records[number % 2].method, first, 3))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    store = Store(tmp_path / "study")
    assert len(store.units()) == 20
    assert store.record("wine", "none")[0] == list(range(30))


def test_the_time_of_the_last_result_is_kept(store, records, setting, invented_results):
    def ended():
        return store.meta(ENDED) and datetime.fromisoformat(store.meta(ENDED))

    store.begin({}, {})
    assert ended() is None, "as in a database that an older version wrote"
    begun = datetime.now(UTC).replace(microsecond=0)
    add(store, records[0], setting)
    assert begun <= ended() <= datetime.now(UTC)
    store.set_meta(ENDED, "2020-01-01T00:00:00+00:00")
    add(store, records[0], setting)
    store.begin({}, {})
    assert ended().year == 2020, "nothing was added"
    store.add_diagnosis("wine", "none", next(iter(invented_results().diagnoses.values())))
    assert ended() >= begun


def test_starts_are_numbered_and_kept(store):
    assert [store.begin({"commit": "a"}, {}), store.begin({"commit": "b"}, {})] == [1, 2]
    assert store.starts() == [{"commit": "a"}, {"commit": "b"}]


def test_what_is_known_of_the_data_is_kept(store):
    wine, images = facts_of("wine"), facts_of("cifar10")
    store.begin({}, {"a": wine, "b": wine})
    store.begin({}, {"b": images})
    assert Store(store.folder).facts() == {"a": wine, "b": images}


def test_a_unit_keys_its_own_lock():
    units = [Unit("a", "b", 0, 5), Unit("a", "b", 5, 5), Unit("ab", "", 0, 5), Unit("a", "c", 0, 5)]
    assert len({unit.key for unit in units}) == 4
    assert Unit("a", "b", 0, 5).key == Unit("a", "b", 0, 3).key  # of one block, whatever is left of it


def test_a_damaged_database_and_one_of_another_version(tmp_path):
    (tmp_path / DATABASE).write_bytes(b"this is no database, whatever its name says" * 40)
    with pytest.raises(InputError, match="cannot be used"):
        Store(tmp_path)
    other = Store(tmp_path / "other")
    other.set_meta("format", "rlflood-study/99")
    with pytest.raises(InputError, match="another version"):
        Store(tmp_path / "other")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be used"):
        Store(tmp_path / "file")
