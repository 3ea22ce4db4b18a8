"""Fixtures that run containers for a test and remove them afterwards, also when it fails.

    pytest_plugins = ["wherry.testing.plugin"]

    def test_query(container):
        db = container("postgres:16", ports=[5432], wait="ready to accept connections")
        ...

`container` is for one test; `session_container` keeps what it makes for the whole session.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from wherry.client.objects.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Unpack

    from wherry.client.objects.configuration import Options
    from wherry.client.objects.container import Container


class Runner:
    """Runs containers and remembers them, so that all can be removed."""

    def __init__(self, engine: Engine, keep: contextlib.ExitStack) -> None:
        self.engine = engine
        self._keep = keep

    def __call__(
        self,
        image: str,
        command: Sequence[str] | str = (),
        *,
        wait: str | int | bool = True,
        timeout: float = 60,
        **options: Unpack[Options],
    ) -> Container:
        """Run a container and wait until it is of use.

        `wait`: a number waits for that (published) port, text for a line that matches it, True for its
        health check where it has one, False for nothing.
        """
        found = self._keep.enter_context(self.engine.containers.run(image, command, **options))
        if wait is True:
            if found.health != "none":
                found.wait_until_healthy(timeout)
        elif isinstance(wait, str):
            found.wait_for_log(wait, timeout)
        elif wait is not False:
            found.wait_for_port(wait, timeout)
        return found


@pytest.fixture(scope="session")
def container_engine() -> Iterator[Engine]:
    """The engine that the fixtures use: this user's own. Override it to use another one."""
    with Engine() as engine:
        yield engine


@pytest.fixture
def container(container_engine: Engine) -> Iterator[Runner]:
    """Runs containers that are removed after the test."""
    with contextlib.ExitStack() as keep:
        yield Runner(container_engine, keep)


@pytest.fixture(scope="session")
def session_container(container_engine: Engine) -> Iterator[Runner]:
    """Runs containers that are removed after the session."""
    with contextlib.ExitStack() as keep:
        yield Runner(container_engine, keep)
