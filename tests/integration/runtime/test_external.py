"""Other OCI runtimes, driven through the same interface as our own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.harness.runtime_lab import ROOT, Laboratory, Outcome, bind

pytestmark = pytest.mark.needs("busybox", "root", "runc")

PROGRAM = """
import json, os, select, shutil, sys, time
from wherry.errors import WherryError
from wherry.runtime.external import ExternalRuntime

request = json.load(sys.stdin)
base = request["base"]
runtime = ExternalRuntime(shutil.which("runc"), base + "/state")

def until(launch):
    while not launch.advance():
        select.select([launch], [], [])

def carry(begin, then=None):
    reader, writer = os.pipe()
    null = os.open("/dev/null", os.O_RDWR)
    result = {"code": None, "out": "", "err": "", "warnings": [], "failure": None}
    try:
        launch = begin((null, writer, writer))
        until(launch)
        launch.start()
        until(launch)
    except WherryError as error:
        return {**result, "failure": {"message": error.message, "exit_code": error.exit_code}}
    finally:
        os.close(writer)
    if then:
        result["then"] = then()
    result["code"] = os.waitstatus_to_exitcode(os.waitpid(launch.pid, 0)[1])
    result["out"] = os.read(reader, 65536).decode()
    if launch.console is not None:
        result["console"] = os.read(launch.console, 65536).decode()
    return result

def more():
    if not request.get("exec"):
        return None
    os.makedirs(base + "/exec")
    result = carry(
        lambda stdio: runtime.launch_exec("one", request["exec"], directory=base + "/exec", stdio=stdio)
    )
    os.waitpid(os.posix_spawn(runtime.path, [runtime.path, "--root", runtime.root, "kill", "one", "KILL"],
                              os.environ), 0)
    return result

result = carry(
    lambda stdio: runtime.launch(
        "one", request["spec"], rootfs=request["rootfs"], bundle=base + "/bundle", stdio=stdio
    ),
    more,
)
os.waitpid(runtime.delete("one"), 0)
result["state"] = os.listdir(runtime.root) if os.path.isdir(runtime.root) else []
print(json.dumps(result))
"""


def run(tmp_path: Path, lab: Laboratory, spec: dict[str, Any], **more: Any) -> tuple[Outcome, dict[str, Any]]:
    (tmp_path / "bundle").mkdir()
    tmp_path.chmod(0o700)
    spec["linux"]["cgroupsPath"] = f"/wherry-external/{os.getpid()}"
    request = {"base": str(tmp_path), "spec": spec, "rootfs": lab.rootfs(), **more}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(request),
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["state"] == []
    assert str(lab.directory) not in Path("/proc/self/mountinfo").read_text()
    fields = (answer["code"], answer["out"], answer["err"], answer.get("console", ""))
    return Outcome(*fields, answer["warnings"], answer["failure"], 0), answer.get("then") or {}


@pytest.mark.parametrize("own_user", [True, False])
def test_a_container(lab: Laboratory, tmp_path: Path, own_user: bool) -> None:
    """The image's owners and those of a bound directory are right, in a user namespace of its own too."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_text("bound\n")
    script = "id -u; stat -c '%u %g' /bin/sh /data/file; cat /data/file; cat /proc/self/uid_map; exit 7"
    spec = lab.spec("sh", "-c", script, own_user=own_user)
    spec["mounts"].append(bind(tmp_path / "data", "/data", "idmap"))
    outcome, _then = run(tmp_path, lab, spec)
    assert outcome.failure is None, outcome.failure
    assert outcome.code == 7
    lines = outcome.out.splitlines()
    assert lines[:4] == ["0", "0 0", "0 0", "bound"]
    assert lines[4].split()[1] == ("1000000" if own_user else "0")


def test_exec_with_a_terminal(lab: Laboratory, tmp_path: Path) -> None:
    spec = lab.spec("sleep", "1000")
    process = {**spec["process"], "args": ["sh", "-c", "tty; exit 5"], "terminal": True}
    _outcome, then = run(tmp_path, lab, spec, exec=process)
    assert then["failure"] is None, then["failure"]
    assert (then["code"], then["console"]) == (5, "/dev/pts/0\r\n")


def test_a_program_that_is_missing(lab: Laboratory, tmp_path: Path) -> None:
    outcome, _then = run(tmp_path, lab, lab.spec("nonsense"))
    assert 'exec: "nonsense": executable file not found in $PATH' in outcome.message
    assert outcome.failure is not None
    assert outcome.failure["exit_code"] == 127
