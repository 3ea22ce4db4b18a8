"""resolv.conf for a container: the machine's own, the user's words put over it."""

from __future__ import annotations

from .models import HostConfig

_FALLBACK = ("8.8.8.8", "8.8.4.4")
ANSWERED_HERE = ("127.0.0.11",)
"""The name server of containers whose questions the network keeper answers."""


def resolv_conf(host: HostConfig, text: str, *, servers: tuple[str, ...] = (), own_network: bool) -> str:
    """The file's text. `text` is the machine's file, `servers` stand for its name servers when given.

    In a network of its own (`own_network`) the machine's loopback resolvers can't be reached: they are left
    out, and public ones take their place when none remains.
    """
    lines = [line.split() for line in text.splitlines() if line.strip() and line.lstrip()[0] not in "#;"]
    found = _servers(text)
    if own_network:
        found = [address for address in found if not _is_loopback(address)]
    found = list(servers or host.dns or found)
    if not found and own_network:
        found = list(_FALLBACK)
    search = [word for words in lines if words[0] in ("search", "domain") for word in words[1:]]
    search = list(host.dns_search) if host.dns_search else search
    options = [word for words in lines if words[0] == "options" for word in words[1:]]
    options = list(host.dns_options) if host.dns_options else options
    if servers and not any(one.startswith("ndots:") for one in options):
        options.append("ndots:0")
    out = [f"nameserver {address}" for address in found]
    if search and search != ["."]:
        out.append(f"search {' '.join(search)}")
    if options:
        out.append(f"options {' '.join(options)}")
    return "\n".join(out) + "\n" if out else ""


def upstreams(host: HostConfig, text: str) -> list[str]:
    """Where the network keeper passes a container's questions on to. It runs in the machine's own network,
    so the machine's loopback resolvers serve as well."""
    return list(host.dns or _servers(text) or _FALLBACK)


def needs_answering(host: HostConfig, text: str) -> bool:
    """Whether a container outside named networks can't reach any of the machine's resolvers itself."""
    found = _servers(text)
    return not host.dns and bool(found) and all(_is_loopback(one) for one in found)


def _servers(text: str) -> list[str]:
    lines = [line.split() for line in text.splitlines()]
    return [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def machine_resolv_conf() -> str:
    """The machine's file; systemd-resolved's list of real servers where /etc has only its local stub."""
    for path in ("/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            continue
    return ""
