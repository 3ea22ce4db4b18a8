"""Debian's nginx and PostgreSQL, reached by name and from elsewhere, through both command lines.

As root in a machine's network of the test's own, which must be afterwards as it was before.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness.capabilities import have
from tests.harness.engine import EngineUnderTest
from tests.harness.ports import free_port
from tests.images.make import make
from tests.integration.network.conftest import Node
from tests.integration.network.test_containers import fetch, own_address, until
from wherry.linux import namespaces

pytestmark = pytest.mark.needs("mmdebstrap", "wrk")

Run = Callable[..., str]

DATABASE = """
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
initdb -D /tmp/db --auth=trust -N >/dev/null
echo 'host all all 0.0.0.0/0 trust' >>/tmp/db/pg_hba.conf
exec postgres -D /tmp/db -k /tmp -h 0.0.0.0
"""
ASK = """
for i in $(seq 600); do psql -h db -U postgres -Atc 'select 6*7' 2>/dev/null && break; sleep 0.1; done
for i in $(seq 600); do curl -sf http://web/ && break; sleep 0.1; done
"""
NGINX = ("services", "nginx", "-g", "daemon off;")
WELCOME = "Welcome to nginx"


class Machine:
    """Where the engine runs: its own address, and how to run a program on another machine."""

    def __init__(self) -> None:
        self.address = own_address()
        self.elsewhere: Run | None = None

    def state(self) -> str:
        """Firewall, rules, routes and interfaces."""
        asked = (["nft", "list", "ruleset"], ["ip", "rule"], ["ip", "route", "show", "table", "all"])
        parts = [subprocess.run(one, capture_output=True, text=True, check=True).stdout for one in asked]
        names = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
        return "".join([*parts, *(line.split()[0] for line in names.splitlines())])


def quietly(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def services_tar(images_folder: Path) -> Path:
    """A Debian with nginx, PostgreSQL and clients; made before this thread leaves the network."""
    return make(images_folder, "services.tar")


@pytest.fixture
def machine(services_tar: Path) -> Iterator[Machine]:
    """This thread's network; as root one of its own, with another machine on the same wire."""
    if os.geteuid() != 0:
        yield Machine()
        return
    here, there = Node(), Node()
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    namespaces.enter(here.namespace, namespaces.NEWNET)
    try:
        pipe = there.start("sleep", "1000")
        quietly("ip", "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", str(pipe.pid))
        quietly("ip", "addr", "add", "198.51.100.1/24", "dev", "wire")
        # No address that comes by itself, some seconds later: the state is compared.
        quietly("ip", "link", "set", "wire", "addrgenmode", "none", "up")
        quietly("ip", "route", "add", "default", "via", "198.51.100.2")
        there.run("ip", "addr", "add", "198.51.100.2/24", "dev", "wire")
        there.run("ip", "link", "set", "wire", "up")
        quietly("nft", "add", "table", "ip", "somebody")
        quietly("nft", "add", "chain", "ip", "somebody", "input", "{ type filter hook input priority 0; }")
        one = Machine()
        one.elsewhere = there.run
        yield one
    finally:
        namespaces.enter(home, namespaces.NEWNET)
        os.close(home)
        for node in (here, there):
            node.close()


@pytest.fixture
def engine(machine: Machine, no_engine: EngineUnderTest, services_tar: Path) -> EngineUnderTest:
    """An engine on that machine, with Debian's servers as an image."""
    no_engine.start()
    no_engine.wherry("import", str(services_tar), "services", timeout=120)
    return no_engine


def doors(engine: EngineUnderTest) -> dict[str, Run]:
    """Our command line, and Docker's where it is installed."""

    def docker(*arguments: str) -> str:
        environment = {**engine.environment, "DOCKER_HOST": engine.docker_host}
        done = subprocess.run(
            ["docker", *arguments], env=environment, check=True, capture_output=True, text=True, timeout=120
        )
        return done.stdout

    ours = {"wherry": lambda *arguments: engine.wherry(*arguments, timeout=120).out}
    return {**ours, "docker": docker} if have("docker-cli") else ours


def test_servers_of_debian(engine: EngineUnderTest, machine: Machine) -> None:
    before = machine.state() if machine.elsewhere else ""
    for run in doors(engine).values():
        reached_by_name_and_from_elsewhere(run, machine)
    no_request_fails_while_the_engine_is_killed(engine, machine)
    engine.stop()
    if machine.elsewhere:
        assert machine.state() == before


def reached_by_name_and_from_elsewhere(run: Run, machine: Machine) -> None:
    port = free_port()
    run("network", "create", "shown")
    run("run", "-d", "--name", "db", "--network", "shown", "-u", "postgres", "services", "sh", "-c", DATABASE)
    run("run", "-d", "--name", "web", "--network", "shown", "-p", f"{port}:80", *NGINX)
    answers = run("run", "--rm", "--network", "shown", "services", "sh", "-c", ASK)
    assert answers.startswith("42\n")
    assert WELCOME in answers
    ask = ["curl", "-s", "-m", "60", f"http://{machine.address}:{port}/"]
    assert WELCOME in run("run", "--rm", "services", *ask)  # from the namespace of another network
    if machine.elsewhere:
        assert WELCOME in machine.elsewhere(*ask)
    run("rm", "-f", "db", "web")
    run("network", "rm", "shown")


def no_request_fails_while_the_engine_is_killed(engine: EngineUnderTest, machine: Machine) -> None:
    port = free_port()
    engine.wherry("run", "-d", "--name", "web", "-p", f"{port}:80", *NGINX)
    until(lambda: fetch(machine.address, port))
    load = ["wrk", "-t1", "-c16", "-d3s", f"http://{machine.address}:{port}/"]
    with subprocess.Popen(load, stdout=subprocess.PIPE, text=True) as wrk:
        time.sleep(0.5)
        engine.kill()
        time.sleep(0.5)
        engine.start()
        assert engine.wherry("ps", "--format", "{{.Names}}").line == "web"
        said = wrk.communicate(timeout=60)[0]
    assert "requests in" in said
    assert "Socket errors" not in said
    assert "Non-2xx" not in said
