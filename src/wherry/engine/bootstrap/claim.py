"""The engine's directories, and the lock that makes it the only one."""

from __future__ import annotations

import fcntl
import os
import stat

from wherry.errors import Unavailable


def make_private(directory: str) -> None:
    """See to it that `directory` is there, is ours alone (0700) and no link. Raises `Unavailable`."""
    try:
        os.makedirs(directory, 0o700, exist_ok=True)
        found = os.lstat(directory)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise Unavailable(f"{directory} is not a directory of this user's own")
        if stat.S_IMODE(found.st_mode) & 0o077:
            os.chmod(directory, 0o700)
    except OSError as error:
        raise Unavailable(
            f"cannot make {directory}: {error.strerror}", hint="WHERRY_HOME chooses another place"
        ) from None


def take_lock(run_dir: str) -> int | None:
    """The descriptor that is the lock, held until it is closed or the process ends; None when another
    engine has it."""
    fd = os.open(os.path.join(run_dir, "engine.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def write_pid(run_dir: str, pid: int) -> None:
    """Note which process the engine is, for `wherry engine stop` and for people."""
    temporary = os.path.join(run_dir, f".engine.pid.{os.getpid()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, b"%d\n" % pid)
    finally:
        os.close(fd)
    os.rename(temporary, os.path.join(run_dir, "engine.pid"))
