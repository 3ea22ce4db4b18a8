"""What not every kernel has: networks on an interface of the machine's (macvlan, ipvlan), and SCTP."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.integration.network.conftest import Lab, Node
from wherry.network.model import Endpoint, Network, Subnet
from wherry.network.publishing import PortRequest

pytestmark = pytest.mark.needs("root")


def wire(lab: Lab) -> Node:
    """Another machine, on the wire that the interface `lan0` is on."""
    other = lab.node()
    pipe = other.start("sleep", "1000")
    add = ["ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan0", "netns", str(pipe.pid)]
    subprocess.run(add, check=True)
    subprocess.run(["ip", "link", "set", "lan0", "up"], check=True)
    other.run("ip", "addr", "add", "10.55.0.1/24", "dev", "lan0")
    other.run("ip", "link", "set", "lan0", "up")
    return other


def network(lab: Lab, driver: str) -> Network:
    subnets = [Subnet("10.55.0.0/24", "10.55.0.1", "10.55.0.64/26")]
    return lab.networks.create("lan", driver=driver, subnets=subnets, options={"parent": "lan0"})


def members(lab: Lab, driver: str) -> tuple[Node, Node, Node, Endpoint]:
    """The other machine, two containers on the same wire, and the first one's endpoint."""
    outside, a, b = wire(lab), lab.node(), lab.node()
    lan = network(lab, driver)
    first = lab.networks.connect(lan, "a", a.namespace, aliases=["web"])
    lab.networks.connect(lan, "b", b.namespace, aliases=["db"])
    a.serve(80, str(lab.directory))
    return outside, a, b, first


@pytest.mark.parametrize(
    "driver", [pytest.param(kind, marks=pytest.mark.needs(kind)) for kind in ("macvlan", "ipvlan")]
)
def test_containers_are_on_the_wire_of_their_parent(lab: Lab, driver: str) -> None:
    outside, a, b, first = members(lab, driver)
    assert first.ipv4.startswith("10.55.0.6")
    assert outside.fetch(f"http://{first.ipv4}/") == "200"
    assert b.fetch("http://web/", 2) == "000"  # no resolv.conf leads there
    assert b.ask("web") == first.ipv4
    assert b.fetch(f"http://{first.ipv4}/") == "200"
    outside.serve(80, str(lab.directory))
    assert a.fetch("http://10.55.0.1/") == "200"
    lab.networks.disconnect(first, a.namespace)
    assert outside.fetch(f"http://{first.ipv4}/", 2) == "000"


@pytest.mark.needs("sctp")
def test_a_published_sctp_port_is_reached(lab: Lab) -> None:
    a, b = lab.node(), lab.node()
    default = lab.networks.default()
    mine = lab.networks.connect(default, "a", a.namespace)
    lab.networks.connect(lab.networks.create("other"), "b", b.namespace)
    create = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)\n"
    serve = "s.bind(('', 5000)); s.listen()\nwhile True:\n c, _ = s.accept(); c.send(b'ahoy'); c.close()"
    a.start("python3", "-c", create + serve)
    lab.networks.publish("a", [PortRequest("sctp", 5000, "", 5001)], ipv4=mine.ipv4)
    assert default.ipv4 is not None
    for who, host in ((b, default.ipv4.gateway), (lab.host, default.ipv4.gateway), (lab.host, "127.0.0.1")):
        ask = f"s.settimeout(3); s.connect(('{host}', 5001)); print(s.recv(99).decode())"
        deadline = time.monotonic() + 20
        while who.run("python3", "-c", create + ask) != "ahoy":  # until the server has started
            assert time.monotonic() < deadline
