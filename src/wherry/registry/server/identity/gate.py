"""From a request to its caller: nobody in particular, an account by its password, the bearer of a token."""

from __future__ import annotations

import base64
import binascii

from aiohttp import web

from wherry.registry.server.access import Caller, Grant, caller
from wherry.registry.server.failures import Refusal
from wherry.registry.server.identity.accounts import Accounts
from wherry.registry.server.identity.tokens import BadToken, Tokens
from wherry.registry.server.limits import Attempts

_LONGEST = 4096


class Gate:
    """Decides who asks. Without accounts and tokens everybody is nobody in particular."""

    def __init__(
        self,
        grants: tuple[Grant, ...],
        accounts: Accounts,
        tokens: Tokens | None,
        attempts: Attempts,
        *,
        url: str = "",
        realm: str = "",
    ) -> None:
        self.accounts = accounts
        self.tokens = tokens
        self._grants = grants
        self._attempts = attempts
        self._url = url.rstrip("/")
        self._realm = realm
        self._nobody = caller("", grants)

    @property
    def closed(self) -> bool:
        """Whether there is anybody to log in as."""
        return bool(self.accounts) or self.tokens is not None

    async def caller(self, request: web.BaseRequest) -> Caller:
        """Raises Refusal for credentials that are wrong: they are never taken for none."""
        header = request.headers.get("Authorization", "")
        if not header or not self.closed:
            return self._nobody
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "basic" and self.accounts:
            return caller(await self.password(request, value), self._grants)
        if scheme.lower() == "bearer" and self.tokens is not None:
            try:
                name, scopes = self.tokens.read(value.strip())
            except BadToken:
                raise self.challenge(request, "", "", "invalid_token") from None
            if name and self.accounts and not self.accounts.exists(name):
                raise self.challenge(request, "", "", "invalid_token")
            return caller(name, self._grants, scopes)
        raise self.challenge(request, "", "")

    async def password(self, request: web.BaseRequest, value: str) -> str:
        """The account that Basic credentials prove. Raises Refusal, 429 after too many wrong ones."""
        address = request.remote or ""
        self._attempts.check(address)
        try:
            if len(value) > _LONGEST:
                raise ValueError("too long")
            name, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            name = colon = password = ""
        if not colon or not await self.accounts.check(name, password):
            self._attempts.failed(address)
            raise self.challenge(request, "", "")
        return name

    def allow(self, request: web.BaseRequest, asking: Caller, repository: str, right: str) -> None:
        """Raises Refusal: 401 for those who could log in or show a better token, else 403."""
        if not right:
            if self.closed and not asking.name and asking.scopes is None:
                raise self.challenge(request, "", "")
            return
        if asking.may(repository, right):
            return
        if self.closed and (asking.scopes is not None or not asking.name):
            wide = caller(asking.name, self._grants)
            if not asking.name or wide.may(repository, right):
                raise self.challenge(
                    request, repository, right, "insufficient_scope" if asking.scopes else ""
                )
        raise Refusal("DENIED")

    def challenge(self, request: web.BaseRequest, repository: str, right: str, error: str = "") -> Refusal:
        """The refusal that says how to log in."""
        if self.tokens is None:
            return Refusal("UNAUTHORIZED", headers={"WWW-Authenticate": 'Basic realm="wherry registry"'})
        realm = self._realm or f"{self._url or f'{request.scheme}://{_safe(request.host)}'}/token"
        said = f'Bearer realm="{realm}",service="{self.tokens.service}"'
        if right == "catalog":
            said += ',scope="registry:catalog:*"'
        elif repository:
            actions = {"push": "pull,push", "overwrite": "pull,push"}.get(right, right)
            said += f',scope="repository:{repository}:{actions}"'
        if error:
            said += f',error="{error}"'
        return Refusal("UNAUTHORIZED", headers={"WWW-Authenticate": said})


def _safe(host: str) -> str:
    """A Host header as it may stand in a quoted string."""
    return "".join(letter for letter in host if letter.isalnum() or letter in ".:-[]_")
