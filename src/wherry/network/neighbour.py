"""Docker's firewall, where it is on the same machine and drops what is forwarded unless a rule accepts it.

Docker leaves the chain DOCKER-USER to others. What goes to and from our bridges is accepted there, which
leaves the decision to our own firewall; what goes to Docker's bridges is left to Docker. Rules carry the
name of our table as a comment, and go when that does.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterable, Iterator

from wherry.linux import nftables
from wherry.linux.netlink import Netlink

_CHAIN = "DOCKER-USER"
_PROGRAMS = {"iptables": (2, "/proc/net/ip_tables_names"), "ip6tables": (10, "/proc/net/ip6_tables_names")}
_OURS = ("wherry0", "wh-+")
_DOCKERS = ("docker0", "br-+")


def admit(netlink: Netlink, name: str) -> None:
    """Have Docker's firewall let our packets through, if it drops them. May be repeated; blocks for some
    10 ms where somebody uses iptables, else for microseconds."""
    for program, listed in _firewalls(netlink):
        if "-P FORWARD DROP" in listed and f"-N {_CHAIN}" in listed and not _of(name, listed):
            _change(program, [f"-I {rule}" for rule in reversed(_rules(name))])


def withdraw(netlink: Netlink, name: str) -> None:
    """Take the rules away again."""
    for program, listed in _firewalls(netlink):
        if rules := _of(name, listed):
            _change(program, [f"-D{rule.removeprefix('-A')}" for rule in rules])


def _rules(name: str) -> list[str]:
    passed_on = [f"-i {ours} -o {theirs} -j RETURN" for ours in _OURS for theirs in _DOCKERS]
    accepted = [f"{way} {ours} -j ACCEPT" for ours in _OURS for way in ("-i", "-o")]
    return [f"{_CHAIN} -m comment --comment {name} {rule}" for rule in (*passed_on, *accepted)]


def _of(name: str, listed: Iterable[str]) -> list[str]:
    return [line for line in listed if line.startswith(f"-A {_CHAIN} ") and name in shlex.split(line)]


def _firewalls(netlink: Netlink) -> Iterator[tuple[str, list[str]]]:
    """Each program with the rules that it lists; to list them where there are none would make tables."""
    for program, (family, legacy) in _PROGRAMS.items():
        if "filter" in nftables.tables(netlink, family) or _has_filter(legacy):
            try:
                done = subprocess.run([program, "-w", "-S"], capture_output=True, text=True, check=False)
            except FileNotFoundError:
                continue
            yield program, done.stdout.splitlines()


def _has_filter(path: str) -> bool:
    try:
        with open(path) as file:
            return "filter" in file.read().split()
    except OSError:
        return False


def _change(program: str, lines: list[str]) -> None:
    """In one transaction. A failure leaves the packets dropped, as they would be without us."""
    text = "\n".join(["*filter", *lines, "COMMIT", ""])
    subprocess.run([f"{program}-restore", "-w", "--noflush"], input=text, capture_output=True, text=True)
