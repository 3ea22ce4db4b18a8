"""The containers that there are, alive in memory: found by id, name or prefix."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from wherry.errors import Conflict, Invalid, NotFound

from ..models import Health
from .record import Condition, Plan
from .table import Row, Table
from .words import random_name

if TYPE_CHECKING:
    from .attach import Waiting

_FIRST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_REST = _FIRST | frozenset("_.-")


class Container:
    """One container: its stored values, and what only a living engine knows.

    `lock` is held by whoever changes its state; reading needs none, since all happens on one loop. `kept` is
    set while a restart is under way, so that `--rm` does not remove it in between.
    """

    __slots__ = (
        "__weakref__",
        "attaching",
        "condition",
        "created",
        "execs",
        "exit_waiters",
        "health",
        "id",
        "kept",
        "lock",
        "name",
        "plan",
        "removal_waiters",
        "tasks",
    )

    def __init__(self, row: Row) -> None:
        self.id = row.id
        self.name = row.name
        self.created = row.created
        self.plan: Plan = row.plan
        self.condition: Condition = row.condition
        self.lock = asyncio.Lock()
        self.exit_waiters: list[asyncio.Future[int]] = []
        self.removal_waiters: list[asyncio.Future[int]] = []
        self.attaching: list[Waiting] = []
        self.kept = False
        self.execs: set[str] = set()
        known = self.condition.health
        self.health: Health | None = Health(status=known, log=[]) if known else None
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def attributes(self, **more: str) -> dict[str, str]:
        """What every event of it carries: labels, image and name, and `more`."""
        return {
            **(self.plan.config.labels or {}),
            "image": self.plan.image_name,
            "name": self.name,
            **more,
        }


class Registry:
    """Every container, and the table behind them."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._by_id: dict[str, Container] = {}
        self._names: dict[str, str] = {}
        for row in table.rows():
            self._by_id[row.id] = Container(row)
            self._names[row.name] = row.id

    def __iter__(self) -> Iterator[Container]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, identifier: str) -> Container | None:
        """By full id."""
        return self._by_id.get(identifier)

    def find(self, ref: str) -> Container:
        """By full id, name, or unique prefix of an id, in this order. Raises `NotFound`, `Invalid`."""
        found = self._by_id.get(ref)
        if found is not None:
            return found
        identifier = self._names.get(ref.removeprefix("/"))
        if identifier in self._by_id:
            return self._by_id[identifier]
        if ref and len(ref) < 64:
            candidates = [item for known, item in self._by_id.items() if known.startswith(ref)]
            if len(candidates) == 1:
                return candidates[0]
            if candidates:
                raise Invalid(
                    f"multiple IDs found with provided prefix: {ref}", hint="give more digits of the id"
                )
        raise NotFound(f"No such container: {ref}")

    def claim(self, name: str, identifier: str) -> str:
        """Reserve a name (a random one for "") for a container that is being made; returns it.

        Raises `Invalid` for a malformed one, `Conflict` with Docker's wording for one in use. Undone by
        `release`.
        """
        name = name.removeprefix("/")
        if not name:
            while (name := random_name()) in self._names:
                if len(self._names) > 3000:
                    name = f"{name}{len(self._names)}"
                    break
        else:
            check_name(name)
        holder = self._names.get(name)
        if holder is not None:
            raise Conflict(
                f'Conflict. The container name "/{name}" is already in use by container "{holder}". '
                "You have to remove (or rename) that container to be able to reuse that name."
            )
        self._names[name] = identifier
        return name

    def release(self, name: str) -> None:
        """Give a name back."""
        self._names.pop(name, None)

    def add(self, row: Row) -> Container:
        """Store a container whose name was claimed."""
        self.table.insert(row)
        container = self._by_id[row.id] = Container(row)
        return container

    def rename(self, container: Container, name: str) -> None:
        """Give it a name that was claimed; the old one is free again."""
        self.table.rename(container.id, name)
        self._names.pop(container.name, None)
        container.name = name

    def discard(self, container: Container) -> None:
        """Forget it, here and in the table."""
        self.table.delete(container.id)
        self._by_id.pop(container.id, None)
        if self._names.get(container.name) == container.id:
            del self._names[container.name]

    def save(self, container: Container) -> None:
        """Write its condition."""
        self.table.save_condition(container.id, container.condition)

    def save_plan(self, container: Container) -> None:
        """Write what was asked for."""
        self.table.save_plan(container.id, container.plan)


def check_name(name: str) -> None:
    """Raise `Invalid`, in Docker's words, unless `name` may be a container's."""
    if len(name) < 2 or name[0] not in _FIRST or not _REST.issuperset(name):
        raise Invalid(
            f"Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
        )
