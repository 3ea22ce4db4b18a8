"""The token endpoint (distribution's token protocol and its OAuth 2 form).

GET  /token?service=&scope=…&account=&offline_token=     with a password (Basic), or for nobody in particular
POST /token  grant_type=password|refresh_token, service, scope, username, password, refresh_token
"""

from __future__ import annotations

import base64
import datetime
from urllib.parse import parse_qs

from aiohttp import web

from wherry.registry.server.access import Caller, Grant, Scope, caller
from wherry.registry.server.failures import Refusal
from wherry.registry.server.identity.gate import Gate
from wherry.registry.server.identity.tokens import BadToken, rights_of
from wherry.registry.server.names import check_name
from wherry.registry.server.notes import Notes
from wherry.registry.server.routes.bodies import small_body

_MOST_SCOPES = 64
_LONGEST_FORM = 65536


class Issuing:
    """Hands out tokens for what an account may do, and no more than it asks for."""

    def __init__(self, gate: Gate, grants: tuple[Grant, ...]) -> None:
        self._gate = gate
        self._grants = grants

    async def get(self, request: web.Request, notes: Notes) -> web.Response:
        name = ""
        header = request.headers.get("Authorization", "")
        if header:
            scheme, _, value = header.partition(" ")
            if scheme.lower() != "basic":
                raise Refusal("UNAUTHORIZED")
            name = await self._gate.password(request, value)
        notes.caller = caller(name, self._grants)
        scopes = [part for value in request.query.getall("scope", []) for part in value.split()]
        wants_refresh = request.query.get("offline_token", "") == "true" and bool(name)
        return self._answer(name, request.query.get("service", ""), scopes, wants_refresh)

    async def post(self, request: web.Request, notes: Notes) -> web.Response:
        body = await small_body(request, _LONGEST_FORM)
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        name, refresh = "", form.get("access_type", "") == "offline"
        match form.get("grant_type", ""):
            case "password":
                pair = f"{form.get('username', '')}:{form.get('password', '')}".encode()
                name = await self._gate.password(request, base64.b64encode(pair).decode())
            case "refresh_token":
                assert self._gate.tokens is not None
                try:
                    name, _ = self._gate.tokens.read(form.get("refresh_token", ""), refresh=True)
                except BadToken:
                    raise Refusal("UNAUTHORIZED", "the refresh token is not good (any more)") from None
                if self._gate.accounts and not self._gate.accounts.exists(name):
                    raise Refusal("UNAUTHORIZED")
                refresh = False
            case other:
                raise Refusal("UNSUPPORTED", f"no such grant type: {other[:40]}")
        notes.caller = caller(name, self._grants)
        return self._answer(name, form.get("service", ""), form.get("scope", "").split(), refresh)

    def _answer(self, name: str, service: str, asked: list[str], refresh: bool) -> web.Response:
        tokens = self._gate.tokens
        assert tokens is not None
        if service and service != tokens.service:
            raise Refusal("DENIED", f"this is the token server of {tokens.service}")
        asking = caller(name, self._grants)
        scopes = [scope for text in asked[:_MOST_SCOPES] if (scope := _granted(asking, text))]
        token = tokens.issue(name, scopes)
        said = {
            "token": token,
            "access_token": token,
            "expires_in": int(tokens.life),
            "issued_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }
        if refresh:
            said["refresh_token"] = tokens.issue(name, [], refresh=True)
        return web.json_response(said, headers={"Cache-Control": "no-store"})


def _granted(asking: Caller, text: str) -> Scope | None:
    """What of a scope, `type:name:action,action`, the caller may have."""
    kind, _, rest = text.partition(":")
    name, _, actions = rest.rpartition(":")
    if kind == "registry" and name == "catalog":
        return Scope("", frozenset({"catalog"})) if asking.may("", "catalog") else None
    if kind.partition("(")[0] != "repository":
        return None
    try:
        check_name(name)
    except Refusal:
        return None
    wanted = rights_of(actions.split(","))
    given = frozenset(right for right in wanted if asking.may(name, right))
    return Scope(name, given) if given else None
