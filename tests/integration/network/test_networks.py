"""Networks on the real kernel: who reaches whom, by address, by name and through published ports."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import time

import pytest

from tests.integration.network.conftest import Lab
from wherry.errors import Conflict, Forbidden, Unavailable
from wherry.linux import rtnetlink
from wherry.linux.netlink import NLM_F_DUMP, Netlink, attributes, message
from wherry.network.links import inside
from wherry.network.model import Subnet
from wherry.network.networks import Networks
from wherry.network.publishing import PortRequest
from wherry.network.reminding import Living

pytestmark = pytest.mark.needs("root")


def ruleset() -> str:
    return subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout


def routes() -> str:
    shown = ["ip", "route", "show", "table", "all"]
    return subprocess.run(shown, capture_output=True, text=True, check=True).stdout


def rules() -> str:
    return subprocess.run(["ip", "rule"], capture_output=True, text=True, check=True).stdout


def test_containers_of_one_network_reach_each_other_and_others_do_not(lab: Lab) -> None:
    a, b, c = lab.node(), lab.node(), lab.node()
    default = lab.networks.default()
    first = lab.networks.connect(default, "a", a.namespace)
    lab.networks.connect(default, "b", b.namespace)
    lab.networks.connect(lab.networks.create("other"), "c", c.namespace)
    a.serve(80, str(lab.directory))
    assert b.fetch(f"http://{first.ipv4}/") == "200"
    assert c.fetch(f"http://{first.ipv4}/", 2) == "000"
    assert lab.host.fetch(f"http://{first.ipv4}/") == "200"


def test_streams_between_containers_pass_in_large_bursts(lab: Lab) -> None:
    """The largest packet of an IPv4 stream that container, bridge and pair pass on uncut (Linux 6.3)."""
    a, default = lab.node(), lab.networks.default()
    endpoint = lab.networks.connect(default, "a", a.namespace)
    largest = {}
    for node in (lab.host, a):
        with inside(node.namespace), Netlink(rtnetlink.NETLINK_ROUTE) as netlink:
            for reply in netlink.request(message(18, NLM_F_DUMP, struct.pack("=BxHiII", 0, 0, 0, 0, 0))):
                found = attributes(reply.payload, 16)
                largest[found[3].rstrip(b"\0").decode()] = found.get(63)
    if largest["lo"] is None:
        return  # an older kernel, which does not know of this
    names = (default.bridge, endpoint.host_interface, endpoint.interface)
    assert {largest[name] for name in names} == {struct.pack("=I", 196_608)}


def test_a_published_port_is_reached_from_everywhere(lab: Lab) -> None:
    a, b, c = lab.node(), lab.node(), lab.node()
    front = lab.networks.create("front", ipv6=True)
    other = lab.networks.create("other")
    mine = lab.networks.connect(front, "a", a.namespace)
    lab.networks.connect(front, "b", b.namespace)
    lab.networks.connect(other, "c", c.namespace)
    a.serve(80, str(lab.directory))
    ports = lab.networks.publish("a", [PortRequest("tcp", 80, "", 8080)], ipv4=mine.ipv4, ipv6=mine.ipv6)
    assert [port.host_port for port in ports] == [8080]
    assert other.ipv4 is not None
    through_host = f"http://{other.ipv4.gateway}:8080/"
    for who in (lab.host, a, b, c):
        assert who.fetch(through_host) == "200"
    assert lab.host.fetch("http://127.0.0.1:8080/") == "200"
    assert lab.host.fetch("http://[::1]:8080/") == "200"
    lab.networks.unpublish("a", [mine.ipv4, mine.ipv6])
    assert lab.host.fetch("http://127.0.0.1:8080/", 2) == "000"
    assert c.fetch(through_host, 2) == "000"


def test_both_ip_versions(lab: Lab) -> None:
    a, b, c = lab.node(), lab.node(), lab.node()
    front = lab.networks.create("front", subnets=[Subnet("fd00:77::/64")], ipv6=True)
    mine = lab.networks.connect(front, "a", a.namespace, ipv6="fd00:77::9", aliases=["web"])
    lab.networks.connect(front, "b", b.namespace, aliases=["db"])
    outside = lab.networks.create("other", ipv6=True)
    lab.networks.connect(outside, "c", c.namespace)
    assert mine.ipv6 == "fd00:77::9"
    assert b.ask("web", "AAAA") == "fd00:77::9"
    assert b.ask("web", "A") == mine.ipv4
    a.start("python3", "-m", "http.server", "81", "--bind", "::", cwd=str(lab.directory))
    a.serve(80, str(lab.directory))  # by then the other has started as well, or nearly
    deadline = time.monotonic() + 60
    while b.fetch("http://[fd00:77::9]:81/") != "200":
        assert time.monotonic() < deadline
    assert c.fetch("http://[fd00:77::9]:81/", 2) == "000"
    wanted = [PortRequest("tcp", 81, "", 8081), PortRequest("tcp", 81, "::1", 8082)]
    lab.networks.publish("a", wanted, ipv4=mine.ipv4, ipv6=mine.ipv6)
    assert outside.ipv6 is not None
    through_host = f"http://[{outside.ipv6.gateway}]"
    assert c.fetch(f"{through_host}:8081/") == "200"
    assert c.fetch(f"{through_host}:8082/", 2) == "000"
    assert lab.host.fetch("http://[::1]:8082/") == "200"
    with pytest.raises(Conflict, match="Address already in use"):
        lab.networks.connect(front, "c", c.namespace, ipv6="fd00:77::9")


def test_a_port_on_loopback_is_not_open_elsewhere(lab: Lab) -> None:
    a, b = lab.node(), lab.node()
    default = lab.networks.default()
    mine = lab.networks.connect(default, "a", a.namespace)
    lab.networks.connect(default, "b", b.namespace)
    a.serve(80, str(lab.directory))
    lab.networks.publish("a", [PortRequest("tcp", 80, "127.0.0.1", 8080)], ipv4=mine.ipv4)
    assert lab.host.fetch("http://127.0.0.1:8080/") == "200"
    assert default.ipv4 is not None
    assert b.fetch(f"http://{default.ipv4.gateway}:8080/", 2) == "000"


def test_a_taken_port_is_refused_and_nothing_stays_open(lab: Lab) -> None:
    a = lab.node()
    mine = lab.networks.connect(lab.networks.default(), "a", a.namespace)
    with socket.socket() as other:
        other.bind(("", 9999))
        other.listen()
        wanted = [PortRequest("tcp", 80, "", 8080), PortRequest("tcp", 80, "", 9999)]
        with pytest.raises(Conflict, match=r"failed to bind host port for .*:9999.*address already in use"):
            lab.networks.publish("a", wanted, ipv4=mine.ipv4)
    assert lab.networks.ports("a") == []
    assert lab.keeper.known()["held"] == []


def test_names_follow_connect_rename_and_disconnect(lab: Lab) -> None:
    a, b, c = lab.node(), lab.node(), lab.node()
    front, back = lab.networks.create("front"), lab.networks.create("back")
    web = lab.networks.connect(front, "a", a.namespace, aliases=["web", "aaaaaaaaaaaa"])
    db = lab.networks.connect(front, "b", b.namespace, aliases=["db"])
    lab.networks.connect(back, "c", c.namespace, aliases=["alone"])
    assert a.ask("db") == db.ipv4
    assert b.ask("+tcp", "WEB.front") == web.ipv4
    assert b.ask("-x", web.ipv4) == "web.front."
    assert c.ask("web") == ""
    joined = lab.networks.connect(back, "a", a.namespace, aliases=["web"], default_route=False)
    assert joined.interface == "eth1"
    assert c.ask("web") == joined.ipv4
    lab.networks.rename(joined, ["renamed"])
    assert (c.ask("web"), c.ask("renamed")) == ("", joined.ipv4)
    lab.networks.disconnect(joined, a.namespace)
    assert c.ask("renamed") == ""
    assert b.ask("web") == web.ipv4


def test_what_is_not_ours_is_asked_upstream(lab: Lab) -> None:
    a, upstream = lab.node(), lab.node()
    default = lab.networks.default()
    there = lab.networks.connect(default, "upstream", upstream.namespace)
    script = (
        "import socket;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.bind(('',53))\n"
        "while True:\n d,a=s.recvfrom(4096)\n"
        " s.sendto(d[:2]+b'\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0'+d[12:d.index(0,12)+5]"
        "+b'\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\1\\0\\4\\x01\\x02\\x03\\x04',a)"
    )
    upstream.start("python3", "-c", script)
    lab.networks.connect(lab.networks.create("front"), "a", a.namespace, upstreams=[there.ipv4])
    deadline = time.monotonic() + 20
    while a.ask("example.org") != "1.2.3.4":  # until the server has started
        assert time.monotonic() < deadline


def test_an_internal_network_leads_nowhere(lab: Lab) -> None:
    a, b, c = lab.node(), lab.node(), lab.node()
    inner = lab.networks.create("inner", internal=True)
    first = lab.networks.connect(inner, "a", a.namespace)
    lab.networks.connect(inner, "b", b.namespace)
    outside = lab.networks.connect(lab.networks.default(), "c", c.namespace)
    a.serve(80, str(lab.directory))
    c.serve(80, str(lab.directory))
    assert b.fetch(f"http://{first.ipv4}/") == "200"
    assert b.fetch(f"http://{outside.ipv4}/", 2) == "000"
    assert c.fetch(f"http://{first.ipv4}/", 2) == "000"


def test_a_flushed_firewall_opens_nothing_and_is_put_back(lab: Lab) -> None:
    a, b, c = lab.node(), lab.node(), lab.node()
    front = lab.networks.create("front")
    mine = lab.networks.connect(front, "a", a.namespace)
    inner = lab.networks.create("inner", internal=True)
    theirs = lab.networks.connect(inner, "b", b.namespace)
    lab.networks.connect(lab.networks.default(), "c", c.namespace)
    a.serve(80, str(lab.directory))
    b.serve(80, str(lab.directory))
    lab.networks.publish("a", [PortRequest("tcp", 80, "127.0.0.1", 8080)], ipv4=mine.ipv4)
    before = ruleset()
    with lab.networks._lock:  # the guard has to wait, so we see what holds without a firewall
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        assert c.fetch(f"http://{mine.ipv4}/", 2) == "000"
        assert c.fetch(f"http://{theirs.ipv4}/", 2) == "000"
        assert b.fetch(f"http://{mine.ipv4}/", 2) == "000"
        assert front.ipv4 is not None
        assert c.fetch(f"http://{front.ipv4.gateway}:8080/", 2) == "000"
        assert ruleset() == ""
    deadline = time.monotonic() + 60
    while ruleset() != before:
        assert time.monotonic() < deadline, ruleset()
        time.sleep(0.01)


def test_a_killed_keeper_and_a_flushed_firewall_are_put_back(lab: Lab) -> None:
    a, b = lab.node(), lab.node()
    front = lab.networks.create("front")
    mine = lab.networks.connect(front, "a", a.namespace, aliases=["web"])
    lab.networks.connect(front, "b", b.namespace, aliases=["db"])
    a.serve(80, str(lab.directory))
    lab.networks.publish("a", [PortRequest("tcp", 80, "", 8080)], ipv4=mine.ipv4)
    before = ruleset()
    lab.networks.close()  # as an engine that ended
    os.kill(lab.keeper_pid(), signal.SIGKILL)
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    again = Networks(lab.database, lab.keeper)
    again.restore({"a": Living(a.namespace), "b": Living(b.namespace)})
    lab.networks = again
    assert ruleset() == before
    assert b.ask("web") == mine.ipv4
    assert lab.host.fetch("http://127.0.0.1:8080/") == "200"
    assert front.ipv4 is not None
    assert b.fetch(f"http://{front.ipv4.gateway}:8080/") == "200"


def test_nothing_is_left_when_the_last_container_is_gone(lab: Lab) -> None:
    before, rules_before = ruleset(), rules()
    a = lab.node()
    mine = lab.networks.connect(lab.networks.create("front"), "a", a.namespace)
    lab.networks.publish("a", [PortRequest("udp", 53, "", 0)], ipv4=mine.ipv4)
    lab.networks.restore({})
    assert "unreachable 172.17.0.0/16" in routes()  # so that other programs leave it alone
    lab.networks.sweep()
    assert ruleset() == before
    assert "172.1" not in routes()
    assert rules() == rules_before
    assert lab.keeper.known() == {"networks": {}, "served": [], "held": []}


def test_a_network_moves_away_from_a_subnet_that_came_into_use_if_nobody_asked_for_it(lab: Lab) -> None:
    default, made = lab.networks.default(), lab.networks.create("made")
    assert default.ipv4 is not None and made.ipv4 is not None
    subprocess.run(["ip", "link", "add", "lan0", "type", "bridge"], check=True)
    subprocess.run(["ip", "addr", "add", "172.17.9.9/24", "dev", "lan0"], check=True)
    subprocess.run(["ip", "link", "set", "lan0", "up"], check=True)
    endpoint = lab.networks.connect(default, "a", lab.node().namespace)
    assert endpoint.ipv4 == "172.19.0.2"
    subprocess.run(["ip", "addr", "add", "172.18.9.9/24", "dev", "lan0"], check=True)
    assert lab.networks.connect(made, "b", lab.node().namespace).ipv4 == "172.20.0.2"
    other = lab.networks.create("other", subnets=[Subnet("10.66.0.0/16")])
    subprocess.run(["ip", "addr", "add", "10.66.9.9/24", "dev", "lan0"], check=True)
    with pytest.raises(Unavailable, match=r"its subnet 10\.66\.9\.0/24 is in use elsewhere"):
        lab.networks.connect(other, "a", lab.node().namespace)


def test_overlaps_and_networks_in_use_are_refused(lab: Lab) -> None:
    lab.networks.create("one", subnets=[Subnet("10.77.0.0/16")])
    with pytest.raises(Forbidden, match="Pool overlaps with other one on this address space"):
        lab.networks.create("two", subnets=[Subnet("10.77.5.0/24")])
    with pytest.raises(Conflict, match="network with name one already exists"):
        lab.networks.create("one")
    lab.networks.connect(lab.networks.find("one"), "a", lab.node().namespace)
    with pytest.raises(Forbidden, match="has active endpoints"):
        lab.networks.remove("one")
