"""For an ordinary user: a user namespace around the runtime, in which it may mount and make more of them.

Every id means the same inside as outside, so the specification's maps stay true. Commands that make no
container need none of this: the namespaces of a user's containers are that user's to join and to signal.
"""

from __future__ import annotations

import os
import pwd

from wherry.errors import Unsupported
from wherry.linux import capabilities, idmaps, namespaces
from wherry.linux.idmaps import IdMap, IdRange

_NEEDED = capabilities.mask(["CAP_SYS_ADMIN"])


def enter(wanted_uids: IdMap, wanted_gids: IdMap) -> None:
    """Go on in such a namespace, unless the caller may mount where it is. Raises Unsupported without one.

    It holds the user's subordinate ids if the wanted maps name any id but the user's own.
    """
    if capabilities.current().effective & _NEEDED:
        return
    uids = _map(os.getuid(), wanted_uids, "/etc/subuid")
    gids = _map(os.getgid(), wanted_gids, "/etc/subgid")
    unshared, tell = os.pipe()
    outside = os.fork()
    if outside == 0:
        # Only from outside of a namespace can its maps be written.
        code = 1
        try:
            os.close(tell)
            os.read(unshared, 1)
            idmaps.write(os.getppid(), uids, gids)
            code = 0
        finally:
            os._exit(code)
    os.close(unshared)
    try:
        namespaces.unshare(namespaces.NEWUSER | namespaces.NEWNS)
    except OSError as error:
        os.close(tell)
        os.waitpid(outside, 0)
        raise Unsupported(
            f"a user namespace can't be made here: {(error.strerror or '').lower()}",
            hint="kernel.unprivileged_userns_clone must be 1, kernel.apparmor_restrict_unprivileged_userns 0",
        ) from None
    os.write(tell, b"u")
    os.close(tell)
    _pid, status = os.waitpid(outside, 0)
    if status:
        raise Unsupported(
            "the ids of the user namespace can't be mapped",
            hint="/etc/subuid and /etc/subgid must give this user the specification's ids",
        )
    idmaps.forget_own()


def _map(own: int, wanted: IdMap, path: str) -> IdMap:
    mine = (IdRange(own, own, 1),)
    if all(entry.size == 1 and entry.outside == own for entry in wanted):
        return mine
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
        with open(path) as file:
            lines = [line.strip().split(":") for line in file]
    except (KeyError, FileNotFoundError):
        return mine
    whose = (name, str(own))
    ranges = (IdRange(int(first), int(first), int(size)) for owner, first, size in lines if owner in whose)
    return (*mine, *ranges)
