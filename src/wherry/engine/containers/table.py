"""Containers in the database: one row each, the plan and the condition as JSON."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from wherry.errors import Conflict, Internal
from wherry.store.database import Database

from .record import Condition, Plan

MIGRATIONS = (
    """
    CREATE TABLE containers (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        created INTEGER NOT NULL,
        plan BLOB NOT NULL,
        condition BLOB NOT NULL
    ) WITHOUT ROWID;
    """,
)


class Row(NamedTuple):
    """`created` in nanoseconds since 1970."""

    id: str
    name: str
    created: int
    plan: Plan
    condition: Condition


class Table:
    """Short writes (tens of microseconds) on the engine's thread; durable against a crash of the engine at
    once, against one of the machine after SQLite's next checkpoint."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("containers", MIGRATIONS)

    def rows(self) -> Iterator[Row]:
        """All of them, oldest first. Raises `Internal` for a row that can't be read."""
        for row in self._database.all(
            "SELECT id, name, created, plan, condition FROM containers ORDER BY created"
        ):
            try:
                plan = msgspec.json.decode(row[3], type=Plan)
                condition = msgspec.json.decode(row[4], type=Condition)
            except msgspec.MsgspecError as error:
                raise Internal(f"the record of container {row[0]} is damaged: {error}") from None
            yield Row(row[0], row[1], row[2], plan, condition)

    def insert(self, row: Row) -> None:
        """Raises `Conflict` when the id or the name is there already."""
        try:
            self._database.execute(
                "INSERT INTO containers VALUES (?, ?, ?, ?, ?)",
                row.id,
                row.name,
                row.created,
                msgspec.json.encode(row.plan),
                msgspec.json.encode(row.condition),
            )
        except sqlite3.IntegrityError:
            raise Conflict(f'the container name "/{row.name}" is already in use') from None

    def save_plan(self, identifier: str, plan: Plan) -> None:
        """Replace what was asked for."""
        self._database.execute(
            "UPDATE containers SET plan = ? WHERE id = ?", msgspec.json.encode(plan), identifier
        )

    def save_condition(self, identifier: str, condition: Condition) -> None:
        """Replace what became of it."""
        self._database.execute(
            "UPDATE containers SET condition = ? WHERE id = ?", msgspec.json.encode(condition), identifier
        )

    def rename(self, identifier: str, name: str) -> None:
        """Raises `Conflict` when the name is taken."""
        try:
            self._database.execute("UPDATE containers SET name = ? WHERE id = ?", name, identifier)
        except sqlite3.IntegrityError:
            raise Conflict(f'the container name "/{name}" is already in use') from None

    def delete(self, identifier: str) -> None:
        """Forget it; fine when it is not there."""
        self._database.execute("DELETE FROM containers WHERE id = ?", identifier)
