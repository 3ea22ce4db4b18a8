"""resolv.conf for a container: the machine's own, the user's words put over it."""

from __future__ import annotations

from .models import HostConfig

_FALLBACK = ("8.8.8.8", "8.8.4.4")


def resolv_conf(host: HostConfig, text: str, *, servers: tuple[str, ...] = (), own_network: bool) -> str:
    """The file's text. `text` is the machine's file, `servers` stand for its name servers when given.

    In a network of its own (`own_network`) the machine's loopback resolvers can't be reached: they are left
    out, and public ones take their place when none remains.
    """
    lines = [line.split() for line in text.splitlines() if line.strip() and line.lstrip()[0] not in "#;"]
    found = [words[1] for words in lines if words[0] == "nameserver" and len(words) > 1]
    if own_network:
        found = [address for address in found if not address.startswith("127.") and address != "::1"]
    found = list(host.dns or servers or found)
    if not found and own_network:
        found = list(_FALLBACK)
    search = [word for words in lines if words[0] in ("search", "domain") for word in words[1:]]
    search = list(host.dns_search) if host.dns_search else search
    options = [word for words in lines if words[0] == "options" for word in words[1:]]
    options = list(host.dns_options) if host.dns_options else options
    out = [f"nameserver {address}" for address in found]
    if search and search != ["."]:
        out.append(f"search {' '.join(search)}")
    if options:
        out.append(f"options {' '.join(options)}")
    return "\n".join(out) + "\n" if out else ""


def machine_resolv_conf() -> str:
    """The machine's file; systemd-resolved's list of real servers where /etc has only its local stub."""
    for path in ("/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            continue
    return ""
