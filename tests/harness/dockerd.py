"""A real Docker daemon with a root of its own, started and stopped by hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path


class Dockerd:
    """With `bridge` it has its default network and NAT rules; without, only `--network none|host` work."""

    def __init__(self, *, bridge: bool = False) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="dockerd-", dir="/tmp"))
        self.socket = self.root / "docker.sock"
        self.log = self.root / "log"
        command = [
            "dockerd",
            f"--data-root={self.root}/data",
            f"--exec-root={self.root}/exec",
            f"--pidfile={self.root}/pid",
            f"--host=unix://{self.socket}",
        ]
        if not bridge:
            command += ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which `docker` talks to this daemon."""
        return dict(os.environ) | {"DOCKER_HOST": f"unix://{self.socket}", "DOCKER_CONFIG": str(self.root)}

    def wait_until_ready(self, timeout: float = 60) -> None:
        """Raises AssertionError with the daemon's log when it does not answer in time."""
        deadline = time.monotonic() + timeout
        while self.docker("version", check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"dockerd did not start:\n{self.log.read_text(errors='replace')}")
            time.sleep(0.2)

    def docker(
        self, *arguments: str, check: bool = True, stdin: int | None = subprocess.DEVNULL
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the real `docker` command against this daemon."""
        return subprocess.run(
            ["docker", *arguments],
            env=self.environment,
            check=check,
            capture_output=True,
            timeout=300,
            stdin=stdin,
        )

    def stop(self) -> None:
        """End the daemon with its containers and remove its files."""
        if self.process.poll() is None:
            ids = self.docker("ps", "-aq", check=False).stdout.split()
            if ids:
                self.docker("rm", "-f", *(name.decode() for name in ids), check=False)
            self.docker("network", "prune", "-f", check=False)  # their bridges would outlive it
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for mounted in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
            point = mounted.split()[4]
            if point.startswith(f"{self.root}/"):
                subprocess.run(["umount", "-l", point], check=False, capture_output=True)
        shutil.rmtree(self.root, ignore_errors=True)
