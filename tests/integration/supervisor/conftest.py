from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.supervisor.station import Station, content_of, gone, groups_of


@pytest.fixture(scope="session")
def busybox_root(busybox_tar: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The busybox root filesystem, unpacked. For tests that need `busybox`."""
    assert busybox_tar is not None
    root = tmp_path_factory.mktemp("busybox")
    subprocess.run(["tar", "-xf", str(busybox_tar), "-C", str(root)], check=True)
    root.chmod(0o755)
    return root


@pytest.fixture
async def station(home: Path, busybox_root: Path) -> AsyncIterator[Station]:
    """A connected supervisor; the test fails when it complained of anything in its log."""
    station = Station(home, busybox_root)
    await station.connect()
    yield station
    await station.stop()
    assert content_of(f"{station.state}/supervisor.log") == ""
    for group in groups_of(station):
        assert await gone(group), group
    remove_groups(home)


def remove_groups(home: Path) -> None:
    mounts = Path("/sys/fs/cgroup")
    for top in (*mounts.glob(f"*/wherry-test-{home.name}"), *mounts.glob(f"wherry-test-{home.name}")):
        top.rmdir()
