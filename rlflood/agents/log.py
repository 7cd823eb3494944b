"""The training log as CSV, rewritten whole so that it never ends in half a row, and for TensorBoard."""

import csv
import io
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stable_baselines3.common.logger import KVWriter, TensorBoardOutputFormat

from rlflood.errors import InputError, RlfloodWarning
from rlflood.files import reason, write_whole


class CsvLog(KVWriter):
    """Collects what Stable-Baselines3 logs, a row an iteration, and writes it when told to.

    Args:
        path: The file.
        decisions: Steps of an episode: the log counts episodes.
        episodes: Where training goes on: rows of ``path`` up to here are kept, later ones dropped.

    Raises:
        InputError: if ``path`` is no such log.
    """

    def __init__(self, path: Path, *, decisions: int, episodes: int) -> None:
        self._path, self._decisions = path, decisions
        self.rows: list[dict[str, Any]] = []
        if episodes and path.exists():
            try:
                with path.open(newline="", encoding="utf-8") as file:
                    self.rows = [row for row in csv.DictReader(file) if int(row["episodes"]) <= episodes]
            except (OSError, LookupError, TypeError, ValueError, csv.Error) as error:
                raise InputError(
                    f"the log {path} cannot be gone on with ({error}): move it away, and another one begins"
                ) from None

    def write(self, key_values: Mapping[str, Any], key_excluded: Mapping[str, Any], step: int = 0) -> None:
        """Take in a row; called by the logger."""
        # formatted here, so that a number read back after a stop looks as it did before
        numbers = {
            key: f"{float(value):.9g}"
            for key, value in key_values.items()
            if "csv" not in (key_excluded.get(key) or ())
        }
        self.rows.append({"episodes": step // self._decisions, **numbers})

    def save(self, path: Path | None = None) -> None:
        """Write all rows, to another place than the log's own if ``path`` is given."""
        columns = list(dict.fromkeys(key for row in self.rows for key in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_whole(path or self._path, text.getvalue())

    def close(self) -> None:
        """Nothing to release."""


class TensorBoardLog(TensorBoardOutputFormat):
    """The same for TensorBoard. What cannot be written is a warning, once: training goes on without it.

    Args:
        folder: Where its events go; made if missing.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self._folder, self._failed = folder, False

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, Any], step: int = 0) -> None:
        """Take in a row; called by the logger."""
        if self._failed:
            return
        try:
            super().write(key_values, key_excluded, step)
        except OSError as error:
            self._failed = True  # its writer does not come back from an error
            warnings.warn(
                f"{self._folder} cannot be written ({reason(error)}): training goes on without its curves",
                RlfloodWarning,
                stacklevel=2,
            )


@contextmanager
def quiet_tensorboard() -> Iterator[None]:
    """Within this, an error of the thread that writes for TensorBoard is left to :class:`TensorBoardLog`."""
    usual = threading.excepthook

    def show(error: threading.ExceptHookArgs) -> None:
        ours = type(error.thread).__module__.startswith("tensorboard.")
        if not (ours and issubclass(error.exc_type, OSError)):
            usual(error)

    threading.excepthook = show
    try:
        yield
    finally:
        threading.excepthook = usual
