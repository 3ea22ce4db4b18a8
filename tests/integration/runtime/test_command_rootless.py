"""`wherry-runtime` for an ordinary user, without an engine around it."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.harness.runtime_lab import ROOT

pytestmark = pytest.mark.needs("busybox", "ordinary-user")


def command(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wherry.runtime.command", "--root", str(directory / "state"), *words],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def prepare(directory: Path, tar: Path, *args: str) -> dict[str, Any]:
    (directory / "rootfs").mkdir()
    subprocess.run(["tar", "-C", directory / "rootfs", "-xf", tar], check=True)
    command(directory, "spec", "--rootless", "--bundle", str(directory))
    spec: dict[str, Any] = json.loads((directory / "config.json").read_text())
    spec["process"].update(terminal=False, args=list(args))
    return spec


def test_with_the_users_own_id(tmp_path: Path, busybox_tar: Path) -> None:
    spec = prepare(tmp_path, busybox_tar, "sh", "-c", "id -u; cat /proc/self/uid_map; stat -c %u /bin")
    (tmp_path / "config.json").write_text(json.dumps(spec))
    done = command(tmp_path, "run", "--bundle", str(tmp_path), "own")
    assert done.stdout.split() == ["0", "0", str(os.getuid()), "1", "0"], done.stderr


@pytest.mark.needs("subordinate-ids")
def test_with_subordinate_ids(tmp_path: Path, busybox_tar: Path) -> None:
    spec = prepare(tmp_path, busybox_tar, "sleep", "1000")
    name = pwd.getpwuid(os.getuid()).pw_name
    for kind, own in (("uid", os.getuid()), ("gid", os.getgid())):
        entries = (line.split(":") for line in Path(f"/etc/sub{kind}").read_text().splitlines())
        first = next(int(start) for owner, start, _size in entries if owner == name)
        spec["linux"][f"{kind}Mappings"] = [
            {"containerID": 0, "hostID": own, "size": 1},
            {"containerID": 1, "hostID": first, "size": 1000},
        ]
    (tmp_path / "config.json").write_text(json.dumps(spec))
    # Without pipes, which init would keep open.
    words = ["--root", str(tmp_path / "state"), "run", "--detach", "--bundle", str(tmp_path), "many"]
    subprocess.run(
        [sys.executable, "-m", "wherry.runtime.command", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    try:
        done = command(
            tmp_path,
            "exec",
            "--user",
            "7:7",
            "many",
            "sh",
            "-c",
            "id -u; touch /dev/shm/x; stat -c %u /dev/shm/x",
        )
        assert done.stdout == "7\n7\n", done.stderr
    finally:
        command(tmp_path, "delete", "--force", "many")
    assert command(tmp_path, "list", "-q").stdout == ""


def test_ids_that_are_not_the_users(tmp_path: Path, busybox_tar: Path) -> None:
    spec = prepare(tmp_path, busybox_tar, "true")
    spec["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 0, "size": 10}]
    (tmp_path / "config.json").write_text(json.dumps(spec))
    done = command(tmp_path, "run", "--bundle", str(tmp_path), "foreign")
    assert done.returncode == 1
    assert "map" in done.stderr
