"""A network of the test's own: a host namespace, containers' namespaces, a catalog and a keeper in it."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wherry.linux import namespaces, rtnetlink
from wherry.linux.netlink import Netlink
from wherry.network.keeping import Keeper
from wherry.network.links import inside
from wherry.network.networks import Networks
from wherry.store.database import Database


class Node:
    """A network namespace with loopback up, and programs that run in it."""

    def __init__(self) -> None:
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        namespaces.unshare(namespaces.NEWNET)
        self.namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        with Netlink(rtnetlink.NETLINK_ROUTE) as netlink:
            netlink.request(rtnetlink.set_link(1, up=True))
        namespaces.enter(home, namespaces.NEWNET)
        os.close(home)
        self._running: list[subprocess.Popen[str]] = []

    def start(self, *command: str, cwd: str = "/") -> subprocess.Popen[str]:
        with inside(self.namespace):
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=cwd
            )
        self._running.append(process)
        return process

    def run(self, *command: str) -> str:
        output, _ = self.start(*command).communicate(timeout=60)
        return output.strip()

    def fetch(self, url: str, seconds: int = 30) -> str:
        """The HTTP status that a URL answers with from here, "000" when nothing does in time."""
        return self.run("curl", "-gs", "-o", "/dev/null", "-m", str(seconds), "-w", "%{http_code}", url)

    def ask(self, *words: str) -> str:
        return self.run("dig", "+short", "+time=2", "+tries=1", "@127.0.0.11", *words)

    def serve(self, port: int, directory: str) -> None:
        """Serve a directory by HTTP, and wait until it is served."""
        self.start("python3", "-m", "http.server", str(port), cwd=directory)
        deadline = time.monotonic() + 60
        while self.fetch(f"http://127.0.0.1:{port}/") != "200":
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def close(self) -> None:
        for process in self._running:
            process.kill()
            process.communicate()
        os.close(self.namespace)


class Lab:
    """The host under test. While it is open, this thread is in the host's network namespace."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.host = Node()
        self._nodes: list[Node] = []
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        namespaces.enter(self.host.namespace, namespaces.NEWNET)
        self.database = Database(str(directory / "wherry.db"))
        self.keeper = Keeper(str(directory))
        self.networks = Networks(self.database, self.keeper)

    def node(self) -> Node:
        one = Node()
        self._nodes.append(one)
        return one

    def keeper_pid(self) -> int:
        found = subprocess.run(
            ["pgrep", "-f", f"wherry.network.keeper {self.directory}"], capture_output=True, text=True
        ).stdout.split()
        return int(found[0]) if found else 0

    def close(self) -> None:
        for node in [*self._nodes, self.host]:
            node.close()
        self.networks.close()
        self.keeper.close()
        self.database.close()
        namespaces.enter(self._home, namespaces.NEWNET)
        os.close(self._home)
        if pid := self.keeper_pid():
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def lab() -> Iterator[Lab]:
    with tempfile.TemporaryDirectory(prefix="wherry-net-") as directory:
        one = Lab(Path(directory))
        yield one
        one.close()


@pytest.fixture
def node(lab: Lab) -> Callable[[], Node]:
    return lab.node
