"""Accounts in an htpasswd file: one `name:hash` a line, bcrypt hashes only.

The file is read again when it has changed. Checking a password takes bcrypt a good part of a second on
purpose, so a right one is remembered for a while: as a keyed hash, in memory only.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
import time

import bcrypt

from wherry.errors import Invalid

_REMEMBERED = 300.0  # seconds
_MOST = 10_000
_NAMELESS = b"$2b$10$" + b"." * 21 + b"O" + b"." * 31  # a hash that no password has


class Accounts:
    """The accounts of one file; "" has none."""

    def __init__(self, path: str) -> None:
        """Raises Invalid when the file can't be used."""
        self._path = path
        self._seen = (-1, -1.0)
        self._hashes: dict[str, bytes] = {}
        self._right: dict[bytes, float] = {}
        self._key = secrets.token_bytes(32)
        self._working = asyncio.Semaphore(4)  # bcrypt must not take every thread
        if path:
            self._read()

    def __bool__(self) -> bool:
        return bool(self._path)

    async def check(self, name: str, password: str) -> bool:
        """Whether that is the account's password. An unknown account takes as long as a wrong password."""
        self._read()
        secret = password.encode()[:72]  # what bcrypt looks at
        stored = self._hashes.get(name)
        known = hmac.digest(self._key, b"\0".join((name.encode(), stored or b"", secret)), hashlib.sha256)
        if stored and self._right.get(known, 0.0) > time.monotonic():
            return True
        async with self._working:
            right = await asyncio.to_thread(_matches, secret, stored or _NAMELESS)
        if not right or stored is None:
            return False
        if len(self._right) >= _MOST:
            self._right.clear()
        self._right[known] = time.monotonic() + _REMEMBERED
        return True

    def exists(self, name: str) -> bool:
        """Whether there is such an account (still)."""
        self._read()
        return name in self._hashes

    def _read(self) -> None:
        if not self._path:
            return
        try:
            found = os.stat(self._path)
            if (found.st_ino, found.st_mtime) == self._seen:
                return
            with open(self._path, encoding="utf-8") as file:
                self._hashes = parse(file.read(), self._path)
            self._seen = found.st_ino, found.st_mtime
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"can't read {self._path}: {error}") from error


def parse(text: str, path: str = "htpasswd") -> dict[str, bytes]:
    """Raises Invalid for a line that is none, and for hashes other than bcrypt's."""
    hashes = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, colon, digest = line.partition(":")
        if not colon or not name:
            raise Invalid(f"{path}:{number}: not `name:hash`")
        if not digest.startswith(("$2y$", "$2a$", "$2b$")):
            raise Invalid(
                f"{path}:{number}: the password of {name} is not hashed with bcrypt",
                hint=f"`wherry registry passwd {path} {name}` makes such a line",
            )
        hashes[name] = digest.encode()
    return hashes


def set_password(path: str, name: str, password: str) -> None:
    """Write (or replace) an account's line; the file is replaced whole. Blocks for bcrypt's while."""
    if not name or any(letter in name for letter in ":\n\r") or name in ("*", "@"):
        raise Invalid(f"invalid account name {name!r}")
    if not password:
        raise Invalid("the password is empty")
    if len(password.encode()) > 72:
        raise Invalid("the password is longer than 72 bytes, of which bcrypt would ignore the rest")
    lines = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            lines = [line for line in file.read().splitlines() if line.partition(":")[0] != name]
    digest = bcrypt.hashpw(password.encode(), bcrypt.gensalt(10)).decode()
    draft = f"{path}.{secrets.token_hex(4)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join([*lines, f"{name}:{digest}", ""]))
    os.replace(draft, path)


def _matches(secret: bytes, stored: bytes) -> bool:
    try:
        return bcrypt.checkpw(secret, stored)
    except ValueError:  # a hash that is none
        return False
