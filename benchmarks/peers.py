"""The engines that are measured: each with files of its own, the same images, and nothing else running."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.processes import Process, descendants_and_named
from tests.harness.dockerd import Dockerd
from tests.harness.engine import EngineUnderTest


class Peer:
    """A running engine and its command line.

    `command(...)` is an argv and `environment` what it runs in. `socket` serves the Docker Engine API.
    `processes()` are the engine's own, without those of containers.
    """

    name = ""
    command_line: Sequence[str] = ()
    environment: dict[str, str]
    socket = ""

    def command(self, *arguments: str) -> list[str]:
        """The argv of one command."""
        return [*self.command_line, *arguments]

    def run(self, *arguments: str) -> str:
        """Run a command that is not measured: its standard output. Raises RuntimeError."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(
                f"{self.name} {' '.join(arguments)}: exit code {done.returncode}: {done.stderr}"
            )
        return done.stdout.strip()

    def processes(self) -> list[Process]:
        """The engine's own processes at this moment."""
        raise NotImplementedError

    def close(self) -> None:
        """End it and remove its files."""
        raise NotImplementedError


class Wherry(Peer):
    """This checkout."""

    name = "wherry"

    def __init__(self, image: Path) -> None:
        self.engine = EngineUnderTest(Path(tempfile.mkdtemp(prefix="wherry-bench-", dir="/tmp")))
        self.command_line = [str(Path(sys.executable).with_name("wherry"))]
        self.environment = self.engine.environment
        self.socket = self.engine.socket
        self.engine.start()
        self.run("import", str(image), "busybox:latest")

    def processes(self) -> list[Process]:
        assert self.engine.process is not None
        return descendants_and_named(
            self.engine.process.pid, ("wherry.engine", "wherry.supervisor"), self.engine.home
        )

    def close(self) -> None:
        self.engine.stop()
        shutil.rmtree(self.engine.home, ignore_errors=True)


class Docker(Peer):
    """A Docker daemon started by hand, with its default bridge where the machine lets it have one."""

    name = "docker"

    def __init__(self, image: Path) -> None:
        self.daemon = Dockerd(bridge=True)
        self.daemon.wait_until_ready()
        self.command_line = ["docker"]
        self.environment = self.daemon.environment
        self.socket = str(self.daemon.socket)
        self.run("import", str(image), "busybox:latest")

    def processes(self) -> list[Process]:
        return descendants_and_named(self.daemon.process.pid, ("containerd-shim",), self.daemon.root)

    def close(self) -> None:
        self.daemon.stop()


class Podman(Peer):
    """Podman with its own storage; its API service runs beside it for the benchmarks that speak the API."""

    name = "podman"

    def __init__(self, image: Path) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="podman-bench-", dir="/tmp"))
        self.command_line = [
            "podman",
            f"--root={self.root}/data",
            f"--runroot={self.root}/run",
            f"--tmpdir={self.root}/tmp",
            "--cgroup-manager=cgroupfs",
            "--events-backend=file",
        ]
        settings = self.root / "containers.conf"
        # Its own limits, 1,048,576 files and 4,194,304 processes, are above what some machines allow; and
        # Debian's crun refuses the hybrid of cgroup v1 and v2.
        limits = '"nofile=1024:4096", "nproc=4096:4096"'
        settings.write_text(f'[containers]\ndefault_ulimits = [{limits}]\n[engine]\nruntime = "runc"\n')
        self.environment = dict(os.environ) | {"CONTAINERS_CONF": str(settings)}
        self.run("import", str(image), "busybox:latest")
        self.socket = f"{self.root}/api.sock"
        self.service = subprocess.Popen(
            self.command("system", "service", "--time=0", f"unix://{self.socket}"),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        while not os.path.exists(self.socket) and time.monotonic() < deadline:
            time.sleep(0.05)

    def processes(self) -> list[Process]:
        return descendants_and_named(self.service.pid, ("conmon",), self.root)

    def close(self) -> None:
        self.service.terminate()
        self.service.wait()
        subprocess.run(self.command("rm", "--all", "--force"), capture_output=True, check=False)
        for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
            if line.split()[4].startswith(f"{self.root}/"):
                subprocess.run(["umount", "-l", line.split()[4]], capture_output=True, check=False)
        shutil.rmtree(self.root, ignore_errors=True)


class Bare(Peer):
    """No container at all: the same busybox on the machine itself; of `run` only the command is taken."""

    name = "bare"

    def __init__(self, image: Path) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="bare-bench-", dir="/tmp"))
        self.environment = dict(os.environ)

    def command(self, *arguments: str) -> list[str]:
        return ["busybox", *arguments[list(arguments).index("busybox") + 1 :]]

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.directory,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        return done.stdout.strip()

    def processes(self) -> list[Process]:
        return []

    def close(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


PEERS: dict[str, type[Wherry | Docker | Podman | Bare]] = {
    peer.name: peer for peer in (Wherry, Docker, Podman, Bare)
}
