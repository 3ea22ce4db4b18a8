"""How to reach each registry: mirrors, plain HTTP, certificates.

`registries.toml`, the machine's and the user's (the latter wins):

    mirrors = ["https://mirror.example"]        # asked first for images of Docker Hub
    insecure = ["registry.lan:5000"]            # plain HTTP, or certificates that nobody vouches for

    [registry."registry.example"]
    mirrors = ["https://near.example/proxy"]
    insecure = false
    ca = "/etc/ssl/company.pem"
    cert = "/home/me/client.crt"
    key = "/home/me/client.key"

Docker's `daemon.json` (`registry-mirrors`, `insecure-registries`) and `certs.d/HOST/{ca.crt,client.cert,
client.key}` count as well, below the files above. Loopback addresses may always be spoken to in plain HTTP.
"""

from __future__ import annotations

import functools
import ipaddress
import json
import os
import socket
import ssl
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from wherry.errors import Invalid
from wherry.oci.reference import DEFAULT_DOMAIN

_HUB = "registry-1.docker.io"
Sockets = Callable[[Any], socket.socket]
"""Makes the socket of a connection, from an entry of `getaddrinfo`."""

_TRUSTED = 600  # seconds for which the machine's certificates are not read again


class Host(NamedTuple):
    """One place to ask: `base` is its URL up to, not including, `/v2/`."""

    base: str
    plain: bool  # HTTP is allowed when HTTPS does not answer
    verify: bool
    ca: str = ""
    cert: str = ""
    key: str = ""
    mirror: bool = False
    sockets: Sockets | None = None

    @property
    def name(self) -> str:
        """The host part of its URL."""
        return self.base.partition("://")[2].partition("/")[0]

    def tls(self) -> ssl.SSLContext:
        """What HTTPS connections are checked with. Raises Invalid for certificates that can't be read."""
        changed = tuple(_changed(path) for path in (self.ca, self.cert, self.key))
        try:
            return _context(self.ca, self.cert, self.key, self.verify, changed, int(time.time()) // _TRUSTED)
        except (OSError, ssl.SSLError) as error:
            raise Invalid(f"certificates for {self.name} can't be used: {error}") from error


@functools.lru_cache(maxsize=16)
def _context(
    ca: str, cert: str, key: str, verify: bool, _changed: tuple[int, ...], _now: int
) -> ssl.SSLContext:
    """Kept, because reading all the machine's certificates takes 20 ms and more."""
    context = ssl.create_default_context()
    if ca:
        context.load_verify_locations(ca)
    if cert:
        context.load_cert_chain(cert, key or None)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _changed(path: str) -> int:
    return os.stat(path).st_mtime_ns if path and os.path.exists(path) else 0


class Hosts:
    """What the configuration files say. Read anew for each use: they are small and people edit them."""

    def __init__(
        self,
        settings: Iterable[Mapping[str, Any]],
        certificates: Iterable[str] = (),
        *,
        sockets: Sockets | None = None,
    ) -> None:
        """`settings` in rising order of precedence; `certificates` are `certs.d` directories. `sockets` are
        for a process that is not itself in the network where registries are."""
        self._sockets = sockets
        self._registries: dict[str, dict[str, Any]] = {}
        self._insecure: list[str] = []
        self._certificates = list(certificates)
        for one in settings:
            self._insecure += _strings(one, "insecure")
            if mirrors := _strings(one, "mirrors"):
                self._registries.setdefault(DEFAULT_DOMAIN, {})["mirrors"] = mirrors
            tables = one.get("registry", {})
            if not isinstance(tables, dict):
                raise Invalid('registries.toml: "registry" must be tables such as [registry."host"]')
            for name, table in tables.items():
                self._registries.setdefault(name, {}).update(table)

    def places(self, domain: str) -> list[Host]:
        """Where to look for images of a registry: its mirrors in order, then itself."""
        table = self._registries.get(domain, {})
        mirrors = [self._place(url, mirror=True) for url in _strings(table, "mirrors")]
        return [*mirrors, self.origin(domain)]

    def origin(self, domain: str) -> Host:
        """The registry itself: where to push to."""
        return self._place(_HUB if domain == DEFAULT_DOMAIN else domain, named=domain)

    def _place(self, url: str, *, mirror: bool = False, named: str = "") -> Host:
        scheme, slashes, rest = url.partition("://")
        if not slashes:
            scheme, rest = "https", url
        if scheme not in ("http", "https") or not rest:
            raise Invalid(f"invalid registry address {url!r}", hint="write it like https://mirror.example")
        host = rest.partition("/")[0]
        table = self._registries.get(named or host, {})
        insecure = bool(table.get("insecure", self._is_insecure(host)))
        found = self._certificates_of(named or host)
        return Host(
            f"{scheme}://{rest.rstrip('/')}",
            plain=insecure or scheme == "http" or is_loopback(host),
            verify=not insecure,
            ca=str(table.get("ca", found.get("ca", ""))),
            cert=str(table.get("cert", found.get("cert", ""))),
            key=str(table.get("key", found.get("key", ""))),
            mirror=mirror,
            sockets=self._sockets,
        )

    def _is_insecure(self, host: str) -> bool:
        name = _without_port(host)
        for entry in self._insecure:
            if entry in (host, name):
                return True
            try:
                if ipaddress.ip_address(name) in ipaddress.ip_network(entry, strict=False):
                    return True
            except ValueError:
                continue
        return False

    def _certificates_of(self, host: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for directory in self._certificates:
            for kind, name in (("ca", "ca.crt"), ("cert", "client.cert"), ("key", "client.key")):
                path = os.path.join(directory, host, name)
                if os.path.exists(path):
                    found[kind] = path
        return found


def read_hosts(sockets: Sockets | None = None) -> Hosts:
    """From this machine's files. Raises Invalid naming the file that can't be understood."""
    user = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    settings = [_read_daemon_json("/etc/docker/daemon.json")]
    settings += [
        _read_toml(path) for path in ("/etc/wherry/registries.toml", f"{user}/wherry/registries.toml")
    ]
    certificates = ["/etc/docker/certs.d", "/etc/wherry/certs.d", f"{user}/wherry/certs.d"]
    return Hosts(settings, certificates, sockets=sockets)


def _read_toml(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{path}: {error}") from error


def _read_daemon_json(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            said = json.load(file)
    except (OSError, ValueError):
        return {}  # Docker's own file: not ours to complain about
    if not isinstance(said, dict):
        return {}
    return {
        "mirrors": said.get("registry-mirrors", []),
        "insecure": said.get("insecure-registries", []),
    }


def _strings(table: Mapping[str, Any], name: str) -> list[str]:
    value = table.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        if name == "insecure" and isinstance(value, bool):
            return []
        raise Invalid(f"registries.toml: {name!r} must be a list of strings")
    return value


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def is_loopback(host: str) -> bool:
    """Whether `host` (with a port or without) is this machine."""
    name = _without_port(host)
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
