"""The training log as CSV, rewritten whole so that it never ends in half a row."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stable_baselines3.common.logger import KVWriter

from rlflood.files import write_whole


class CsvLog(KVWriter):
    """Collects what Stable-Baselines3 logs, a row an iteration, and writes it when told to.

    Args:
        path: The file.
        decisions: Steps of an episode: the log counts episodes.
        episodes: Where training goes on: rows of ``path`` up to here are kept, later ones dropped.
    """

    def __init__(self, path: Path, *, decisions: int, episodes: int) -> None:
        self._path, self._decisions = path, decisions
        self.rows: list[dict[str, Any]] = []
        if episodes and path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                self.rows = [row for row in csv.DictReader(file) if int(row["episodes"]) <= episodes]

    def write(self, key_values: Mapping[str, Any], key_excluded: Mapping[str, Any], step: int = 0) -> None:
        """Take in a row; called by the logger."""
        # formatted here, so that a number read back after a stop looks as it did before
        numbers = {
            key: f"{float(value):.9g}"
            for key, value in key_values.items()
            if "csv" not in (key_excluded.get(key) or ())
        }
        self.rows.append({"episodes": step // self._decisions, **numbers})

    def save(self) -> None:
        """Write all rows."""
        columns = list(dict.fromkeys(key for row in self.rows for key in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_whole(self._path, text.getvalue())

    def close(self) -> None:
        """Nothing to release."""
