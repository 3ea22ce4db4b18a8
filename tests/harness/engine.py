"""A real engine with a private home: started, stopped, and searched for leaks."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.harness.capabilities import python
from tests.harness.command import Command, clean_environment
from tests.harness.leaks import end_lingering, files_of, left_behind, processes_of
from tests.harness.leaks_network import interfaces_named_after


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float = 60) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class EngineUnderTest:
    """One engine, its supervisor and its containers, all below `home`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = clean_environment(home) | {"WHERRY_IDLE_AFTER": "0"}
        (home / "user").mkdir(exist_ok=True)
        self.process: subprocess.Popen[bytes] | None = None
        self.log = home / "engine.log"
        self.wherry = Command(self.environment, home)
        self.seen: set[str] = set()
        self.interfaces: set[str] = set()

    @property
    def socket(self) -> str:
        """The path of the Docker Engine API socket."""
        return str(self.home / "run" / "wherry.sock")

    @property
    def docker_host(self) -> str:
        """The value of DOCKER_HOST for Docker's own clients."""
        return f"unix://{self.socket}"

    def start(self, *arguments: str, timeout: float = 60) -> None:
        """Start the engine and wait until it answers. Raises AssertionError with its log when it does not."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [python(), "-m", "wherry.engine", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                cwd=self.home,
                start_new_session=True,
            )
        deadline = time.monotonic() + timeout
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the engine did not start:\n{self.log_text()}")
            time.sleep(0.02)

    def answers(self) -> bool:
        """Whether an engine listens and replies."""
        try:
            return self.api("GET", "/_ping")[0] == 200
        except OSError:
            return False

    def api(self, method: str, path: str, body: Any = None, timeout: float = 60) -> tuple[int, Any]:
        """One API request: the status, and the body as JSON where it is JSON, else as text."""
        connection = UnixConnection(self.socket, timeout)
        try:
            data = None if body is None else json.dumps(body).encode()
            headers = {"Content-Type": "application/json"} if data is not None else {}
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            raw = response.read().decode(errors="replace")
        finally:
            connection.close()
        try:
            return response.status, json.loads(raw)
        except ValueError:
            return response.status, raw

    def container_ids(self) -> list[str]:
        """The full ids of all containers, running or not."""
        status, found = self.api("GET", "/containers/json?all=1")
        assert status == 200, found
        ids = [str(container["Id"]) for container in found]
        self.seen.update(ids)
        self.interfaces |= interfaces_named_after(self.home)
        return ids

    def remove_containers(self) -> None:
        """Remove every container with its anonymous volumes."""
        for container_id in self.container_ids():
            status, text = self.api("DELETE", f"/containers/{container_id}?force=1&v=1")
            assert status in (204, 404), text

    def kill(self) -> None:
        """kill -9 the engine alone, also one that a command started; containers and supervisor go on."""
        self.interfaces |= interfaces_named_after(self.home)
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        pid = self._pid_of("engine")
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            while pid in processes_of(self.home):
                time.sleep(0.005)

    def stop(self, timeout: float = 60) -> None:
        """Remove all containers, end the engine and its supervisor, and wait for both."""
        answered = self.answers()
        if answered:
            self.remove_containers()
            self._settle(timeout)
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"the engine did not end on SIGTERM:\n{self.log_text()}") from None
            finally:
                self.process = None
        self._end_others(timeout)
        if not answered:
            end_lingering(self.home)

    def leaks(self) -> list[str]:
        """What is left after `stop`, one line each."""
        return left_behind(self.home, self.seen, self.interfaces, files=True)

    def log_text(self) -> str:
        """What the engine wrote, also one that a command started, for the message of a failed test."""
        logs = [self.log, self.home / "state" / "engine.log"]
        return "".join(log.read_text(errors="replace") for log in logs if log.exists())

    def _settle(self, timeout: float) -> None:
        """Wait for what the engine removes in the background; one that ends leaves the rest to the next."""
        deadline = time.monotonic() + timeout
        while files_of(self.home) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _end_others(self, timeout: float) -> None:
        """End what the command line started by itself (engine) and what outlives an engine (supervisor)."""
        for name in ("engine", "supervisor"):
            pid = self._pid_of(name)
            if not pid:
                continue
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + timeout
            while pid in processes_of(self.home) and time.monotonic() < deadline:
                time.sleep(0.02)

    def _pid_of(self, name: str) -> int:
        """Of the living `engine` or `supervisor`, as it wrote it down; 0 when there is none."""
        try:
            pid = int((self.home / "run" / f"{name}.pid").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return 0
        return pid if pid in processes_of(self.home) else 0
