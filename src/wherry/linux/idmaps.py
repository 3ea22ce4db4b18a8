"""Id maps of user namespaces (user_namespaces(7)), written directly or by newuidmap and newgidmap."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, NamedTuple

from wherry.errors import Unsupported


class IdRange(NamedTuple):
    """`size` ids from `inside` on are the ids from `outside` on in the parent namespace."""

    inside: int
    outside: int
    size: int


IdMap = tuple[IdRange, ...]


_own: dict[str, IdMap] = {}


def from_specification(mappings: Iterable[dict[str, Any]] | None) -> IdMap:
    """`linux.uidMappings` or `linux.gidMappings` of the OCI runtime specification."""
    return tuple(
        IdRange(int(entry["containerID"]), int(entry["hostID"]), int(entry["size"]))
        for entry in mappings or ()
    )


def read(path: str) -> IdMap:
    """The map in /proc/PID/uid_map or gid_map. Raises OSError."""
    with open(path) as file:
        return tuple(IdRange(*map(int, line.split())) for line in file)


def own(name: str) -> IdMap:
    """The caller's own "uid_map" or "gid_map", read once: a process that launches stays in its namespace."""
    if name not in _own:
        _own[name] = read(f"/proc/self/{name}")
    return _own[name]


def forget_own() -> None:
    """Read the caller's own maps anew: it has changed its user namespace."""
    _own.clear()


def to_outside(idmap: IdMap, inside: int) -> int | None:
    """The parent's id of `inside`, None when unmapped; an empty map stands for no user namespace."""
    if not idmap:
        return inside
    for entry in idmap:
        if entry.inside <= inside < entry.inside + entry.size:
            return entry.outside + inside - entry.inside
    return None


def holds(idmap: IdMap, outside: int) -> bool:
    """Whether the parent's id `outside` exists inside."""
    return not idmap or any(entry.outside <= outside < entry.outside + entry.size for entry in idmap)


def is_identity(idmap: IdMap) -> bool:
    """Whether every id means the same inside and outside."""
    return all(entry.inside == entry.outside for entry in idmap)


def write(pid: int, uids: IdMap, gids: IdMap) -> None:
    """Give `pid`'s new user namespace its maps.

    Directly where the caller may (CAP_SETUID and CAP_SETGID, or the one id it has itself), else through the
    set-user-id programs newuidmap and newgidmap, which know the user's subordinate ids. Raises OSError, and
    Unsupported when the programs are needed and missing or refuse.
    """
    try:
        _write_file(pid, "uid_map", uids)
    except PermissionError:
        _by_program("newuidmap", pid, uids)
    try:
        _write_file(pid, "gid_map", gids)
    except PermissionError:
        if len(gids) == 1 and gids[0].size == 1 and gids[0].outside == os.getegid():
            # An unprivileged process may map its own group only once setgroups is off (user_namespaces(7)).
            _write(f"/proc/{pid}/setgroups", b"deny")
            _write_file(pid, "gid_map", gids)
        else:
            _by_program("newgidmap", pid, gids)


def _write_file(pid: int, name: str, idmap: IdMap) -> None:
    # One write: the kernel takes a map once and whole.
    pieces = _within(idmap, own(name))
    text = "".join(f"{entry.inside} {entry.outside} {entry.size}\n" for entry in pieces)
    _write(f"/proc/{pid}/{name}", text.encode())


def _within(idmap: IdMap, ours: IdMap) -> IdMap:
    """The same map, no range of it crossing a border of our own map: the kernel refuses one that does."""
    pieces = []
    for entry in idmap:
        inside, outside, left = entry
        while left:
            home = next((one for one in ours if one.inside <= outside < one.inside + one.size), None)
            size = min(left, home.inside + home.size - outside) if home else left
            pieces.append(IdRange(inside, outside, size))
            inside, outside, left = inside + size, outside + size, left - size
    return tuple(pieces)


def _write(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


def _by_program(program: str, pid: int, idmap: IdMap) -> None:
    arguments = [program, str(pid), *(str(number) for entry in idmap for number in entry)]
    try:
        child = os.posix_spawnp(program, arguments, os.environ)
    except FileNotFoundError:
        raise Unsupported(
            f"{program} is not installed, and this user may not map ids by itself",
            hint="install the package uidmap (Debian, Ubuntu) or shadow-utils",
        ) from None
    _pid, status = os.waitpid(child, 0)
    if status != 0:
        raise Unsupported(
            f"{program} refused to map {', '.join(str(tuple(entry)) for entry in idmap)}",
            hint="/etc/subuid and /etc/subgid must give this user these ids",
        )
