"""Who a process runs as: `--user`, groups and home, by the image's own /etc/passwd and /etc/group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from wherry.errors import Invalid

LIMIT = 1 << 20
"""Bytes read of either file: a hostile image can't make the engine read for ever."""
_LARGEST = 2**31 - 1


class Identity(NamedTuple):
    """Ids as the container sees them; `home` is "/" for a user that has no entry."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def identify(user: str, extra: Sequence[str], read: Callable[[str], bytes]) -> Identity:
    """`user` is `name|uid[:group|gid]`, `extra` further groups; `read` gives a file of the container.

    Files are only read when needed. Raises `Invalid` in Docker's words.
    """
    name, colon, group = user.partition(":")
    if not user and not extra:
        entry = _entry(_passwd(read), "0")
        groups = _member_of(read, entry[0] if entry else "root")
        return Identity(0, 0, tuple(dict.fromkeys((0, *groups))), entry[5] if entry else "/root")
    passwd = _passwd(read)
    entry = _entry(passwd, name or "0")
    if entry is not None:
        uid, gid, home, login = int(entry[2]), int(entry[3]), entry[5] or "/", entry[0]
    elif name.isdigit() or not name:
        uid, gid, home, login = _number(name or "0"), 0, "/", ""
    else:
        raise Invalid(f"unable to find user {name}: no matching entries in passwd file")
    groups = ()
    if colon and group:
        gid = _group(group, read)
    elif login:
        groups = _member_of(read, login)
    groups += tuple(_group(item, read) for item in extra)
    # Its own group among them, as login has it: what a file denies its group is not to be had by setgid(2).
    return Identity(uid, gid, tuple(dict.fromkeys((gid, *groups))), home)


def _passwd(read: Callable[[str], bytes]) -> list[list[str]]:
    return _fields(read("/etc/passwd"), 7, numbers=(2, 3))


def _entry(passwd: list[list[str]], wanted: str) -> list[str] | None:
    for fields in passwd:
        if fields[0] == wanted:
            return fields
    if wanted.isdigit():
        for fields in passwd:
            if int(fields[2]) == int(wanted):
                return fields
    return None


def _group(wanted: str, read: Callable[[str], bytes]) -> int:
    if wanted.isdigit():
        return _number(wanted)
    for fields in _fields(read("/etc/group"), 3, numbers=(2,)):
        if fields[0] == wanted:
            return int(fields[2])
    raise Invalid(f"unable to find group {wanted}: no matching entries in group file")


def _member_of(read: Callable[[str], bytes], login: str) -> tuple[int, ...]:
    return tuple(
        int(fields[2])
        for fields in _fields(read("/etc/group"), 4, numbers=(2,))
        if login in fields[3].split(",")
    )


def _fields(data: bytes, count: int, *, numbers: tuple[int, ...]) -> list[list[str]]:
    """The lines that have enough fields, with numbers where numbers belong; others are passed over."""
    found = []
    for line in data.decode("utf-8", "replace").splitlines():
        fields = line.strip().split(":")
        if len(fields) >= count and all(_is_id(fields[index]) for index in numbers):
            found.append(fields)
    return found


def _is_id(text: str) -> bool:
    return text.isdigit() and text.isascii() and int(text) <= _LARGEST


def _number(text: str) -> int:
    if not _is_id(text):
        raise Invalid(f"uids and gids must be in range 0-{_LARGEST}")
    return int(text)
