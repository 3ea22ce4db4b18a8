"""`--chown`: names and numbers, looked up in the stage's own /etc/passwd and /etc/group."""

from __future__ import annotations

from collections.abc import Callable

from wherry.errors import Invalid

__all__ = ["resolve_owner"]

_LARGEST = 2**31 - 1


def resolve_owner(text: str, read: Callable[[str], bytes]) -> tuple[int, int]:
    """(uid, gid) of `user[:group]`; a user alone lends its name or number to the group. `read` gives a
    file of the stage. Raises Invalid."""
    user, colon, group = text.partition(":")
    if not user and not group:
        raise Invalid(f"invalid chown string: {text!r}")
    return (
        _find(user, read("etc/passwd"), "user") if user else 0,
        _find(group if colon and group else user, read("etc/group"), "group"),
    )


def _find(name: str, data: bytes, what: str) -> int:
    if name.isdigit():
        number = int(name)
        if number > _LARGEST:
            raise Invalid(f"uids and gids must be in range 0-{_LARGEST}")
        return number
    for line in data.decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if len(fields) >= 3 and fields[0] == name and fields[2].isdigit():
            return int(fields[2])
    file = "passwd" if what == "user" else "group"
    raise Invalid(f"unable to find {what} {name}: no matching entries in {file} file")
