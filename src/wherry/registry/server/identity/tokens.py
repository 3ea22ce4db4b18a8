"""Signed bearer tokens (RFC 7519): who, for which repositories and rights, until when.

The key is this registry's alone, by configuration: nothing in a token ever says which key to trust
(CVE-2025-24976), and the algorithm is fixed by the key.
"""

from __future__ import annotations

import os
import secrets
import time
from typing import Any

import jwt
from jwt.exceptions import InvalidKeyError

from wherry.errors import Invalid, Unsupported
from wherry.registry.server.access import EVERYTHING, Scope

_LEEWAY = 10  # seconds that clocks may differ
_ACTIONS = {"pull": {"pull"}, "push": {"push", "overwrite"}, "delete": {"delete"}, "*": EVERYTHING}
_LONGEST = 16384


class BadToken(Exception):
    """A token that proves nothing."""


class Tokens:
    """Issues tokens and reads them."""

    def __init__(self, key: bytes, *, service: str, issuer: str, life: float = 300.0) -> None:
        """`key` is a secret of 32 bytes or more (HS256), or an Ed25519 key in PEM form (EdDSA).

        With a public one tokens are read, not issued. Raises Invalid, and Unsupported when the library for
        Ed25519 is not there.
        """
        self.service = service
        self.life = life
        self._issuer = issuer
        self._algorithm = "EdDSA" if b"-----BEGIN" in key else "HS256"
        self.issues = b"PUBLIC KEY" not in key
        self._sign: Any = key
        self._verify: Any = key
        if self._algorithm == "EdDSA":
            self._sign, self._verify = _ed25519(key, self.issues)
        elif len(key) < 32:
            raise Invalid("the key of tokens is shorter than 32 bytes")

    def issue(self, name: str, scopes: list[Scope], *, refresh: bool = False) -> str:
        """A token for an account ("" for nobody in particular); `refresh` ones only get others."""
        now = time.time()
        life = 90 * 86400 if refresh else self.life
        claims = {
            "iss": self._issuer,
            "sub": name,
            "aud": f"{self.service}/refresh" if refresh else self.service,
            "iat": int(now),
            "nbf": int(now) - _LEEWAY,
            "exp": int(now + life),
            "jti": secrets.token_hex(16),
            "access": [_entry(scope) for scope in scopes],
        }
        return jwt.encode(claims, self._sign, algorithm=self._algorithm)

    def read(self, token: str, *, refresh: bool = False) -> tuple[str, tuple[Scope, ...]]:
        """The account and the scopes. Raises BadToken."""
        if len(token) > _LONGEST:
            raise BadToken("too long")
        try:
            claims = jwt.decode(
                token,
                self._verify,
                algorithms=[self._algorithm],
                audience=f"{self.service}/refresh" if refresh else self.service,
                issuer=self._issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "sub", "aud", "iss"]},
            )
            scopes = tuple(_scope(entry) for entry in claims.get("access") or [])
            return str(claims["sub"]), scopes
        except (jwt.InvalidTokenError, TypeError, KeyError, AttributeError) as error:
            raise BadToken(str(error)) from error


def read_key(path: str) -> bytes:
    """The key in a file, made at the first use: 64 random bytes, mode 0600. Raises Invalid."""
    try:
        draft = f"{path}.{secrets.token_hex(4)}"
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700, exist_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(descriptor, "wb") as file:
                file.write(secrets.token_bytes(64))
            try:
                os.link(draft, path)  # another process may have been first
            except FileExistsError:
                pass
            finally:
                os.unlink(draft)
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Invalid(f"can't use the key of tokens: {error}") from error


def rights_of(actions: list[str]) -> frozenset[str]:
    """The rights that a token's actions stand for."""
    return frozenset().union(*(_ACTIONS.get(action, set()) for action in actions))


def actions_of(rights: frozenset[str]) -> list[str]:
    """The actions that stand for rights in a token."""
    return [action for action in ("pull", "push", "delete") if action in rights]


def _entry(scope: Scope) -> dict[str, Any]:
    if not scope.repository:
        return {"type": "registry", "name": "catalog", "actions": ["*"]}
    return {"type": "repository", "name": scope.repository, "actions": actions_of(scope.rights)}


def _scope(entry: dict[str, Any]) -> Scope:
    actions = [str(action) for action in entry.get("actions") or []]
    if entry.get("type") == "registry" and entry.get("name") == "catalog":
        return Scope("", frozenset({"catalog"}) if "*" in actions else frozenset())
    if entry.get("type") != "repository" or not entry.get("name"):
        return Scope("-", frozenset())
    return Scope(str(entry["name"]), rights_of(actions))


def _ed25519(key: bytes, private: bool) -> tuple[Any, Any]:
    """(key to sign with, key to verify with)."""
    try:
        from jwt.algorithms import OKPAlgorithm

        loaded: Any = OKPAlgorithm().prepare_key(key)
    except ImportError as error:
        raise Unsupported(
            "Ed25519 keys need a library that is not installed", hint="pip install 'wherry[ed25519]'"
        ) from error
    except (InvalidKeyError, ValueError, TypeError) as error:
        raise Invalid(f"the key of tokens is no Ed25519 key: {error}") from error
    return (loaded, loaded.public_key()) if private else (None, loaded)
