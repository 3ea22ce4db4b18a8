"""Networks as people use them: published ports, names, and an engine or keeper that dies meanwhile.

As root and as an ordinary user, by the same commands.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest
from tests.harness.ports import free_port

pytestmark = pytest.mark.needs("busybox")


def own_address() -> str:
    """An address of this machine that is not loopback's; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("needs an address besides loopback")
        return str(one.getsockname()[0])


def fetch(host: str, port: int) -> str:
    """The body that a server answers `/` with. Raises OSError, HTTPException."""
    connection = http.client.HTTPConnection(host, port, timeout=30)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def until(what: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something to be so. Raises AssertionError."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if what():
                return
        except (OSError, http.client.HTTPException):
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def site(engine: EngineUnderTest) -> Iterator[Path]:
    """A directory with a page, as a container may read it."""
    directory = engine.home / "site"
    directory.mkdir(mode=0o755, exist_ok=True)
    page = directory / "index.html"
    page.write_text("ahoy")
    page.chmod(0o644)
    yield directory


def serve(wherry: Command, site: Path, *options: str, log: bool = False) -> None:
    command = ["httpd", "-f", "-p", "80", "-h", "/www", *(["-vv"] if log else [])]
    wherry("run", "-d", "--name", "web", "-v", f"{site}:/www:ro", *options, "busybox", *command)


def request(host: str) -> list[str]:
    """A command that asks a web server for its page; Debian's busybox wget dies of a segmentation fault."""
    return ["sh", "-c", f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 {host} 80"]


def keeper_of(engine: EngineUnderTest) -> int:
    said = subprocess.run(
        ["pgrep", "-f", f"wherry.network.keeper {engine.home}/run/"], capture_output=True, text=True
    )
    return int(said.stdout.split()[-1])


def test_a_published_port_is_reached_and_sees_who_asks(wherry: Command, site: Path) -> None:
    port, address = free_port(), own_address()
    serve(wherry, site, "-p", f"{port}:80", log=True)
    until(lambda: fetch(address, port) == "ahoy")
    assert fetch("127.0.0.1", port) == "ahoy"
    assert fetch("::1", port) == "ahoy"
    assert f"{address}]:" in wherry("logs", "web").err  # as an IPv6 server writes it: [::ffff:192.0.2.7]:…
    assert wherry("port", "web").line.splitlines() == [f"80/tcp -> 0.0.0.0:{port}", f"80/tcp -> [::]:{port}"]
    wherry("rm", "-f", "web")
    with pytest.raises(OSError, match="refused"):
        fetch("127.0.0.1", port)


def test_a_port_on_loopback_stays_there(wherry: Command, site: Path) -> None:
    port, address = free_port(), own_address()
    serve(wherry, site, "-p", f"127.0.0.1:{port}:80")
    until(lambda: fetch("127.0.0.1", port) == "ahoy")
    with pytest.raises(OSError, match="refused"):
        fetch(address, port)


def test_a_taken_port_is_said_and_nothing_is_left(wherry: Command, site: Path) -> None:
    with socket.socket() as other:
        other.bind(("", 0))
        other.listen()
        port = other.getsockname()[1]
        failed = wherry("run", "-d", "-p", f"{port}:80", "--name", "no", "busybox", "true", code=125)
    assert f"{port}" in failed.err
    assert "address already in use" in failed.err
    assert wherry("inspect", "-f", "{{.State.Status}}", "no").line == "created"


def test_containers_find_each_other_by_name_and_alias(wherry: Command, site: Path) -> None:
    wherry("network", "create", "front")
    try:
        serve(wherry, site, "--network", "front", "--network-alias", "site")
        wherry("run", "-d", "--name", "asker", "--network", "front", "busybox", "sleep", "1000")

        def get(name: str) -> str:
            return wherry("exec", "asker", *request(name), code=None).out

        until(lambda: get("web").endswith("ahoy"))
        assert get("site").endswith("ahoy")
        wherry("rename", "web", "other")
        assert get("web") == ""
        assert get("other").endswith("ahoy")
        wherry("network", "disconnect", "front", "other")
        assert get("other") == ""
    finally:
        for name in ("web", "other", "asker"):
            wherry("rm", "-f", name, code=None)
        wherry("network", "rm", "front")


def test_names_are_found_after_joining_a_network_while_running(wherry: Command, site: Path) -> None:
    wherry("network", "create", "front")
    try:
        serve(wherry, site, "--network", "front")
        wherry("run", "-d", "--name", "asker", "busybox", "sleep", "1000")
        ask = ["exec", "asker", *request("web")]
        assert wherry(*ask, code=None).out == ""
        wherry("network", "connect", "front", "asker")
        until(lambda: wherry(*ask, code=None).out.endswith("ahoy"))
    finally:
        for name in ("web", "asker"):
            wherry("rm", "-f", name, code=None)
        wherry("network", "rm", "front")


def test_networks_are_closed_to_each_other(wherry: Command, site: Path) -> None:
    wherry("network", "create", "one")
    try:
        serve(wherry, site, "--network", "one")
        address = wherry("inspect", "-f", "{{.NetworkSettings.Networks.one.IPAddress}}", "web").line
        command = ["busybox", *request(address)]
        assert wherry("run", "--rm", "--network", "one", *command).out.endswith("ahoy")
        assert wherry("run", "--rm", *command, code=None).out == ""
    finally:
        wherry("rm", "-f", "web")
        wherry("network", "rm", "one")


def test_no_request_fails_while_the_engine_is_killed_and_comes_back(
    own_engine: EngineUnderTest, busybox_tar: Path
) -> None:
    wherry, port, address = own_engine.wherry, free_port(), own_address()
    site = own_engine.home / "site"
    site.mkdir(mode=0o755)
    (site / "index.html").write_text("ahoy")
    serve(wherry, site, "-p", f"{port}:80")
    until(lambda: fetch(address, port) == "ahoy")
    failures: list[str] = []
    count = 0
    done = threading.Event()

    def ask(host: str) -> None:
        nonlocal count
        while not done.is_set():
            try:
                assert fetch(host, port) == "ahoy"
                count += 1
            except (OSError, AssertionError, http.client.HTTPException) as error:
                failures.append(f"{host}: {error!r}")

    threads = [threading.Thread(target=ask, args=(host,)) for host in (address, "127.0.0.1")]
    for one in threads:
        one.start()
    time.sleep(0.3)
    own_engine.kill()
    time.sleep(0.3)
    own_engine.start()
    assert "web" in wherry("ps", "--format", "{{.Names}}").line
    time.sleep(0.3)
    done.set()
    for one in threads:
        one.join()
    assert failures == []
    assert count > 10


def test_a_killed_keeper_is_replaced(wherry: Command, engine: EngineUnderTest, site: Path) -> None:
    port = free_port()
    serve(wherry, site, "-p", f"{port}:80")
    until(lambda: fetch("127.0.0.1", port) == "ahoy")
    nobody = f"127.0.0.1:{free_port()}/x"
    assert (
        "connection refused" in wherry("pull", nobody, code=1).err
    )  # by a socket of the keeper's, without root
    os.kill(keeper_of(engine), signal.SIGKILL)
    until(lambda: fetch("127.0.0.1", port) == "ahoy")
    assert "connection refused" in wherry("pull", nobody, code=1).err
