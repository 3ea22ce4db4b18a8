"""Fixtures of the whole suite: a private home, a real engine, its command line, images, real Docker.

`engine` and `wherry` share one engine for the session (what a test made in it is removed after it);
`own_engine` is for tests that kill, restart or fill it. Both are searched for leaks at the end.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.harness.belongings import belongings, changes, remove_what_came
from tests.harness.capabilities import PROBES, have, other_side, required
from tests.harness.command import Command
from tests.harness.dockerd import Dockerd
from tests.harness.engine import EngineUnderTest
from tests.harness.leaks import end_lingering, left_behind, mounts_below
from tests.images.make import make

# No database of examples: the tree may belong to somebody else, and a test says the same every time.
hypothesis.settings.register_profile("wherry", database=None)
hypothesis.settings.load_profile("wherry")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "needs(*names): capabilities of the machine, from tests/harness/capabilities.py"
    )
    missing = [name for name in required() if not have(name)]
    if missing:
        raise pytest.UsageError(f"WHERRY_REQUIRE names what this machine does not have: {', '.join(missing)}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of the other identity; skip, by name, those whose capability is missing."""
    ours: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        names = [str(name) for mark in item.iter_markers("needs") for name in mark.args]
        unknown = [name for name in names if name not in PROBES]
        if unknown:
            raise pytest.UsageError(
                f"{item.nodeid} needs {unknown}, which tests/harness/capabilities.py lacks"
            )
        (others if any(other_side(name) for name in names) else ours).append(item)
        missing = [name for name in names if not have(name)]
        if missing:
            item.add_marker(pytest.mark.skip(reason=f"needs {', '.join(missing)}"))
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = ours


def _make_home() -> Path:
    # Short and outside pytest's own directory: a Unix socket's path ends at 107 bytes.
    return Path(tempfile.mkdtemp(prefix="wherry-test-", dir="/tmp"))


def _remove_home(home: Path) -> None:
    """Remove the directory, also what an ordinary user's container wrote under other ids."""
    for point in sorted(mounts_below(home), reverse=True):
        subprocess.run(["umount", "-l", point], check=False, capture_output=True)
    shutil.rmtree(home, ignore_errors=True)
    if home.exists() and have("subordinate-ids"):
        command = ["unshare", "--user", "--map-auto", "--map-root-user", "rm", "-rf", str(home)]
        subprocess.run(command, check=False, capture_output=True)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty directory that WHERRY_HOME names; nothing may be mounted or run there after the test."""
    directory = _make_home()
    monkeypatch.setenv("WHERRY_HOME", str(directory))
    yield directory
    end_lingering(directory)
    leaks = left_behind(directory, ())
    _remove_home(directory)
    assert not leaks, "\n".join(leaks)


@contextlib.contextmanager
def _running_engine(*, start: bool) -> Iterator[EngineUnderTest]:
    directory = _make_home()
    engine = EngineUnderTest(directory)
    try:
        if start:
            engine.start()
        yield engine
        engine.stop()
        leaks = engine.leaks()
        assert not leaks, "left behind:\n" + "\n".join([*leaks, engine.log_text()])
    finally:
        engine.stop()
        _remove_home(directory)


@pytest.fixture(scope="session")
def session_engine(busybox_tar: Path | None) -> Iterator[EngineUnderTest]:
    """The one engine that most tests share, with the image `busybox` where the machine can make it."""
    with _running_engine(start=True) as engine:
        if busybox_tar is not None:
            engine.wherry("import", str(busybox_tar), "busybox:latest")
        yield engine


@pytest.fixture
def engine(session_engine: EngineUnderTest) -> Iterator[EngineUnderTest]:
    """The shared engine; what the test made in it is removed, and nothing else of it may be left or gone."""
    if not session_engine.answers():
        session_engine.start()
    before = belongings(session_engine.home)
    yield session_engine
    remove_what_came(session_engine, before)
    found = changes(session_engine.home, before)
    assert not found, "in the shared engine:\n" + "\n".join([*found, session_engine.log_text()])


@pytest.fixture
def own_engine(busybox_tar: Path | None) -> Iterator[EngineUnderTest]:
    """An engine of the test's own, running, with the image `busybox` where the machine can make it."""
    with _running_engine(start=True) as engine:
        if busybox_tar is not None:
            engine.wherry("import", str(busybox_tar), "busybox:latest")
        yield engine


@pytest.fixture
def no_engine() -> Iterator[EngineUnderTest]:
    """A home where nothing runs yet: the first command starts what it needs."""
    with _running_engine(start=False) as engine:
        yield engine


@pytest.fixture
def wherry(engine: EngineUnderTest) -> Command:
    """The command line, against the shared engine."""
    return engine.wherry


@pytest.fixture(scope="session")
def image(busybox_tar: Path | None) -> str:
    """The name of an image with a shell: `busybox`, or the built-in `host` where no busybox is installed."""
    return "busybox" if busybox_tar is not None else "host"


@pytest.fixture(scope="session")
def images_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where root filesystem archives are made, once a session."""
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="session")
def busybox_tar(images_folder: Path) -> Path | None:
    """A root filesystem of 2 MB around the machine's static busybox; None where there is none."""
    return make(images_folder, "busybox.tar") if have("busybox") else None


@pytest.fixture(scope="session")
def debian_tar(images_folder: Path) -> Path:
    """A real Debian root filesystem (170 MB, 20 s to make). For tests that need `mmdebstrap`."""
    return make(images_folder, "debian-python.tar")


@pytest.fixture(scope="session")
def dockerd() -> Iterator[Dockerd]:
    """A real Docker daemon without networks. For tests that need `dockerd`."""
    daemon = Dockerd()
    try:
        daemon.wait_until_ready()
        yield daemon
    finally:
        daemon.stop()
