"""Docker on the same machine: its firewall drops what is forwarded, and both have containers there."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness.dockerd import Dockerd
from tests.integration.network.conftest import Lab, Node
from wherry.network.publishing import PortRequest

pytestmark = pytest.mark.needs("root", "dockerd", "busybox")


@pytest.fixture
def outside(lab: Lab) -> Node:
    """Another machine; it knows no way to containers."""
    other = lab.node()
    pipe = other.start("sleep", "1000")
    for command in (
        f"link add lan0 type veth peer name lan0 netns {pipe.pid}",
        "addr add 198.51.100.1/24 dev lan0",
        "link set lan0 up",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    other.run("ip", "addr", "add", "198.51.100.2/24", "dev", "lan0")
    other.run("ip", "link", "set", "lan0", "up")
    return other


@pytest.fixture
def docker(lab: Lab, outside: Node, busybox_tar: Path) -> Iterator[Dockerd]:
    """A daemon in the lab's network that was there first, with a web server at port 8090."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("0")  # Docker drops where it had to switch this on
    daemon = Dockerd(bridge=True)
    try:
        daemon.wait_until_ready()
        daemon.docker("import", str(busybox_tar), "busybox")
        serve = ["busybox", "httpd", "-f", "-p", "80", "-h", "/etc"]
        daemon.docker("run", "-d", "--name", "theirs", "-p", "8090:80", *serve)
        yield daemon
    finally:
        daemon.stop()


def firewall() -> list[str]:
    """Rules of iptables, without what counts packets."""
    listed = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    return [line.partition(" [")[0] for line in listed.splitlines() if not line.startswith("#")]


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_both_are_reached_and_reach_out(lab: Lab, outside: Node, docker: Dockerd) -> None:
    before = firewall()
    assert ":FORWARD DROP" in before
    a, b = lab.node(), lab.node()
    front = lab.networks.create("front")
    mine = lab.networks.connect(front, "a", a.namespace)
    lab.networks.connect(front, "b", b.namespace)
    a.serve(80, str(lab.directory))
    lab.networks.publish("a", [PortRequest("tcp", 80, "", 8080)], ipv4=mine.ipv4)
    outside.serve(80, str(lab.directory))
    assert b.fetch(f"http://{mine.ipv4}/") == "200"
    assert a.fetch("http://198.51.100.2/") == "200"
    assert outside.fetch("http://198.51.100.1:8080/") == "200"
    until(lambda: outside.fetch("http://198.51.100.1:8090/") == "404")  # busybox has no page there
    assert a.fetch("http://198.51.100.1:8090/") == "404"
    address = "{{.NetworkSettings.IPAddress}}"
    theirs = docker.docker("inspect", "-f", address, "theirs").stdout.decode().strip()
    docker.docker("exec", "theirs", "httpd", "-p", "81", "-h", "/etc")
    until(lambda: lab.host.fetch(f"http://{theirs}:81/") == "404")
    assert a.fetch(f"http://{theirs}:81/", 2) == "000"  # not published
    ask = ["exec", "theirs", "sh", "-c", f"echo | nc -w 2 {mine.ipv4} 80 && echo reached"]
    assert docker.docker(*ask, check=False).stdout == b""
    docker.docker("network", "create", "later")
    subnet = "{{(index .IPAM.Config 0).Subnet}}"
    taken = docker.docker("network", "inspect", "-f", subnet, "later", "bridge").stdout.decode().split()
    assert front.ipv4 is not None
    assert len({front.ipv4.subnet, *taken}) == 3
    docker.docker("network", "rm", "later")
    lab.networks.restore({})
    lab.networks.sweep()
    assert firewall() == before
