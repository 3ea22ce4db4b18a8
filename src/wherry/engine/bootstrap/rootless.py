"""An engine without root's powers: the same engine in a user, mount and network namespace of its own.

In there it is root over the ids that the machine lends its user (subuid(5)), or over the user's own single
id. The supervisor, started between the namespaces, stays in the machine's network, so that `--network
host` means what it says; the engine's own network namespace, where bridges are made, is kept at
`run/netns`. An engine that comes after joins what a living supervisor or network keeper has.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

from wherry.errors import Unavailable
from wherry.linux import idmaps, mounts, namespaces
from wherry.network.keeper import command

_CAP_SYS_ADMIN = 21


def needed() -> bool:
    """Whether this process lacks root's powers (also uid 0 of a container without CAP_SYS_ADMIN)."""
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return not int(line.split()[1], 16) >> _CAP_SYS_ADMIN & 1
    return True


def supervisor_pid(run_dir: str) -> int:
    """The process that listens on the supervisor's socket; 0 when nobody does.

    The socket's credentials are of no use here: they are of the process that began to listen, which then went
    into the background by leaving a child behind.
    """
    if not _listener(os.path.join(run_dir, "supervisor.sock"), socket.SOCK_STREAM):
        return 0
    try:
        with open(os.path.join(run_dir, "supervisor.pid"), encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def keeper_pid(run_dir: str) -> int:
    """The network keeper, which holds the namespaces too; 0 when there is none."""
    return _listener(command.socket_path(run_dir), socket.SOCK_SEQPACKET)


def _listener(path: str, kind: int) -> int:
    with socket.socket(socket.AF_UNIX, kind) as sock:
        try:
            sock.connect(path)
        except OSError:
            return 0
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int(struct.unpack("3i", credentials)[0])


def enter_new() -> None:
    """Move into a new user and a new mount namespace. Raises `Unavailable` when the machine forbids it."""
    uid, gid = os.geteuid(), os.getegid()
    uids, gids = _maps(uid, gid)
    ready, done = os.pipe(), os.pipe()
    helper = os.fork()
    if helper == 0:
        # Stays outside, where the user's own maps can be written.
        os.close(ready[1])
        os.close(done[0])
        status = 1
        try:
            if os.read(ready[0], 1):
                idmaps.write(os.getppid(), uids, gids)
                os.write(done[1], b"k")
                status = 0
        except Exception as error:  # whatever it is, the parent says it
            os.write(done[1], b"!" + str(error).encode()[:400])
        os._exit(status)
    os.close(ready[0])
    os.close(done[1])
    try:
        try:
            namespaces.unshare(namespaces.NEWUSER | namespaces.NEWNS)
        except OSError as error:
            raise Unavailable(
                f"cannot make a user namespace: {error.strerror}",
                hint="`wherry doctor` says which setting of this machine forbids it; a container that runs"
                " others needs --security-opt seccomp=unconfined --security-opt systempaths=unconfined",
            ) from None
        os.write(ready[1], b"g")
        said = os.read(done[0], 512)
    finally:
        os.close(ready[1])
        os.close(done[0])
        os.waitpid(helper, 0)
    if said != b"k":
        raise Unavailable(f"cannot map ids: {said[1:].decode(errors='replace') or 'the helper died'}")
    # What is mounted on the machine from now on is to be seen here, nothing the other way round.
    mounts.set_propagation("/", mounts.SLAVE)


def network_place(run_dir: str) -> str:
    """Where the engine's own network namespace is kept."""
    return os.path.join(run_dir, "netns")


def enter_own_network(place: str) -> None:
    """Move into the network namespace kept at `place`, or into a new one, its loopback up, kept there."""
    kept = os.open(place, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        namespaces.enter(kept, namespaces.NEWNET)
        return
    except OSError as error:
        if error.errno != errno.EINVAL:  # EINVAL: a plain file, no namespace yet
            raise Unavailable(f"cannot enter the network namespace {place}: {error.strerror}") from None
    finally:
        os.close(kept)
    namespaces.unshare(namespaces.NEWNET)
    from wherry.linux import rtnetlink
    from wherry.linux.netlink import Netlink

    with Netlink(rtnetlink.NETLINK_ROUTE) as netlink:
        netlink.request(rtnetlink.set_link(name="lo", up=True))
    tree = mounts.clone_tree("/proc/self/ns/net", recursive=False)
    target = os.open(place, os.O_PATH | os.O_CLOEXEC)
    try:
        mounts.attach(tree, target)
    finally:
        os.close(target)
        os.close(tree)


def join(pid: int) -> None:
    """Move into the user and the mount namespace of a living supervisor or keeper.

    Raises `Unavailable` when they are not ours to join.
    """
    try:
        process = os.pidfd_open(pid)
        try:
            namespaces.enter(process, namespaces.NEWUSER | namespaces.NEWNS)
        finally:
            os.close(process)
    except OSError as error:
        raise Unavailable(
            f"cannot join the namespaces of process {pid}: {error.strerror}",
            hint="stop its containers and end it, then start again",
        ) from None


def _maps(uid: int, gid: int) -> tuple[idmaps.IdMap, idmaps.IdMap]:
    """Own id to 0, lent ids from 1 on; all ids as they are for root of a container that has no powers."""
    if uid == 0 and _may_map():
        return _same("/proc/self/uid_map"), _same("/proc/self/gid_map")
    name = _user_name(uid)
    lent_uids = _lent("/etc/subuid", name, uid) if _have("newuidmap") else ()
    lent_gids = _lent("/etc/subgid", name, uid) if _have("newgidmap") else ()
    if not (lent_uids and lent_gids):
        return (idmaps.IdRange(0, uid, 1),), (idmaps.IdRange(0, gid, 1),)
    return _after(uid, lent_uids), _after(gid, lent_gids)


def _same(path: str) -> idmaps.IdMap:
    """Every id that this process's own user namespace has, as it is."""
    return tuple(idmaps.IdRange(entry.inside, entry.inside, entry.size) for entry in idmaps.read(path))


def _after(own: int, lent: tuple[tuple[int, int], ...]) -> idmaps.IdMap:
    ranges, inside = [idmaps.IdRange(0, own, 1)], 1
    for first, count in lent:
        ranges.append(idmaps.IdRange(inside, first, count))
        inside += count
    return tuple(ranges)


def _may_map() -> bool:
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return int(line.split()[1], 16) >> 7 & 1 == 1  # CAP_SETUID
    return False


def _lent(path: str, name: str, uid: int) -> tuple[tuple[int, int], ...]:
    """The ranges that a subid file gives a user (by name or number)."""
    found = []
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                fields = line.strip().split(":")
                if len(fields) == 3 and fields[0] in (name, str(uid)) and fields[0]:
                    found.append((int(fields[1]), int(fields[2])))
    except (OSError, ValueError):
        return ()
    return tuple(item for item in found if item[1] > 0)


def _user_name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _have(program: str) -> bool:
    places = os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin").split(":")
    return any(os.access(os.path.join(place, program), os.X_OK) for place in places)
