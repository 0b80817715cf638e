"""A temporary database on disk, so that a window of any size needs little memory. Nothing of it is left at the end.

sqlite3 makes the file for an empty name, in the system's temporary folder, and removes its name at once.
"""

import importlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from deploy.errors import DeployError

CACHE_KIB = 16_384
"""Memory for pages of the file."""

_SETTINGS = (
    "PRAGMA journal_mode = OFF",  # the file ends with this process
    "PRAGMA synchronous = OFF",
    f"PRAGMA cache_size = -{CACHE_KIB}",
)


class TemporaryDatabase:
    """An empty database. Only one thread uses it at a time. ``tables``: the statements that make its tables.

    Raises:
        DeployError: it cannot be made, for example because this Python was built without sqlite3.

    """

    def __init__(self, tables: Sequence[str]) -> None:
        try:
            self._sqlite = importlib.import_module("sqlite3")  # every other verb works without it
        except ImportError:
            what = "this Python was built without sqlite3, which this verb needs"
            raise DeployError(what, fix=["use a Python of your system or of python.org"]) from None
        with self._explained():
            self._connection = self._sqlite.connect("", isolation_level=None, check_same_thread=False)
        for statement in (*_SETTINGS, *tables, "BEGIN"):
            self.run(statement)

    def run(self, statement: str, *values: Any) -> int:
        """Run a statement, and return the number of rows that it changed. Raises ``DeployError``."""
        with self._explained():
            changed: int = self._connection.execute(statement, values).rowcount
            return changed

    def run_for_each(self, statement: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run a statement with the values of each row, and return the number of changed rows.

        Raises:
            DeployError: it failed, for example because the disk is full.

        """
        with self._explained():
            changed: int = self._connection.executemany(statement, rows).rowcount
            return changed

    def rows(self, question: str, *values: Any) -> Iterator[Any]:
        """Yield the rows of an answer. Raises ``DeployError``."""
        with self._explained():
            answers = self._connection.execute(question, values)
        while True:
            with self._explained():
                row = answers.fetchone()
            if row is None:
                return
            yield row

    def close(self) -> None:
        """Remove the database."""
        self._connection.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self._sqlite.Error as error:
            fix = ["set TMPDIR to a folder with more room"]
            raise DeployError(f"{error}", where="the temporary database", fix=fix) from None
