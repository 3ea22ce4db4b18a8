"""Fixtures that run containers for a test and remove them afterwards, also when the tests are killed.

    pytest_plugins = ["wherry.testing.plugin"]

    def test_query(container):
        db = container("postgres:16", ports=[5432], wait="ready to accept connections")
        ...

    def test_shop(compose):
        shop = compose("compose.yaml")
        assert shop["web"].exec("curl -s localhost").text

`container` and `compose` are for one test, `session_container` and `session_compose` for the whole session.
"""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING

import pytest

from wherry.client.objects.engine import Engine
from wherry.compose.application import up
from wherry.testing.reaper import Reaper

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Unpack

    from wherry.client.objects.configuration import Options
    from wherry.client.objects.container import Container
    from wherry.compose.application import Application, Files, WhereAndHow

LABEL = "wherry.session"


class Session:
    """One run of the tests: its engine, a label on all that it makes, and what removes it after a kill."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.id = secrets.token_hex(8)
        self.reaper = Reaper(engine.address)
        self.reaper.label(f"{LABEL}={self.id}")


class Runner:
    """Runs containers and remembers them, so that all can be removed."""

    def __init__(self, session: Session, keep: contextlib.ExitStack) -> None:
        self.engine = session.engine
        self._session = session
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
        options["labels"] = {LABEL: self._session.id, **options.get("labels", {})}
        found = self._keep.enter_context(self.engine.containers.run(image, command, **options))
        if wait is True:
            if found.health != "none":
                found.wait_until_healthy(timeout)
        elif isinstance(wait, str):
            found.wait_for_log(wait, timeout)
        elif wait is not False:
            found.wait_for_port(wait, timeout)
        return found


class Composer:
    """Brings applications up and remembers them, so that all can be removed."""

    def __init__(self, session: Session, keep: contextlib.ExitStack) -> None:
        self.engine = session.engine
        self._session = session
        self._keep = keep

    def __call__(self, files: Files = (), *services: str, **options: Unpack[WhereAndHow]) -> Application:
        """Bring an application up and wait until it is running and healthy, under a name of its own.

        `timeout` is 120 s unless given. Ports that are published without a number of this machine are free
        ones: `shop["web"].port(80)`.
        """
        options.setdefault("name", f"test-{secrets.token_hex(6)}")
        options.setdefault("timeout", 120)
        self._session.reaper.project(options["name"])
        return self._keep.enter_context(up(files, *services, engine=self.engine, **options))


@pytest.fixture(scope="session")
def container_engine() -> Iterator[Engine]:
    """The engine that the fixtures use: this user's own. Override it to use another one."""
    with Engine() as engine:
        yield engine


@pytest.fixture(scope="session")
def container_session(container_engine: Engine) -> Iterator[Session]:
    """The label and the reaper of this run of the tests."""
    session = Session(container_engine)
    yield session
    session.reaper.close()


@pytest.fixture
def container(container_session: Session) -> Iterator[Runner]:
    """Runs containers that are removed after the test."""
    with contextlib.ExitStack() as keep:
        yield Runner(container_session, keep)


@pytest.fixture(scope="session")
def session_container(container_session: Session) -> Iterator[Runner]:
    """Runs containers that are removed after the session."""
    with contextlib.ExitStack() as keep:
        yield Runner(container_session, keep)


@pytest.fixture
def compose(container_session: Session) -> Iterator[Composer]:
    """Brings applications up that are removed after the test, with their volumes."""
    with contextlib.ExitStack() as keep:
        yield Composer(container_session, keep)


@pytest.fixture(scope="session")
def session_compose(container_session: Session) -> Iterator[Composer]:
    """Brings applications up that are removed after the session, with their volumes."""
    with contextlib.ExitStack() as keep:
        yield Composer(container_session, keep)
