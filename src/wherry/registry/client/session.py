"""Requests to one registry: authenticated, tried again when that can help, and led nowhere they must not go.

Credentials go to the registry's own host and to the token server that it names, over TLS unless the registry
is spoken to in plain HTTP; a redirect to another host carries none (CVE-2020-15157). What fails for a moment
(429, 5xx, a broken connection) is tried again with growing pauses, or after what Retry-After says; what can't
get better is not.
"""

from __future__ import annotations

import asyncio
import base64
import email.utils
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

import aiohttp
import msgspec

import wherry
from wherry.errors import Forbidden, Internal, Invalid, NotFound, Unauthorized, Unavailable, WherryError
from wherry.registry.client.challenge import Challenge, parse_challenges
from wherry.registry.client.hosts import Host

_TRIES = 5
_LONGEST_PAUSE = 60.0  # seconds; a registry that wants longer is told of instead of waited for
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_TIMEOUTS = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=60)
_LARGEST_TOKEN = 1 << 20

# whatever the connection did, short of an answer
BROKEN = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, asyncio.TimeoutError, ConnectionError)


class Credentials(NamedTuple):
    """As in Docker's configuration: a name with a password, or a token that stands for both."""

    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""

    def __repr__(self) -> str:  # never in a log
        return f"Credentials(username={self.username!r}, …)"


class Session:
    """One registry and one set of credentials. Use as an asynchronous context manager."""

    def __init__(self, host: Host, credentials: Credentials | None = None) -> None:
        self.host = host
        self._credentials = credentials or Credentials()
        self._base = host.base
        self._plain_tried = not (host.plain and host.base.startswith("https:"))
        self._authorization: dict[str, str] = {}  # scope → header
        self._lock = asyncio.Lock()
        self._http: aiohttp.ClientSession | None = None

    @property
    def base(self) -> str:
        """The registry's URL, as it turned out to be reachable."""
        return self._base

    async def __aenter__(self) -> Session:
        self._http = aiohttp.ClientSession(
            timeout=_TIMEOUTS,
            auto_decompress=False,
            trust_env=True,
            connector=aiohttp.TCPConnector(ssl=self.host.tls(), limit=16),
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
                await asyncio.sleep(_pause(attempt))
                continue
            try:
                if response.status in accept:
                    yield response
                    return
                pause = _wanted_pause(response, attempt)
                again = response.status in _AGAIN and pause <= _LONGEST_PAUSE
                if not retry or not again or attempt == _TRIES - 1:
                    raise await _error(response)
            finally:
                response.release()
            await asyncio.sleep(pause)

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
            target = urljoin(str(response.url), location)
            response.release()
            if urlsplit(target).scheme != "https" and not self.host.plain:
                raise Invalid(f"{self.host.name} leads to {_shown(target)}, which is not encrypted")
            if response.status == 303:
                method, data = "GET", None
            url = target
        raise Invalid(f"{self.host.name} redirects in circles")

    async def _send(
        self, method: str, url: str, headers: dict[str, str], data: Any
    ) -> aiohttp.ClientResponse:
        assert self._http is not None
        try:
            response = await self._http.request(
                method, url, headers=headers, data=data, allow_redirects=False
            )
            self._plain_tried = True
            return response
        except aiohttp.ClientConnectionError:
            if self._plain_tried or not url.startswith(self._base):
                raise
            # Only now that HTTPS does not answer, and only where plain HTTP is allowed.
            self._plain_tried = True
            rest = url.removeprefix(self._base)
            self._base = "http:" + self._base.removeprefix("https:")
            return await self._http.request(
                method, self._base + rest, headers=headers, data=data, allow_redirects=False
            )

    async def _answer(self, challenges: list[Challenge], scope: str) -> str:
        """The Authorization header that a challenge asks for; "" when we have nothing to offer."""
        mine = self._credentials
        for challenge in challenges:
            if challenge.scheme == "bearer":
                if mine.registry_token:
                    return f"Bearer {mine.registry_token}"
                return f"Bearer {await self._token(challenge.parameters, scope)}"
            if challenge.scheme == "basic" and mine.username:
                return _basic(mine)
        return ""

    async def _token(self, parameters: dict[str, str], scope: str) -> str:
        """A token from the server that the registry names (distribution's token and OAuth 2 flows)."""
        assert self._http is not None
        realm, mine = parameters.get("realm", ""), self._credentials
        scheme = urlsplit(realm).scheme
        if scheme not in ("https", "http") or (scheme == "http" and not self.host.plain):
            raise Invalid(f"{self.host.name} names no token server that may be trusted: {_shown(realm)}")
        fields = {"service": parameters.get("service", ""), "scope": scope or parameters.get("scope", "")}
        fields = {name: value for name, value in fields.items() if value}
        headers: dict[str, str] = {}
        if mine.identity_token:
            grant = {
                "grant_type": "refresh_token",
                "refresh_token": mine.identity_token,
                "client_id": "wherry",
            }
            call = self._http.post(realm, data={**fields, **grant}, allow_redirects=False)
        else:
            if mine.username:
                fields["account"] = mine.username
                headers["Authorization"] = _basic(mine)
            query = urlencode(fields)
            url = f"{realm}{'&' if '?' in realm else '?'}{query}" if query else realm
            call = self._http.get(url, headers=headers, allow_redirects=False)
        try:
            async with call as response:
                body = await response.content.read(_LARGEST_TOKEN)
                status = response.status
        except BROKEN as error:
            raise self._unreachable(realm, error) from error
        if status in (400, 401, 403):
            raise Unauthorized(
                "unauthorized: incorrect username or password"
                if mine.username or mine.identity_token
                else "unauthorized: authentication required",
                hint=f"`wherry login {self.host.name}`",
            )
        try:
            said = msgspec.json.decode(body)
            token = said.get("token") or said.get("access_token")
        except (msgspec.DecodeError, AttributeError):
            token = None
        if status != 200 or not isinstance(token, str) or not token.isprintable():
            raise Unavailable(f"the token server of {self.host.name} answered {status} without a token")
        return token

    def _same_host(self, url: str) -> bool:
        ours, there = urlsplit(self._base), urlsplit(url)
        return (ours.scheme, ours.netloc) == (there.scheme, there.netloc)

    def _is_ours(self, response: aiohttp.ClientResponse) -> bool:
        return self._same_host(str(response.url))

    def _unreachable(self, path: str, error: BaseException) -> WherryError:
        said = str(error) or type(error).__name__
        hint = "is the name right, and is the registry running?"
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            hint = "give its certificate as `ca` in registries.toml, or list it under `insecure`"
        elif isinstance(error, asyncio.TimeoutError):
            said = "it did not answer in time"
        return Unavailable(
            f"can't reach {_shown(path) if '://' in path else self._base + '/v2/'}: {said}", hint=hint
        )


def _basic(credentials: Credentials) -> str:
    pair = f"{credentials.username}:{credentials.password}".encode()
    return "Basic " + base64.b64encode(pair).decode()


def _may_heal(error: BaseException) -> bool:
    return not isinstance(error, (aiohttp.ClientSSLError, aiohttp.ClientConnectorDNSError))


def _pause(attempt: int) -> float:
    return min(0.25 * 2.0**attempt, 8.0) * random.uniform(0.75, 1.25)


def _wanted_pause(response: aiohttp.ClientResponse, attempt: int) -> float:
    """Seconds to wait before the next try: what Retry-After says, else our own measure."""
    wanted = response.headers.get("Retry-After", "").strip()
    if wanted.isdigit():
        return float(wanted)
    if wanted:
        try:
            moment = email.utils.parsedate_to_datetime(wanted).timestamp()
            return max(0.0, moment - time.time())
        except ValueError:
            pass
    return _pause(attempt)


async def _error(response: aiohttp.ClientResponse) -> WherryError:
    """The error that an answer stands for, in the registry's own words."""
    code, said = "", ""
    try:
        body = msgspec.json.decode(await response.content.read(1 << 16))
        first = body["errors"][0]
        code, said = str(first.get("code", "")), str(first.get("message", ""))
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, AttributeError, *BROKEN):
        pass
    said = "".join(letter for letter in said if letter.isprintable())[:500]
    words = ": ".join(part for part in (code.lower().replace("_", " ")[:60], said) if part)
    where = f"{response.method} {_shown(str(response.url))}"
    text = f"{words or response.reason or 'no reason given'} ({where}: {response.status})"
    kinds: dict[int, type[WherryError]] = {401: Unauthorized, 403: Forbidden, 404: NotFound, 400: Invalid}
    if response.status == 429:
        return Unavailable(
            f"the registry asks to slow down: {text}", hint="wait, or log in for a higher limit"
        )
    if response.status in kinds:
        return kinds[response.status](text)
    return Unavailable(text) if response.status >= 500 else Internal(text)


def _shown(url: str) -> str:
    """A URL without what may be secret in it: user information and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
