"""Where a study's results live: one folder, with an embedded database that every finished unit goes into."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlflood.data import Facts
from rlflood.errors import InputError
from rlflood.experiments.runs.diagnosis import Diagnosis, from_arrays, to_arrays
from rlflood.experiments.runs.record import TEST_SCORES, Record
from rlflood.experiments.study.arrays import array_bytes, arrays_from_bytes, record_bytes, record_from_bytes

DATABASE = "results.sqlite"
FORMAT = "rlflood-study/2"
_TRIED = "tried"
ENDED = "ended"
"""The key of the time (ISO 8601) at which the last piece of work was committed; none in older databases."""

# `runs` says again, in plain columns, what a reader of the database asks for first; the arrays have it all.
_TABLES = f"""
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS units (
    task TEXT NOT NULL, method TEXT NOT NULL, first INTEGER NOT NULL, repeats INTEGER NOT NULL,
    arrays BLOB NOT NULL, seconds REAL NOT NULL, start INTEGER NOT NULL REFERENCES starts (number),
    PRIMARY KEY (task, method, first)
);
CREATE TABLE IF NOT EXISTS runs (
    task TEXT NOT NULL, method TEXT NOT NULL, repeat INTEGER NOT NULL,
    data_seed INTEGER NOT NULL, network_seed INTEGER NOT NULL, epochs_spent INTEGER NOT NULL,
    deployed TEXT NOT NULL, knob TEXT, picked REAL,
    {", ".join(f"{name} REAL" for name in TEST_SCORES)},
    PRIMARY KEY (task, method, repeat)
);
CREATE TABLE IF NOT EXISTS diagnoses (
    task TEXT NOT NULL, method TEXT NOT NULL, arrays BLOB NOT NULL, PRIMARY KEY (task, method)
);
CREATE TABLE IF NOT EXISTS data (task TEXT PRIMARY KEY, facts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS starts (number INTEGER PRIMARY KEY, environment TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Unit:
    """What is trained and committed at once: some repeats of one method on one task."""

    task: str
    method: str
    first: int
    repeats: int

    @property
    def key(self) -> str:
        """A short name for files."""
        content = json.dumps([self.task, self.method, self.first])
        return hashlib.sha256(content.encode()).hexdigest()[:16]


class Store:
    """The results of one study.

    Any number of processes may read and write at the same time: SQLite's own locks guard the file, and a
    unit that is there already stays as it is.

    Args:
        folder: The study's folder.

    Raises:
        InputError: if the database in it is damaged or of another format.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with self._connection() as connection:
                connection.executescript(_TABLES)
                connection.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (FORMAT,))
            written = self.meta("format")
        except InputError as error:
            raise InputError(f"{error}: choose another folder") from None
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f"the results in {folder} cannot be used ({error}): choose another folder"
            ) from None
        if written != FORMAT:
            raise InputError(
                f"the results in {folder} were written by another version of rlflood "
                f"({written}, not {FORMAT}): choose another folder"
            )

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether a study has been started in ``folder``."""
        return (folder / DATABASE).is_file()

    def meta(self, key: str) -> str | None:
        """A text kept with the results."""
        with self._connection() as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Keep a text with the results, in place of an earlier one."""
        with self._connection() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def begin_anew(self) -> None:
        """Forget a study of which nothing is done: its texts, and the processes that have worked on it."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            if connection.execute("SELECT 1 FROM units").fetchone() is None:
                connection.execute("DELETE FROM meta WHERE key != 'format'")
                connection.execute("DELETE FROM starts")

    @property
    def tried(self) -> bool:
        """Whether any process has begun to work on the study; see :meth:`set_tried`."""
        return self.meta(_TRIED) is not None or bool(self.starts())

    def set_tried(self) -> None:
        """Note that a process begins to work on the study, though it may not come as far as :meth:`begin`."""
        self.set_meta(_TRIED, "")

    def begin(self, environment: dict[str, Any], facts: Mapping[str, Facts]) -> int:
        """Note that a process starts to work on the study.

        Args:
            environment: Where.
            facts: What is known of the data, by name of task, for reports: they do not open them.

        Returns:
            Its number, to be given to :meth:`add`.
        """
        with self._connection() as connection:
            cursor = connection.execute(
                "INSERT INTO starts (environment) VALUES (?)", (json.dumps(environment),)
            )
            connection.executemany(
                "INSERT OR REPLACE INTO data VALUES (?, ?)",
                [(task, known.to_json()) for task, known in facts.items()],
            )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def starts(self) -> list[dict[str, Any]]:
        """The environments of all processes that have worked on the study, in order."""
        with self._connection() as connection:
            rows = connection.execute("SELECT environment FROM starts ORDER BY number").fetchall()
        return [json.loads(row[0]) for row in rows]

    def facts(self) -> dict[str, Facts]:
        """What is known of the data, by name of task; nothing in a study of an older version."""
        with self._connection() as connection:
            rows = connection.execute("SELECT task, facts FROM data").fetchall()
        return {task: Facts.from_json(facts) for task, facts in rows}

    def units(self) -> dict[Unit, float]:
        """The finished units and the seconds that each took."""
        with self._connection() as connection:
            rows = connection.execute("SELECT task, method, first, repeats, seconds FROM units").fetchall()
        return {Unit(*row[:4]): row[4] for row in rows}

    def add(
        self,
        unit: Unit,
        record: Record,
        *,
        data_seeds: tuple[int, ...],
        network_seeds: tuple[int, ...],
        seconds: float,
        start: int,
    ) -> None:
        """Commit a unit, whole or not at all; if it is there already, nothing changes.

        Args:
            unit: Which one.
            record: Its repeats.
            data_seeds: One a repeat of the unit.
            network_seeds: Likewise.
            seconds: How long it took.
            start: The number of the process, from :meth:`begin`.
        """
        search, knob, picked = record.search, None, [None] * unit.repeats
        if search is not None:
            knob, picked = search.knob, search.picked_value(record.deployed).tolist()
        rows = [
            (
                unit.task, unit.method, unit.first + r, data_seeds[r], network_seeds[r],
                int(record.epochs_spent[r]), record.deployed, knob, picked[r],
                *(float(getattr(record, name)[r]) for name in TEST_SCORES),
            )
            for r in range(unit.repeats)
        ]  # fmt: skip
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            added = connection.execute(
                "INSERT OR IGNORE INTO units VALUES (?, ?, ?, ?, ?, ?, ?)",
                (unit.task, unit.method, unit.first, unit.repeats, record_bytes(record), seconds, start),
            )
            if added.rowcount:
                places = ", ".join("?" * len(rows[0]))
                connection.executemany(f"INSERT INTO runs VALUES ({places})", rows)
                _note_time(connection)

    def record(self, task: str, method: str) -> tuple[list[int], Record] | None:
        """The numbers of the repeats that are done, in order, and their record; None if none is."""
        with self._connection() as connection:
            rows = connection.execute(
                "SELECT first, repeats, arrays FROM units WHERE task = ? AND method = ? ORDER BY first",
                (task, method),
            ).fetchall()
        if not rows:
            return None
        numbers = [number for first, repeats, _ in rows for number in range(first, first + repeats)]
        return numbers, Record.concat([record_from_bytes(method, arrays) for _, _, arrays in rows])

    def add_diagnosis(self, task: str, method: str, diagnosis: Diagnosis) -> None:
        """Commit a diagnosis; if it is there already, nothing changes."""
        with self._connection() as connection:
            added = connection.execute(
                "INSERT OR IGNORE INTO diagnoses VALUES (?, ?, ?)",
                (task, method, array_bytes(to_arrays(diagnosis))),
            )
            if added.rowcount:
                _note_time(connection)

    def diagnosed(self, task: str) -> set[str]:
        """The methods that have a diagnosis on a task."""
        with self._connection() as connection:
            rows = connection.execute("SELECT method FROM diagnoses WHERE task = ?", (task,)).fetchall()
        return {row[0] for row in rows}

    def diagnosis(self, task: str, method: str) -> Diagnosis | None:
        """The diagnosis of a method on a task, if there is one."""
        with self._connection() as connection:
            row = connection.execute(
                "SELECT arrays FROM diagnoses WHERE task = ? AND method = ?", (task, method)
            ).fetchone()
        return None if row is None else from_arrays(arrays_from_bytes(row[0]))

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        # a connection for each piece of work: cheap beside training, and nothing is shared between threads;
        # what happens inside is one transaction
        try:
            with closing(sqlite3.connect(self.folder / DATABASE, timeout=120)) as connection, connection:
                yield connection
        except sqlite3.OperationalError as error:  # a full disk, a folder that is gone, no permission
            raise InputError(f"the results in {self.folder} cannot be used ({error})") from error


def _note_time(connection: sqlite3.Connection) -> None:
    """Keep the present time as that of the last result."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (ENDED, now))
