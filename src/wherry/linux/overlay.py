"""Whether overlayfs works on a directory the way containers use it: mounted inside a user namespace, its
marks in `user.` attributes (Linux 5.11). Run as a program on a directory, its exit status answers."""

from __future__ import annotations

import os
import stat
import sys

from wherry.linux import mounts, namespaces

__all__ = ["check", "main"]


def check(directory: str) -> None:
    """Try all of it in the empty `directory`; raises OSError that says what doesn't work.

    Changes the namespaces of the calling process, so it is for a process of its own.
    """
    for name in ("lower", "lower/dir", "upper", "work", "merged"):
        os.mkdir(f"{directory}/{name}", 0o755)
    with open(f"{directory}/lower/dir/file", "w", encoding="ascii") as file:
        file.write("below")
    os.mknod(f"{directory}/upper/gone", stat.S_IFCHR, 0)  # a whiteout
    os.setxattr(f"{directory}/upper", "user.overlay.test", b"y")
    _own_namespaces()
    mounts.set_propagation("/", mounts.PRIVATE)
    options = f"userxattr,lowerdir={directory}/lower,upperdir={directory}/upper,workdir={directory}/work"
    mounts.legacy_mount("overlay", f"{directory}/merged", "overlay", 0, options)
    with open(f"{directory}/merged/dir/file", "a", encoding="ascii") as file:
        file.write("+above")  # copied up
    os.unlink(f"{directory}/merged/dir/file")  # a whiteout made by the kernel
    os.rmdir(f"{directory}/merged/dir")
    os.mkdir(f"{directory}/merged/dir")  # an opaque directory
    if os.listdir(f"{directory}/merged/dir"):
        raise OSError(95, "opaque directories don't work")


def main() -> None:
    """Exit status 0 when it works; otherwise 1, and why on standard output."""
    try:
        check(sys.argv[1])
    except OSError as error:
        sys.stdout.write(f"{error.strerror or error}")
        raise SystemExit(1) from None


def _own_namespaces() -> None:
    uid, gid = os.geteuid(), os.getegid()
    try:
        namespaces.unshare(namespaces.NEWUSER | namespaces.NEWNS)
    except OSError:
        if uid != 0:
            raise
        namespaces.unshare(namespaces.NEWNS)  # no user namespaces here: then containers have none either
        return
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


if __name__ == "__main__":
    main()
