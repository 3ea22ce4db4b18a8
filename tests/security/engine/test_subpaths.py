"""A part of a volume, chosen by path: whoever fills the volume does not choose what of the machine it is."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.harness.capabilities import have
from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest

RUNTIMES = ["wherry", pytest.param("runc", marks=pytest.mark.needs("runc", "root"))]
LINKS = ("/", "/etc", "../../../../../../..", "/proc/1/root", "/proc/self/root", "/proc/self/cwd")


@pytest.fixture
def volume(engine: EngineUnderTest, image: str) -> Iterator[str]:
    """A volume with links to everywhere, made by a container."""
    wherry = engine.wherry
    wherry("volume", "create", "trap")
    links = "".join(f"ln -s {target} /v/link{number}; " for number, target in enumerate(LINKS))
    wherry("run", "--rm", "-v", "trap:/v", image, "sh", "-c", f"{links} mkdir /v/sub; echo mine >/v/sub/file")
    yield "trap"
    engine.remove_containers()
    wherry("volume", "rm", "-f", "trap")


def mount(volume: str, subpath: str) -> str:
    return f"type=volume,src={volume},dst=/part,volume-subpath={subpath}"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_subpath_is_that_part_alone(wherry: Command, image: str, volume: str, runtime: str) -> None:
    run = ["run", "--rm", "--runtime", runtime, "--mount", mount(volume, "sub"), image]
    assert wherry(*run, "cat", "/part/file").line == "mine"
    assert wherry(*run, "ls", "-A", "/part").line == "file"
    wherry(*run, "sh", "-c", "echo more >/part/more")
    again = ["run", "--rm", "--mount", mount(volume, "sub/more"), image, "cat", "/part"]
    assert wherry(*again).line == "more"


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("userns", ["", "host"])
@pytest.mark.parametrize("number", range(len(LINKS)))
def test_links_in_a_volume_lead_nowhere_else(
    wherry: Command, image: str, volume: str, number: int, userns: str, runtime: str
) -> None:
    switches = ["--userns", userns, "--runtime", runtime, "--mount", mount(volume, f"link{number}")]
    result = wherry("run", "--rm", *switches, image, "ls", "-A", "/part", code=None)
    seen = set(result.out.split())
    assert result.code != 0 or seen <= {"sub", *(f"link{number}" for number in range(len(LINKS)))}, result
    assert not seen & {"passwd", "usr", "proc", "root"}


@pytest.mark.parametrize("subpath", ["../x", "/etc", "sub/../../.."])
def test_a_subpath_that_climbs_is_refused(wherry: Command, image: str, volume: str, subpath: str) -> None:
    result = wherry("run", "--rm", "--mount", mount(volume, subpath), image, "true", code=125)
    assert "subpath must be a relative path within the volume" in result.err


def test_a_subpath_that_is_not_there(wherry: Command, image: str, volume: str) -> None:
    result = wherry("run", "--rm", "--mount", mount(volume, "none"), image, "true", code=None)
    assert result.code in (125, 127)
    assert "no such file or directory" in result.err.lower(), result.err


def test_a_subpath_swapped_for_a_link_all_the_time(engine: EngineUnderTest, image: str, volume: str) -> None:
    swap = "cd /v; while :; do mv sub aside; ln -s /etc sub; rm sub; mv aside sub; done"
    engine.wherry("run", "-d", "--name", "swapper", "-v", f"{volume}:/v", image, "sh", "-c", swap)
    deadline = time.monotonic() + 3
    good = 0
    while time.monotonic() < deadline:
        result = engine.wherry(
            "run", "--rm", "--mount", mount(volume, "sub"), image, "ls", "/part", code=None
        )
        assert result.code != 0 or result.line in ("file", ""), result
        good += result.code == 0
    assert good or not have("root")


def test_copying_into_a_stopped_container_goes_by_the_subpath(
    wherry: Command, image: str, volume: str
) -> None:
    for number in range(len(LINKS)):
        name = f"stopped{number}"
        wherry("create", "--name", name, "--mount", mount(volume, f"link{number}"), image, "true")
        result = wherry("cp", f"{name}:/part", "-", code=None)
        assert b"root:" not in result.out.encode()
        assert "shadow" not in result.out
    wherry("create", "--name", "good", "--mount", mount(volume, "sub"), image, "true")
    assert "mine" in wherry("cp", "good:/part/file", "-").out
