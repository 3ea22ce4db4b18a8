"""Bearer tokens: the distribution project's token flow, and OAuth 2 with a refresh token.

The realm that a registry names gets the credentials, so it must be as trustworthy as the registry: HTTPS, or
plain HTTP where the registry may be spoken to so.
"""

from __future__ import annotations

import base64
import ssl
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import aiohttp
import msgspec

from wherry.errors import Invalid, Unauthorized, Unavailable
from wherry.registry.client.answers import shown, whole
from wherry.registry.client.hosts import Host
from wherry.registry.client.proxies import proxy_for

_LARGEST = 1 << 20
_CLIENT = "wherry"


class Credentials(NamedTuple):
    """As in Docker's configuration: a name with a password, or a token that stands for both."""

    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""

    def __repr__(self) -> str:  # never in a log
        return f"Credentials(username={self.username!r}, …)"


class Granted(NamedTuple):
    """A token for requests and, when it was asked for and given, one to get more such with."""

    token: str
    identity_token: str = ""

    def __repr__(self) -> str:
        return "Granted(…)"


def basic(credentials: Credentials) -> str:
    """The Authorization header of RFC 7617."""
    pair = f"{credentials.username}:{credentials.password}".encode()
    return "Basic " + base64.b64encode(pair).decode()


async def fetch_token(
    http: aiohttp.ClientSession,
    host: Host,
    parameters: dict[str, str],
    scope: str,
    mine: Credentials,
    *,
    tls: ssl.SSLContext | bool = True,
    lasting: bool = False,
) -> Granted:
    """A token from the server that a challenge's `parameters` name. `scope` may be several, by spaces.

    `lasting` asks for an identity token too. Raises Unauthorized when the credentials are refused, Invalid
    for a realm that is not to be trusted, Unavailable for answers without a token, and what `http` raises.
    """
    realm = parameters.get("realm", "")
    scheme = urlsplit(realm).scheme
    if scheme not in ("https", "http") or (scheme == "http" and not host.plain):
        raise Invalid(f"{host.name} names no token server that may be trusted: {shown(realm)}")
    how: dict[str, Any] = {"allow_redirects": False, "ssl": tls, "proxy": proxy_for(realm)}
    wanted = scope or parameters.get("scope", "")
    service = [("service", parameters["service"])] if parameters.get("service") else []
    if mine.identity_token:
        fields = [*service, ("scope", wanted), ("grant_type", "refresh_token"), ("client_id", _CLIENT)]
        form = dict([*fields, ("refresh_token", mine.identity_token)])
        call = http.post(realm, data=form, **how)
    else:
        query = [*service, *(("scope", one) for one in wanted.split())]
        headers: dict[str, str] = {}
        if mine.username:
            query.append(("account", mine.username))
            headers["Authorization"] = basic(mine)
        if lasting:
            query += [("client_id", _CLIENT), ("offline_token", "true")]
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}" if query else realm
        call = http.get(url, headers=headers, **how)
    async with call as response:
        body = await whole(response, _LARGEST)
        status = response.status
    if status in (400, 401, 403):
        raise Unauthorized(
            "unauthorized: incorrect username or password"
            if mine.username or mine.identity_token
            else "unauthorized: authentication required",
            hint=f"`wherry login {host.name}`",
        )
    try:
        said = msgspec.json.decode(body)
        token, lasts = said.get("token") or said.get("access_token"), said.get("refresh_token", "")
    except (msgspec.DecodeError, UnicodeDecodeError, AttributeError, RecursionError):
        token, lasts = None, ""
    if status != 200 or not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise Unavailable(f"the token server of {host.name} answered {status} without a token")
    return Granted(token, lasts if isinstance(lasts, str) else "")
