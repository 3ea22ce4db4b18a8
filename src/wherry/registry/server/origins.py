"""Where a request comes from when proxies stand in between: Forwarded (RFC 7239) and X-Forwarded-For.

Only what a configured proxy says is believed, and of a list only the part that such proxies have written:
from its end, up to the first address that is none of them. So nobody can name another's address.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator

from aiohttp import web

from wherry.errors import Invalid

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]*)', re.IGNORECASE)
_ELEMENT = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^",])+')


class Origins:
    """Knows the proxies that are trusted."""

    def __init__(self, trusted: Iterable[str]) -> None:
        """Addresses and networks. Raises Invalid."""
        self._trusted = [_network(one) for one in trusted]

    def seen(self, request: web.Request) -> web.Request:
        """The request as if its client had come directly."""
        peer = _address(request.remote or "")
        if not self._trusted or peer is None or not self._is_trusted(peer):
            return request
        origin = peer
        for text in reversed(list(_said(request))):
            address = _address(text)
            if address is None:  # hidden, or nonsense: the proxy that wrote it is all that is known
                break
            origin = address
            if not self._is_trusted(address):
                break
        return request.clone(remote=str(origin))

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _said(request: web.Request) -> Iterator[str]:
    """The addresses that the request was passed on for, the client's first."""
    if forwarded := request.headers.getall("Forwarded", []):
        for element in _ELEMENT.findall(",".join(forwarded)):
            found = _FOR.search(element.strip())
            yield found[1].strip('"') if found else ""
        return
    for part in ",".join(request.headers.getall("X-Forwarded-For", [])).split(","):
        if part.strip():
            yield part.strip()


def _address(text: str) -> Address | None:
    """An address, maybe with a port; IPv4 also where it is written as IPv6."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise Invalid(
            f"trusted_proxies: {error}", hint="write addresses like 10.0.0.7 or 10.0.0.0/8"
        ) from None
