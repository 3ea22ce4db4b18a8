"""The files about itself that a container finds in /etc: hostname, hosts, resolv.conf.

They are kept beside the writable layer and bind-mounted, so a change of address reaches a running
container: they are rewritten in place, never replaced.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .registry import Container
    from .room import Room

FILES = ("hostname", "hosts", "resolv.conf")
MARK = ".dockerenv"
"""An empty file at the top by which programs know that they are in a container."""
_LOCALHOST = (
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::\tip6-localnet\n"
    "ff00::\tip6-mcastprefix\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n"
)


def write(room: Room, container: Container, addresses: Iterable[tuple[str, str]] = ()) -> None:
    """Write all three. `addresses` are further lines of hosts: (address, names)."""
    directory = room.directory(container)
    config, host = container.plan.config, container.plan.host
    os.makedirs(directory, 0o700, exist_ok=True)
    name = config.hostname or room.machine.hostname
    full = f"{name}.{config.domainname} {name}" if config.domainname else name
    _put(directory, "hostname", f"{name}\n")
    if host.network_mode == "host":
        hosts = _host_file("/etc/hosts") or _LOCALHOST
    else:
        hosts = _LOCALHOST
    hosts += "".join(_extra_host(entry, room) for entry in host.extra_hosts or ())
    hosts += "".join(f"{address}\t{names or full}\n" for address, names in addresses)
    _put(directory, "hosts", hosts)
    _put(directory, "resolv.conf", room.networks.resolv_conf(container))
    _put(directory, MARK, "")


def places(directory: str) -> dict[str, str]:
    """Their paths on this machine, by those in the container."""
    found = {f"/etc/{name}": os.path.join(directory, name) for name in FILES}
    return {**found, f"/{MARK}": os.path.join(directory, MARK)}


def rewrite_hosts(room: Room, container: Container, addresses: Iterable[tuple[str, str]]) -> None:
    """Put the addresses that the networks gave it into hosts, once they are known."""
    write(room, container, addresses)


def follow_networks(room: Room, container: Container) -> None:
    """Have a running container ask the name server that its present networks call for."""
    _put(room.directory(container), "resolv.conf", room.networks.resolv_conf(container))


def _put(directory: str, name: str, text: str) -> None:
    """Make the file say `text`, without emptying it first: ext4 answers that by writing to the disk."""
    data = text.encode()
    fd = os.open(os.path.join(directory, name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        size = os.fstat(fd).st_size
        if size == len(data) and os.pread(fd, size, 0) == data:
            return
        os.pwrite(fd, data, 0)
        if size > len(data):
            os.ftruncate(fd, len(data))
    finally:
        os.close(fd)


def _host_file(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _extra_host(entry: str, room: Room) -> str:
    name, _, address = entry.partition(":")
    if address == "host-gateway":
        address = room.networks.host_gateway()
    return f"{address.strip('[]')}\t{name}\n"
