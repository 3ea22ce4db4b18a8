"""`wherry-runtime`, on bundles made by hand, as conmon and shims call it."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.runtime_lab import ROOT

pytestmark = pytest.mark.needs("busybox", "root")


class Bundle:
    """A bundle with a busybox root, and the command run on it."""

    def __init__(self, directory: Path, tar: Path) -> None:
        self.directory = directory
        (directory / "rootfs").mkdir()
        subprocess.run(["tar", "-C", directory / "rootfs", "-xf", tar], check=True)
        self.run("spec", "--bundle", str(directory))
        self.spec: dict[str, Any] = json.loads((directory / "config.json").read_text())
        self.spec["process"]["terminal"] = False

    def configure(self, *args: str, **process: Any) -> None:
        """Write the specification with this command."""
        self.spec["process"].update(args=list(args), **process)
        (self.directory / "config.json").write_text(json.dumps(self.spec))

    def command(self, *words: str) -> list[str]:
        return [
            sys.executable,
            "-m",
            "wherry.runtime.command",
            "--root",
            str(self.directory / "state"),
            *words,
        ]

    def run(self, *words: str, code: int | None = 0, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a command of the runtime."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        more.setdefault("capture_output", True)
        done = subprocess.run(self.command(*words), env=environment, text=True, check=False, **more)
        if code is not None:
            assert done.returncode == code, (words, done.stdout, done.stderr)
        return done

    def state(self, name: str) -> dict[str, Any]:
        return json.loads(self.run("state", name).stdout)  # type: ignore[no-any-return]

    def create(self, name: str, *words: str) -> None:
        """Create without pipes, which init would keep open."""
        log = (self.directory / "output").open("w")
        self.run(
            "create", "--bundle", str(self.directory), *words, name,
            capture_output=False, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        log.close()

    def output(self) -> str:
        return (self.directory / "output").read_text()


@pytest.fixture
def bundle(tmp_path: Path, busybox_tar: Path) -> Iterator[Bundle]:
    made = Bundle(tmp_path, busybox_tar)
    yield made
    for name in made.run("list", "-q").stdout.split():
        made.run("delete", "--force", name)
    left = [place for place in Path("/sys/fs/cgroup").glob("*/wherry-runtime/*") if place.is_dir()]
    assert not left


def _wait(bundle: Bundle, name: str, status: str) -> None:
    deadline = time.monotonic() + 60
    while bundle.state(name)["status"] != status:
        assert time.monotonic() < deadline, bundle.state(name)
        time.sleep(0.02)


def test_run(bundle: Bundle) -> None:
    bundle.configure("sh", "-c", "id -u; hostname; exit 3")
    done = bundle.run("run", "--bundle", str(bundle.directory), "one", code=3)
    assert done.stdout == "0\nwherry\n"
    assert bundle.run("list", "-q").stdout == ""


def test_a_life(bundle: Bundle) -> None:
    bundle.configure("sh", "-c", "echo begun; exec sleep 1000")
    pid_file = bundle.directory / "pid"
    bundle.create("life", "--pid-file", str(pid_file))
    state = bundle.state("life")
    assert (state["status"], state["pid"]) == ("created", int(pid_file.read_text()))
    assert state["bundle"] == str(bundle.directory)
    assert bundle.output() == ""
    bundle.run("start", "life")
    _wait(bundle, "life", "running")
    assert "not stopped: running" in bundle.run("delete", "life", code=1).stderr
    assert json.loads(bundle.run("ps", "--format", "json", "life").stdout) == [state["pid"]]
    assert "sleep 1000" in bundle.run("ps", "life").stdout
    stats = json.loads(bundle.run("events", "--stats", "life").stdout)
    assert stats["data"]["memory"]["usage"]["usage"] > 0
    bundle.run("pause", "life")
    assert bundle.state("life")["status"] == "paused"
    assert "paused" in bundle.run("exec", "life", "true", code=1).stderr
    bundle.run("resume", "life")
    assert "cannot start a container that is running" in bundle.run("start", "life", code=1).stderr
    bundle.run("kill", "life", "KILL")
    _wait(bundle, "life", "stopped")
    assert "container not running" in bundle.run("kill", "life", code=1).stderr
    bundle.run("delete", "life")
    assert "does not exist" in bundle.run("state", "life", code=1).stderr
    assert bundle.output() == "begun\n"


def test_exec(bundle: Bundle) -> None:
    bundle.configure("sleep", "1000")
    bundle.create("target")
    bundle.run("start", "target")
    done = bundle.run(
        "exec", "--env", "A=b", "--cwd", "/usr", "target", "sh", "-c", "echo $A; pwd; exit 4", code=4
    )
    assert done.stdout == "b\n/usr\n"
    process = bundle.directory / "process.json"
    process.write_text(json.dumps({**bundle.spec["process"], "args": ["sh", "-c", "echo by file >/made"]}))
    pid_file = bundle.directory / "exec.pid"
    bundle.spec["root"]["readonly"] = False
    bundle.run("exec", "--process", str(process), "--detach", "--pid-file", str(pid_file), "target")
    assert int(pid_file.read_text()) > 0
    assert 'exec: "nope": executable file not found' in bundle.run("exec", "target", "nope", code=1).stderr


def test_limits_and_their_change(bundle: Bundle) -> None:
    bundle.spec["linux"]["resources"]["memory"] = {"limit": 64 << 20}
    bundle.spec["linux"]["resources"]["pids"] = {"limit": 50}
    bundle.configure("sleep", "1000")
    bundle.create("limited")
    bundle.run("start", "limited")
    script = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null"
    assert bundle.run("exec", "limited", "sh", "-c", script, code=None).stdout.split() == [str(64 << 20)]
    bundle.run("update", "--memory", str(96 << 20), "limited")
    assert bundle.run("exec", "limited", "sh", "-c", script, code=None).stdout.split() == [str(96 << 20)]


def test_a_program_that_is_missing(bundle: Bundle) -> None:
    bundle.configure("nonsense")
    done = bundle.run("create", "--bundle", str(bundle.directory), "missing", code=1)
    assert done.stderr == 'wherry-runtime: exec: "nonsense": executable file not found in $PATH\n'
    assert bundle.run("list", "-q").stdout == ""
    log = bundle.directory / "log"
    words = [
        "--log",
        str(log),
        "--log-format",
        "json",
        "create",
        "--bundle",
        str(bundle.directory),
        "missing",
    ]
    bundle.run(*words, code=1)
    entry = json.loads(log.read_text())
    assert (entry["level"], entry["msg"]) == ("error", 'exec: "nonsense": executable file not found in $PATH')


def test_a_terminal_for_whoever_listens(bundle: Bundle) -> None:
    bundle.configure("sh", "-c", "tty; stty size", terminal=True, consoleSize={"height": 7, "width": 9})
    assert "console socket" in bundle.run("create", "--bundle", str(bundle.directory), "tty", code=1).stderr
    path = bundle.directory / "console.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        bundle.create("tty", "--console-socket", str(path))
        connection, _address = listener.accept()
        with connection:
            _data, (master,), _flags, _from = socket.recv_fds(connection, 100, 1)
    bundle.run("start", "tty")
    _wait(bundle, "tty", "stopped")
    assert os.read(master, 1000).decode().split() == ["/dev/pts/0", "7", "9"]
    os.close(master)


def test_a_terminal_in_the_foreground(bundle: Bundle) -> None:
    bundle.configure("sh", "-c", "read line; echo got $line; stty size", terminal=True)
    master, peer = pty.openpty()
    process = subprocess.Popen(
        bundle.command("run", "--bundle", str(bundle.directory), "front"),
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdin=peer, stdout=peer, stderr=peer,
    )  # fmt: skip
    os.close(peer)
    os.write(master, b"hello\n")
    seen = b""
    while True:
        try:
            data = os.read(master, 1000)
        except OSError:
            break
        if not data:
            break
        seen += data
    assert process.wait(60) == 0
    os.close(master)
    assert b"got hello" in seen


def test_hooks_of_every_kind(bundle: Bundle) -> None:
    log = bundle.directory / "hooks"
    bundle.spec["hooks"] = {
        kind: [{"path": "/bin/sh", "args": ["sh", "-c", f"echo {kind} >>{log}"]}]
        for kind in ("prestart", "createRuntime", "poststart", "poststop")
    }
    bundle.configure("sleep", "1000")
    bundle.create("hooked")
    bundle.run("start", "hooked")
    bundle.run("delete", "--force", "hooked")
    assert log.read_text().split() == ["prestart", "createRuntime", "poststart", "poststop"]


def test_names(bundle: Bundle) -> None:
    bundle.configure("sleep", "1000")
    bundle.create("twice")
    done = bundle.run("create", "--bundle", str(bundle.directory), "twice", code=1)
    assert "container with id exists: twice" in done.stderr
    for name in ("..", "a/b", ""):
        assert "invalid id format" in bundle.run("state", name, code=1).stderr


def test_signals_by_name_and_number(bundle: Bundle) -> None:
    bundle.configure("sh", "-c", "trap 'exit 0' USR1; echo ready; while :; do sleep 0.05; done")
    for word in ("SIGUSR1", "usr1", "10"):
        bundle.create(f"signal-{word}")
        bundle.run("start", f"signal-{word}")
        deadline = time.monotonic() + 60
        while bundle.output() != "ready\n":  # before the trap stands, init would ignore the signal
            assert time.monotonic() < deadline
            time.sleep(0.02)
        bundle.run("kill", f"signal-{word}", word)
        _wait(bundle, f"signal-{word}", "stopped")
    assert "unknown signal" in bundle.run("kill", "signal-10", "NONSENSE", code=1).stderr


def test_what_it_says_of_itself(bundle: Bundle) -> None:
    features = json.loads(bundle.run("features").stdout)
    assert {"user", "mount", "pid"} <= set(features["linux"]["namespaces"])
    assert "rro" in features["mountOptions"]
    assert "spec: " in bundle.run("--version").stdout
    assert "unknown command" in bundle.run("fly", code=1).stderr
    assert "not supported" in bundle.run("checkpoint", "x", code=1).stderr


@pytest.mark.parametrize("peer", [pytest.param("runc", marks=pytest.mark.needs("runc"))])
def test_the_same_bundle_looks_the_same_to_others(bundle: Bundle, peer: str) -> None:
    """What a container sees of itself, ours beside another runtime's."""
    look = (
        "id; hostname; pwd; env | sort; umask; ulimit -n; "
        "grep -E 'Cap|NoNew|Seccomp:|SigIgn' /proc/self/status; "
        "ls /dev; stat -c '%n %t,%T %a' /dev/null /dev/tty; cat /proc/self/uid_map; "
        "cut -d' ' -f5 /proc/self/mountinfo | grep -v cgroup | sort; (cat /proc/kcore | head -c 1) 2>&1"
    )
    bundle.configure("sh", "-c", look)
    ours = bundle.run("run", "--bundle", str(bundle.directory), "ours").stdout.splitlines()
    command = [
        peer,
        "--root",
        str(bundle.directory / "peer"),
        "run",
        "--bundle",
        str(bundle.directory),
        "theirs",
    ]
    theirs = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line for line in theirs if line not in ours] == []
