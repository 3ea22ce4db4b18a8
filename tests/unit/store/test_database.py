"""The metadata database."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from wherry.errors import Unavailable
from wherry.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(str(tmp_path / "x.db"))


def test_migrations_run_once_and_in_order(database: Database) -> None:
    steps = ["CREATE TABLE t (x TEXT DEFAULT 'a;b'); CREATE TABLE u (y)"]
    database.migrate("one", steps)
    steps.append("ALTER TABLE t ADD COLUMN z")
    database.migrate("one", steps)
    database.migrate("one", steps)
    database.migrate("two", ["CREATE TABLE v (x)"])
    database.execute("INSERT INTO t (z) VALUES (1)")
    row = database.one("SELECT * FROM t")
    assert row is not None and (row["x"], row["z"]) == ("a;b", 1)


def test_a_step_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(Exception, match="syntax"):
        database.migrate("one", ["CREATE TABLE t (x); NONSENSE"])
    assert database.one("SELECT 1 FROM sqlite_master WHERE name = 't'") is None
    database.migrate("one", ["CREATE TABLE t (x)"])


def test_a_newer_database_is_not_touched(database: Database) -> None:
    database.migrate("one", ["CREATE TABLE t (x)", "CREATE TABLE u (x)"])
    with pytest.raises(Unavailable, match="newer"):
        database.migrate("one", ["CREATE TABLE t (x)"])


def test_transactions_are_all_or_nothing_also_nested(database: Database) -> None:
    database.migrate("one", ["CREATE TABLE t (x)"])
    with pytest.raises(ZeroDivisionError), database.transaction():
        database.execute("INSERT INTO t VALUES (1)")
        with database.transaction():
            database.execute("INSERT INTO t VALUES (2)")
        raise ZeroDivisionError
    assert database.all("SELECT * FROM t") == []
    with database.transaction():
        database.many("INSERT INTO t VALUES (?)", [(1,), (2,)])
    assert [row["x"] for row in database.all("SELECT x FROM t")] == [1, 2]


def test_foreign_keys_hold(database: Database) -> None:
    database.migrate("one", ["CREATE TABLE a (x PRIMARY KEY); CREATE TABLE b (x REFERENCES a(x))"])
    with pytest.raises(sqlite3.IntegrityError):
        database.execute("INSERT INTO b VALUES (1)")


def test_threads_do_not_mix_their_transactions(database: Database) -> None:
    database.migrate("one", ["CREATE TABLE t (x)"])

    def work() -> None:
        for _ in range(50):
            with database.transaction():
                row = database.one("SELECT count(*) AS n FROM t")
                assert row is not None
                database.execute("INSERT INTO t VALUES (?)", row["n"])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = [row["x"] for row in database.all("SELECT x FROM t ORDER BY x")]
    assert rows == list(range(200))
