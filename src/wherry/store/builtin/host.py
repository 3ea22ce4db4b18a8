"""The `host` image: the machine's own /usr under a small synthesized layer.

/usr itself is not copied: it is the lowest directory of an overlay of its own (see `host_directories`). What
else programs need is in the layer: links such as /bin, accounts without secrets, the dynamic linker's cache,
certificates, alternatives, time zone, a skeleton of /var. Nothing of the machine's /home, /root, /var, and of
/etc only what is on the list in `wherry.store.builtin.etc` and readable by everyone.
"""

from __future__ import annotations

import os
import stat

from wherry.oci import RunConfig
from wherry.store.builtin import etc
from wherry.store.tar import Kind, TarEntry, end_of_archive, header, padding

__all__ = ["VERSION", "host_archive", "host_config", "host_directories", "host_watched"]

VERSION = "2"  # of what is synthesized here; another one makes a new image
_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SKELETON = {
    "dev": 0o755,
    "etc": 0o755,
    "etc/apt": 0o755,
    "etc/apt/apt.conf.d": 0o755,
    "etc/apt/preferences.d": 0o755,
    "etc/apt/sources.list.d": 0o755,
    "etc/apt/trusted.gpg.d": 0o755,
    "home": 0o755,
    "media": 0o755,
    "mnt": 0o755,
    "opt": 0o755,
    "proc": 0o755,
    "root": 0o700,
    "run": 0o755,
    "run/lock": 0o1777,
    "srv": 0o755,
    "sys": 0o755,
    "tmp": 0o1777,
    "usr": 0o755,
    "var": 0o755,
    "var/cache": 0o755,
    "var/cache/apt": 0o755,
    "var/cache/apt/archives": 0o755,
    "var/cache/apt/archives/partial": 0o755,
    "var/lib": 0o755,
    "var/lib/apt": 0o755,
    "var/lib/apt/lists": 0o755,
    "var/lib/apt/lists/partial": 0o755,
    "var/lib/dpkg": 0o755,
    "var/lib/dpkg/info": 0o755,
    "var/lib/dpkg/updates": 0o755,
    "var/log": 0o755,
    "var/log/apt": 0o755,
    "var/mail": 0o755,
    "var/opt": 0o755,
    "var/spool": 0o755,
    "var/tmp": 0o1777,
}
_LINKS = {"var/run": "/run", "var/lock": "/run/lock"}
# apt and dpkg start with nothing: where packages come from may hold passwords, and /var is not shown.
_EMPTY = ("etc/apt/sources.list", "var/lib/dpkg/status", "var/lib/dpkg/available")


def host_directories() -> list[tuple[str, str]]:
    """(place in the container, directory of the machine): /usr, and what a machine without merged /usr has
    beside it."""
    found = [("/usr", f"{etc.ROOT}/usr")]
    for name in _SYSTEM:
        path = f"{etc.ROOT}/{name}"
        if os.path.isdir(path) and not os.path.islink(path):
            found.append((f"/{name}", path))
    return found


def host_config() -> RunConfig:
    """A shell by default, the search path every distribution knows, UTF-8."""
    shell = "/bin/bash" if os.path.exists("/bin/bash") else "/bin/sh"
    return RunConfig(env=[f"PATH={_PATH}", "LANG=C.UTF-8"], cmd=[shell], working_dir="/")


def host_watched() -> list[str]:
    """The paths that the layer is made from: another state of them makes another image."""
    return [*(f"{etc.ROOT}/{name}" for name in _SYSTEM), *etc.watched()]


def host_archive() -> bytes:
    """The synthesized layer; the same for the same state of the machine."""
    parts: dict[str, bytes] = {}
    for path, mode in _SKELETON.items():
        parts[path] = _entry(path, Kind.DIRECTORY, mode)
    for path, target in _LINKS.items():
        parts[path] = _entry(path, Kind.SYMLINK, 0o777, target=target)
    for path in _EMPTY:
        parts[path] = _entry(path, Kind.FILE, 0o644)
    for name in _SYSTEM:
        path = f"{etc.ROOT}/{name}"
        if os.path.islink(path):
            parts[name] = _entry(name, Kind.SYMLINK, 0o777, target=os.readlink(path))
        elif os.path.isdir(path):
            parts[name] = _entry(name, Kind.DIRECTORY, 0o755)
    for item in etc.collect():
        kind = {stat.S_IFDIR: Kind.DIRECTORY, stat.S_IFLNK: Kind.SYMLINK}.get(
            stat.S_IFMT(item.mode), Kind.FILE
        )
        parts[item.path] = _entry(
            item.path, kind, item.mode & 0o7777, data=item.data, target=item.target, mtime_ns=item.mtime_ns
        )
    root = _entry("./", Kind.DIRECTORY, 0o755)
    return root + b"".join(parts[path] for path in sorted(parts)) + end_of_archive()


def _entry(
    path: str, kind: int, mode: int, *, data: bytes = b"", target: str = "", mtime_ns: int = 0
) -> bytes:
    entry = TarEntry(
        os.fsencode(path),
        kind,
        mode=mode,
        size=len(data),
        linkname=os.fsencode(target),
        mtime_ns=mtime_ns,
    )
    return header(entry) + data + padding(len(data))
