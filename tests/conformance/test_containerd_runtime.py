"""Our OCI runtime below containerd: its shim makes, watches, enters, pauses and removes containers."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.engine import EngineUnderTest

pytestmark = pytest.mark.needs("containerd", "root", "busybox")

RUNTIME = Path(sys.executable).parent / "wherry-runtime"
IMAGE = "docker.io/library/busybox:latest"


class Containerd:
    """A containerd with a root of its own."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "sock"
        self.log = directory / "log"
        config = directory / "config.toml"
        config.write_text(
            f'version = 2\nroot = "{directory}/root"\nstate = "{directory}/state"\n'
            'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
            f'[grpc]\naddress = "{self.socket}"\n'
        )
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(["containerd", "--config", config], stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while self.ctr("version", code=None).returncode:
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def ctr(self, *arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["ctr", "--address", self.socket, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert code is None or done.returncode == code, done.stdout + done.stderr
        return done

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return self.ctr("run", "--runc-binary", str(RUNTIME), *arguments, code=code)

    def statuses(self) -> dict[str, str]:
        lines = self.ctr("task", "ls").stdout.splitlines()[1:]
        return {name: status for name, _, status in map(str.split, lines)}

    def wait_for(self, name: str, status: str) -> None:
        deadline = time.monotonic() + 30
        while self.statuses().get(name) != status:
            assert time.monotonic() < deadline, self.statuses()
            time.sleep(0.02)


@pytest.fixture(scope="module")
def containerd(
    tmp_path_factory: pytest.TempPathFactory, session_engine: EngineUnderTest
) -> Iterator[Containerd]:
    directory = tmp_path_factory.mktemp("containerd")
    archive = directory / "busybox.tar"
    session_engine.wherry("save", "-o", str(archive), "busybox:latest")
    daemon = Containerd(directory)
    try:
        daemon.ctr("image", "import", str(archive))
        yield daemon
    finally:
        daemon.process.terminate()
        daemon.process.wait(60)


def test_output_environment_limits_and_exit_status(containerd: Containerd) -> None:
    assert containerd.run("--rm", IMAGE, "plain", "echo", "hello").stdout == "hello\n"
    limits = ["--memory-limit", "50000000", "--read-only", "--env", "A=b"]
    done = containerd.run("--rm", *limits, IMAGE, "limited", "sh", "-c", "echo $A; touch /x; exit 7", code=7)
    assert done.stdout == "b\n" and "Read-only file system" in done.stderr


def test_a_program_that_is_not_there(containerd: Containerd) -> None:
    said = containerd.run("--rm", IMAGE, "missing", "nosuch", code=1).stderr
    assert 'exec: "nosuch": executable file not found in $PATH' in said
    assert containerd.statuses() == {}


def test_the_life_of_a_task(containerd: Containerd) -> None:
    containerd.run("--detach", IMAGE, "life", "sleep", "600")
    containerd.wait_for("life", "RUNNING")
    entered = containerd.ctr(
        "task", "exec", "--exec-id", "one", "life", "sh", "-c", "tr '\\0' ' ' </proc/1/cmdline"
    )
    assert entered.stdout == "sleep 600 "
    assert containerd.ctr("task", "exec", "--exec-id", "two", "life", "sh", "-c", "exit 9", code=9)
    containerd.ctr("task", "pause", "life")
    containerd.wait_for("life", "PAUSED")
    containerd.ctr("task", "resume", "life")
    containerd.wait_for("life", "RUNNING")
    assert len(containerd.ctr("task", "ps", "life").stdout.splitlines()) == 2
    containerd.ctr("task", "kill", "--signal", "SIGKILL", "life")
    containerd.wait_for("life", "STOPPED")
    containerd.ctr("task", "rm", "life", code=None)  # says 137, the status of its process
    containerd.ctr("container", "rm", "life")
    assert containerd.statuses() == {}
