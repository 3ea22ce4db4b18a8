"""Requests to one registry: authenticated, tried again when that can help, and led nowhere they must not go.

Credentials go to the registry's own host and to the token server that it names, over TLS unless the registry
is spoken to in plain HTTP; a redirect to another host carries none (CVE-2020-15157). What fails for a moment
(429, 5xx, a broken connection) is tried again with growing pauses, or after what Retry-After says; what can't
get better is not.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp

import wherry
from wherry.errors import Invalid, WherryError
from wherry.registry.client.answers import BROKEN, error_of, pause_before, shown, wanted_pause, whole
from wherry.registry.client.challenge import Challenge, parse_challenges
from wherry.registry.client.hosts import Host
from wherry.registry.client.proxies import proxy_for
from wherry.registry.client.tokens import Credentials, basic, fetch_token
from wherry.registry.client.unreachable import unreachable

__all__ = ["BROKEN", "Credentials", "Session"]

_TRIES = 5
_LONGEST_PAUSE = 60.0  # seconds; a registry that wants longer is told of instead of waited for
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_PLAIN_FOR = 300.0  # seconds for which a registry that spoke plain HTTP is asked so at once
_TIMEOUTS = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=60)

_seen_plain: dict[str, float] = {}  # base → when it spoke plain HTTP


class Session:
    """One registry and one set of credentials. Use as an asynchronous context manager."""

    def __init__(self, host: Host, credentials: Credentials | None = None, *, lasting: bool = False) -> None:
        """`lasting`: have the token server give an identity token, which is then `identity_token`."""
        self.host = host
        self.identity_token = ""
        self._lasting = lasting
        self._credentials = credentials or Credentials()
        self._base = host.base
        self._remembered = False  # that it is plain, from another session
        self._plain_tried = not (host.plain and host.base.startswith("https:"))
        if not self._plain_tried and time.monotonic() - _seen_plain.get(host.base, -1e9) < _PLAIN_FOR:
            self._base = "http:" + host.base.removeprefix("https:")
            self._remembered = True
        self._authorization: dict[str, str] = {}  # scope → header
        self._lock = asyncio.Lock()
        self._contexts: dict[bool, ssl.SSLContext] = {}
        self._http: aiohttp.ClientSession | None = None

    @property
    def base(self) -> str:
        """The registry's URL, as it turned out to be reachable."""
        return self._base

    async def __aenter__(self) -> Session:
        self._http = aiohttp.ClientSession(
            timeout=_TIMEOUTS,
            auto_decompress=False,
            trust_env=False,
            connector=aiohttp.TCPConnector(limit=16, socket_factory=self.host.sockets),
            headers={"User-Agent": f"wherry/{wherry.__version__}", "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=1 << 20,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        scope: str,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        accept: frozenset[int] = frozenset({200}),
        retry: bool = True,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request; `path` begins with `/v2/`, or is a whole URL that the registry gave.

        `scope` is what a token must be good for. Statuses of `accept` are handed out, any other raises the
        error it stands for. With `data` that can be sent only once, give `retry=False`.
        """
        for attempt in range(_TRIES):
            try:
                response = await self._authorized(method, path, scope, dict(headers or {}), data)
            except BROKEN as error:
                if not retry or attempt == _TRIES - 1 or not _may_heal(error):
                    raise self._unreachable(path, error) from error
                await asyncio.sleep(pause_before(attempt))
                continue
            try:
                if response.status in accept:
                    yield response
                    return
                pause = wanted_pause(response, attempt)
                again = response.status in _AGAIN and pause <= _LONGEST_PAUSE
                if not retry or not again or attempt == _TRIES - 1:
                    raise await error_of(response)
            finally:
                response.release()
            await asyncio.sleep(pause)

    async def document(
        self, path: str, *, scope: str, limit: int, headers: Mapping[str, str] | None = None
    ) -> tuple[bytes, aiohttp.ClientResponse]:
        """GET something small, whole, tried again also when the connection breaks in the middle of it; its
        bytes and the answer's head. Raises Invalid when it has more than `limit` bytes."""
        for attempt in range(_TRIES):
            async with self.request("GET", path, scope=scope, headers=headers) as response:
                try:
                    return await whole(response, limit), response
                except BROKEN as error:
                    if attempt == _TRIES - 1:
                        raise self._unreachable(path, error) from error
            await asyncio.sleep(pause_before(attempt))
        raise AssertionError("unreachable")

    async def _authorized(
        self, method: str, path: str, scope: str, headers: dict[str, str], data: Any
    ) -> aiohttp.ClientResponse:
        if known := self._authorization.get(scope):
            headers["Authorization"] = known
        response = await self._follow(method, path, headers, data)
        if response.status != 401 or not self._is_ours(response):
            return response
        challenges = [c for h in response.headers.getall("WWW-Authenticate", []) for c in parse_challenges(h)]
        async with self._lock:
            if self._authorization.get(scope) in (None, headers.get("Authorization")):
                answer = await self._answer(challenges, scope)
                if not answer or answer == headers.get("Authorization"):
                    return response
                self._authorization[scope] = answer
        if data is not None and not isinstance(data, (bytes, str)):
            return response  # sent once; the caller authorizes with a cheap request first
        response.release()
        headers["Authorization"] = self._authorization[scope]
        return await self._follow(method, path, headers, data)

    async def _follow(
        self, method: str, path: str, headers: dict[str, str], data: Any
    ) -> aiohttp.ClientResponse:
        """Send, and go where redirects lead; off the registry's host without credentials."""
        url = path if "://" in path else self._base + path
        headers = dict(headers)
        for _ in range(_MOST_REDIRECTS):
            if not self._same_host(url):
                headers.pop("Authorization", None)
            response = await self._send(method, url, headers, data)
            location = response.headers.get("Location", "")
            if response.status not in _REDIRECTS or not location:
                return response
            response.release()
            try:
                target = urljoin(str(response.url), location)
                scheme = urlsplit(target).scheme
            except ValueError:
                raise Invalid(f"{self.host.name} leads to an address that is none") from None
            if scheme not in ("https", "http"):
                raise Invalid(f"{self.host.name} leads to {shown(target)[:200]}, which is no web address")
            if scheme == "http" and not self.host.plain:
                raise Invalid(f"{self.host.name} leads to {shown(target)}, which is not encrypted")
            if response.status == 303:
                method, data = "GET", None
            url = target
        raise Invalid(f"{self.host.name} redirects in circles")

    async def _send(
        self, method: str, url: str, headers: dict[str, str], data: Any
    ) -> aiohttp.ClientResponse:
        try:
            response = await self._once(method, url, headers, data)
            if self._remembered and response.status == 400 and "WWW-Authenticate" not in response.headers:
                response.release()
                raise aiohttp.ClientConnectionError("it may speak HTTPS by now")
            self._plain_tried = True
            return response
        except aiohttp.ClientConnectorCertificateError:
            raise  # it does speak HTTPS
        except aiohttp.ClientConnectionError:
            if url.startswith(self.host.base) and not url.startswith(self._base):
                rest = url.removeprefix(self.host.base)  # another request has found out meanwhile
                return await self._once(method, self._base + rest, headers, data)
            if self._plain_tried or not url.startswith(self._base):
                raise
            # Only now that HTTPS does not answer, and only where plain HTTP is allowed; or the other way
            # round, where it was plain HTTP the last time.
            self._plain_tried = True
            rest = url.removeprefix(self._base)
            if self._remembered:
                _seen_plain.pop(self.host.base, None)
                self._base = self.host.base
            else:
                self._base = "http:" + self._base.removeprefix("https:")
            response = await self._once(method, self._base + rest, headers, data)
            if not self._remembered:
                _seen_plain[self.host.base] = time.monotonic()
            return response

    async def _once(
        self, method: str, url: str, headers: dict[str, str], data: Any
    ) -> aiohttp.ClientResponse:
        assert self._http is not None
        return await self._http.request(
            method,
            url,
            headers=headers,
            data=data,
            allow_redirects=False,
            ssl=self._tls(url),
            proxy=proxy_for(url),
        )

    def _tls(self, url: str) -> ssl.SSLContext | bool:
        """Made when first needed: reading all the machine's certificates takes 20 ms and more. A client
        certificate is shown to the registry alone."""
        if not url.startswith("https:"):
            return True
        ours = self._same_host(url)
        if ours not in self._contexts:
            host = self.host if ours else self.host._replace(cert="", key="")
            self._contexts[ours] = host.tls()
        return self._contexts[ours]

    async def _answer(self, challenges: list[Challenge], scope: str) -> str:
        """The Authorization header that a challenge asks for; "" when we have nothing to offer."""
        mine = self._credentials
        for challenge in challenges:
            if challenge.scheme == "bearer":
                if mine.registry_token:
                    return f"Bearer {mine.registry_token}"
                return f"Bearer {await self._token(challenge.parameters, scope)}"
            if challenge.scheme == "basic" and mine.username:
                return basic(mine)
        return ""

    async def _token(self, parameters: dict[str, str], scope: str) -> str:
        assert self._http is not None
        realm = parameters.get("realm", "")
        for attempt in range(_TRIES):
            try:
                granted = await fetch_token(
                    self._http,
                    self.host,
                    parameters,
                    scope,
                    self._credentials,
                    tls=self._tls(realm),
                    lasting=self._lasting,
                )
            except BROKEN as error:
                if attempt == _TRIES - 1 or not _may_heal(error):
                    raise self._unreachable(realm, error) from error
                await asyncio.sleep(pause_before(attempt))
                continue
            self.identity_token = granted.identity_token or self.identity_token
            return granted.token
        raise AssertionError("unreachable")

    def _same_host(self, url: str) -> bool:
        ours, there = urlsplit(self._base), urlsplit(url)
        return (ours.scheme, ours.netloc) == (there.scheme, there.netloc)

    def _is_ours(self, response: aiohttp.ClientResponse) -> bool:
        return self._same_host(str(response.url))

    def _unreachable(self, path: str, error: BaseException) -> WherryError:
        return unreachable(shown(path) if "://" in path else self._base + "/v2/", error)


def _may_heal(error: BaseException) -> bool:
    return not isinstance(
        error,
        (
            aiohttp.ClientSSLError,
            aiohttp.ClientConnectorDNSError,
            aiohttp.InvalidURL,
            aiohttp.ClientResponseError,
        ),
    )
