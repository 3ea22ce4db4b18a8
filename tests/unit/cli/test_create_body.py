"""The flags of `run` and `create` become the JSON that Docker's own command line sends for them.

create_bodies.json holds what Docker 28.2's command line sent, or said, for each command line, recorded by
tests/conformance/test_recorded_bodies.py; members that are empty or zero are left out on both sides.
"""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest

from wherry.cli.container.body import container_body
from wherry.cli.container.create import COMMAND
from wherry.cli.flags import parse
from wherry.errors import WherryError

_RECORDED = json.loads((Path(__file__).parent / "create_bodies.json").read_text())


def body(line: str) -> dict[str, Any]:
    flags, arguments = parse(COMMAND.flags, shlex.split(line), interspersed=False)
    return container_body(flags, arguments[0], arguments[1:])


def without_empty(value: Any) -> Any:
    """The value without members that are false, zero or empty, which mean the same as absent ones."""
    if isinstance(value, dict):
        kept = {name: without_empty(member) for name, member in value.items()}
        return {name: member for name, member in kept.items() if member}
    if isinstance(value, list):
        return [without_empty(member) for member in value]
    return value


@pytest.mark.parametrize(
    ("line", "expected"), _RECORDED["accepted"], ids=lambda v: v if isinstance(v, str) else ""
)
def test_accepted(line: str, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("B", "bee")
    found = without_empty(body(line))
    found["HostConfig"].get("Binds", []).sort()
    assert found == expected


@pytest.mark.parametrize(("line", "message"), _RECORDED["refused"], ids=lambda v: v)
def test_refused(line: str, message: str) -> None:
    with pytest.raises(WherryError) as error:
        body(line)
    assert error.value.message.strip() == message.strip()


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/root")
    monkeypatch.delenv("NOWHERE", raising=False)
    (tmp_path / "env").write_text("# c\nA=1\nHOME\nNOWHERE\nB= spaced \n\n  C=3\n")
    (tmp_path / "labels").write_text("x=y\n")
    (tmp_path / "profile").write_text('{\n "defaultAction": "SCMP_ACT_ALLOW",\n "syscalls": []\n}\n')
    found = body(
        f"--env-file {tmp_path}/env --label-file {tmp_path}/labels"
        f" --security-opt seccomp={tmp_path}/profile x"
    )
    assert found["Env"] == ["A=1", "HOME=/root", "B= spaced ", "C=3"]
    assert found["Labels"] == {"x": "y"}
    assert found["HostConfig"]["SecurityOpt"] == ['seccomp={"defaultAction":"SCMP_ACT_ALLOW","syscalls":[]}']


def test_relative_source_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = os.fspath(tmp_path)
    assert body("-v .:/src -v ./a:/b:ro x")["HostConfig"]["Binds"] == [f"{here}:/src", f"{here}/a:/b:ro"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-v x:y:z:w i", "invalid spec: x:y:z:w: too many colons"),
        ("-v a::/b i", "invalid spec: a::/b: empty section between colons"),
        ("--ip 1.2.3.4.5 i", "IP address is not correctly formatted"),
        ("--network name= i", "network name is required"),
        ("--ipc foo i", "--ipc: invalid IPC mode"),
        ("--kernel-memory 50m i", "the kernel has no such limit"),
        ("--use-api-socket i", "not yet in this version"),
    ],
)
def test_refused_here_though_docker_leaves_it_to_its_engine(line: str, message: str) -> None:
    with pytest.raises(WherryError) as error:
        body(line)
    assert message in error.value.message


def test_every_flag_has_an_effect() -> None:
    """A flag that is in the table but that nobody reads would be dropped silently."""
    cli = Path(__file__).parents[3] / "src" / "wherry" / "cli"
    sources = [*(cli / "container").glob("*.py"), *(cli / "options").glob("*.py")]
    text = "".join(path.read_text() for path in sources if path.name != "create_flags.py")
    accepted_only = {"disable-content-trust"}
    unread = [
        flag[0] for flag in COMMAND.flags if f'"{flag[0]}"' not in text and flag[0] not in accepted_only
    ]
    assert unread == []
