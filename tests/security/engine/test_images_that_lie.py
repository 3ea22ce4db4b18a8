"""Image configurations with hostile values: they expose nothing and set nothing that is reserved."""

from __future__ import annotations

import json

import pytest

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest


@pytest.fixture
def made(engine: EngineUnderTest, image: str) -> object:
    """Make an image with these instructions."""
    engine.wherry("create", "--name", "seed", image, "true")

    def make(*changes: str) -> str:
        words = [word for change in changes for word in ("--change", change)]
        return engine.wherry("commit", *words, "seed").line

    return make


@pytest.mark.parametrize("number", [3, 4, 5, 6, 7, 8, 9, 10, 15, 20])
def test_a_working_directory_by_descriptor(wherry: Command, made: object, number: int) -> None:
    """CVE-2024-21626, from the image's own configuration, on run and on exec, as root of the machine too."""
    hostile = made(f"WORKDIR /proc/self/fd/{number}")  # type: ignore[operator]
    for switches in ([], ["--userns=host"]):
        result = wherry("run", "--rm", *switches, hostile, "sh", "-c", "pwd; ls -a", code=None)
        assert result.code != 0, result
    wherry("rmi", hostile)


def test_a_working_directory_of_exec_by_descriptor(wherry: Command, image: str) -> None:
    wherry("run", "-d", "--name", "target", "--userns=host", image, "sleep", "60")
    for number in range(3, 20):
        for path in (f"/proc/self/fd/{number}", f"/proc/self/fd/{number}/../../.."):
            result = wherry("exec", "-w", path, "target", "sh", "-c", "pwd; ls -a", code=None)
            assert result.code != 0 or result.out.splitlines()[0] == "/", result
            assert "lost+found" not in result.out


@pytest.mark.parametrize("volume", ["/../../../etc", "/proc/../etc", "/a/../../..", "/proc/self/root/etc"])
def test_a_volume_of_the_image_that_climbs(wherry: Command, made: object, volume: str) -> None:
    """CVE-2022-23648: what an image's volume is filled with comes from the image alone."""
    hostile = made(f'VOLUME ["{volume}"]')  # type: ignore[operator]
    script = "cat /etc/shadow /etc/machine-id /etc/hostname.of.host 2>/dev/null; exit 0"
    result = wherry("run", "--rm", hostile, "sh", "-c", script, code=None)
    assert "root:" not in result.out
    wherry("rmi", hostile)


def test_a_volume_whose_place_in_the_image_is_a_link_out(wherry: Command, image: str) -> None:
    wherry("run", "--name", "linked", image, "sh", "-c", "ln -s ../../../../../../../../etc /data")
    hostile = wherry("commit", "--change", 'VOLUME ["/data"]', "linked").line
    result = wherry("run", "--rm", hostile, "ls", "/data/", code=None)
    assert not {"shadow", "machine-id", "ssh"} & set(result.out.split())
    wherry("rm", "linked")
    wherry("rmi", hostile)


@pytest.mark.parametrize("user", ["0:0:0", "-1", "4294967296", "root\\nroot", "../../etc", "0x0", " 0"])
def test_users_that_are_none(wherry: Command, image: str, user: str) -> None:
    result = wherry("run", "--rm", "-u", user, image, "id", code=None)
    assert result.code in (125, 126), result
    assert "uid=0" not in result.out


def test_labels_set_nothing(wherry: Command, made: object) -> None:
    """An image may not speak for the engine: no label or variable of it changes how it is confined."""
    hostile = made(  # type: ignore[operator]
        "LABEL io.wherry.privileged=true com.docker.network.bridge.name=eth0 wherry.init=true",
        "ENV WHERRY_HOME=/tmp/x WHERRY_DEBUG=1 LD_PRELOAD=/tmp/evil.so",
    )
    name = wherry("run", "-d", hostile, "sleep", "60").line
    told = json.loads(wherry("inspect", "-f", "{{json .Wherry}}", name).out)
    assert told["Seccomp"] == "default"
    assert len(told["Capabilities"]) == 14
    first = wherry("exec", name, "cat", "/proc/1/cmdline").out
    assert "init" not in first
    wherry("rm", "-f", name)
    wherry("rmi", hostile)


def test_files_named_by_bytes_that_are_no_text(wherry: Command, image: str) -> None:
    wherry("run", "--name", "bytes", "--network", "none", image, "sh", "-c", "touch \"$(printf '/n\\377')\"")
    assert "A /n\ufffd" in wherry("diff", "bytes").out.splitlines()
