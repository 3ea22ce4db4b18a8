"""The metadata database: SQLite in WAL mode, with foreign keys and numbered migrations.

One connection behind one lock: queries here are short (microseconds), and one writer is what SQLite has
anyway. A crash loses at most transactions that a power cut overtook; it never leaves half of one.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from wherry.errors import Internal, Unavailable

__all__ = ["Database", "Row"]

Row = sqlite3.Row
Value = str | bytes | int | float | None


class Database:
    """Thread-safe; every method blocks for as long as another thread's transaction lasts."""

    def __init__(self, path: str) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "temp_store=MEMORY"):
            self._connection.execute(f"PRAGMA {pragma}").close()
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (owner TEXT PRIMARY KEY, version INTEGER NOT NULL)"
        ).close()

    def migrate(self, owner: str, steps: Sequence[str]) -> None:
        """Carry out those of `steps` (one SQL script each) that `owner` has not had yet, each atomically.

        Steps are only ever appended. Raises Unavailable when the database was written by a newer version.
        """
        row = self.one("SELECT version FROM migrations WHERE owner = ?", owner)
        done = int(row["version"]) if row else 0
        if done > len(steps):
            raise Unavailable(
                f"the database has version {done} of {owner!r}, newer than this program's {len(steps)}",
                hint="use the newer version of wherry again, or another WHERRY_HOME",
            )
        for version in range(done, len(steps)):
            with self.transaction():
                for statement in _statements(steps[version]):
                    self._connection.execute(statement).close()
                self.execute("INSERT OR REPLACE INTO migrations VALUES (?, ?)", owner, version + 1)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other threads out, for what must not come between a change here and one in the files."""
        with self._lock:
            yield

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; may be nested (the outermost decides)."""
        with self._lock:
            if self._depth == 0:
                self._run("BEGIN IMMEDIATE", ())
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0 and self._connection.in_transaction:
                    self._connection.rollback()
                raise
            self._depth -= 1
            if self._depth == 0:
                try:
                    self._run("COMMIT", ())
                except BaseException:
                    if self._connection.in_transaction:
                        self._connection.rollback()
                    raise

    def execute(self, sql: str, *values: Value) -> int:
        """Run one statement; the number of rows it changed."""
        with self._lock:
            cursor = self._run(sql, values)
            count = cursor.rowcount
            cursor.close()
            return count

    def many(self, sql: str, rows: Sequence[Sequence[Value]]) -> None:
        """Run one statement for each of `rows`, as one transaction."""
        with self.transaction():
            self._connection.executemany(sql, rows).close()

    def all(self, sql: str, *values: Value) -> list[Row]:
        """Every row of a query."""
        with self._lock:
            cursor = self._run(sql, values)
            rows = cursor.fetchall()
            cursor.close()
            return rows

    def one(self, sql: str, *values: Value) -> Row | None:
        """The first row of a query, or None."""
        with self._lock:
            cursor = self._run(sql, values)
            row: Row | None = cursor.fetchone()
            cursor.close()
            return row

    def close(self) -> None:
        """Close the connection; nothing may be called afterwards."""
        with self._lock:
            self._connection.close()

    def _run(self, sql: str, values: Sequence[Value]) -> sqlite3.Cursor:
        try:
            return self._connection.execute(sql, values)
        except sqlite3.OperationalError as error:
            if "full" in str(error):
                raise Unavailable(
                    "no space left on the disk that holds the database",
                    hint="free some space, for instance with `wherry system prune`",
                ) from error
            raise Internal(f"database: {error}") from error


def _statements(script: str) -> Iterator[str]:
    pending: list[str] = []
    for part in script.split(";"):
        pending.append(part)
        text = ";".join(pending).strip()
        if text and sqlite3.complete_statement(text + ";"):
            yield text
            pending = []
