"""A registry of ours as a person starts it: `wherry registry serve`, with files of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.harness.ports import free_port


class RegistryUnderTest:
    """`wherry registry serve` on loopback. Use in a `with` block; `restart` and `kill` are for faults."""

    def __init__(self, home: Path, config: str = "", *, workers: int = 1, scheme: str = "http") -> None:
        self.home = home
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"{scheme}://{self.address}"
        self.storage = home / "storage"
        self.config = home / "registry.toml"
        self.config.write_text(config)
        self._workers = workers
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> RegistryUnderTest:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def command(self, *arguments: str) -> list[str]:
        """The argv of a `wherry registry` command on this registry's storage."""
        storage = [] if "\nstorage" in f"\n{self.config.read_text()}" else ["--storage", str(self.storage)]
        wherry = str(Path(sys.executable).with_name("wherry"))
        return [wherry, "registry", *arguments, "--config", str(self.config), *storage]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "WHERRY_HOME": str(self.home)}

    def start(self, *, patience: float = 0.05) -> None:
        """Start it and wait until it listens, looking again after `patience` seconds."""
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command("serve", "--listen", self.address, "--workers", str(self._workers)),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while not self.listens():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self.home / "log").read_text()) from None
            time.sleep(patience)

    def listens(self) -> bool:
        """Whether it takes connections."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run another `wherry registry` command; its standard output."""
        done = subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout

    def kill(self) -> None:
        """As a power cut would: the process that looks after the workers, and they with it."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        deadline = time.monotonic() + 60
        while self.listens():  # workers take their time to die, and would be taken for the next ones
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def stop(self) -> None:
        """Gracefully."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(timeout=60) == 0

    def get(self, path: str) -> tuple[int, bytes]:
        """(status, body)."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
