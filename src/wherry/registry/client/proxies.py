"""Which proxy a request goes through: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, in either case.

The HTTP client could read them itself, but would then also send what ~/.netrc says, which nobody asked for.
"""

from __future__ import annotations

import ipaddress
import urllib.request
from urllib.parse import urlsplit

from wherry.errors import Invalid
from wherry.registry.client.hosts import is_loopback


def proxy_for(url: str) -> str | None:
    """The proxy's URL, or None to go straight: for loopback always, as other engines do.

    Raises Invalid for a kind of proxy that is not spoken here.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host):
        return None
    known = urllib.request.getproxies_environment()
    proxy = known.get(parts.scheme) or known.get("all")
    if not proxy or urllib.request.proxy_bypass_environment(parts.netloc, known) or _in_range(host, known):  # type: ignore[attr-defined]
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    if urlsplit(proxy).scheme not in ("http", "https"):
        raise Invalid(
            f"the proxy for {host} is of a kind that is not supported ({urlsplit(proxy).scheme})",
            hint="HTTP_PROXY and HTTPS_PROXY take http:// or https:// addresses",
        )
    return proxy


def _in_range(host: str, known: dict[str, str]) -> bool:
    """Whether NO_PROXY has an address range with the host in it, as Go programs understand."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for entry in known.get("no", "").split(","):
        try:
            if "/" in entry and address in ipaddress.ip_network(entry.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False
