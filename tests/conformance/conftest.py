"""Real clients against a real engine: fixtures of the conformance tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.daemons import DOCKERD, Daemon, wanted
from tests.harness.dockerd import Dockerd
from tests.harness.engine import EngineUnderTest


@pytest.fixture(scope="session", params=wanted())
def _any_daemon(request: pytest.FixtureRequest, busybox_tar: Path | None) -> tuple[str, object]:
    """The daemon itself, started once for all tables."""
    if request.param == DOCKERD:
        real: Dockerd = request.getfixturevalue("dockerd")
        assert busybox_tar is not None
        real.docker("import", str(busybox_tar), "busybox:latest")
        return DOCKERD, real
    return request.param, request.getfixturevalue("session_engine")


def _clean(daemon: Daemon) -> None:
    """Remove what a table left: containers, volumes, and all images but the one."""
    ids = daemon.docker("ps", "-aq").out.split()
    if ids:
        daemon.docker("rm", "-fv", *ids)
    daemon.docker("volume", "prune", "-af")
    daemon.docker("volume", "prune", "-f")
    listed = daemon.docker("images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").out.splitlines()
    names = [name if "<none>" not in name else short for name, short in (line.split() for line in listed)]
    extra = [name for name in names if name.partition(":")[0] not in ("busybox", "hello", "host")]
    if extra:
        daemon.docker("rmi", "-f", *extra)


@pytest.fixture
def daemon(_any_daemon: tuple[str, object], image: str, tmp_path: Path) -> Iterator[Daemon]:
    """A daemon with the image and without containers; they are removed after the test."""
    name, running = _any_daemon
    (tmp_path / "config").mkdir()
    if isinstance(running, Dockerd):
        real = Daemon(name, f"unix://{running.socket}", image, tmp_path)
        yield real
        _clean(real)
        return
    assert isinstance(running, EngineUnderTest)
    if not running.answers():
        running.start()
    ours = Daemon(name, running.docker_host, image, tmp_path)
    yield ours
    _clean(ours)
