"""The machine as the checks see it: its files, below a root that tests put elsewhere, and what is tried."""

from __future__ import annotations

import os
import shutil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_NEW_USER, _NEW_MOUNTS = 0x10000000, 0x00020000
_NETFILTER = 12  # NETLINK_NETFILTER
_FAMILIES = {
    "debian": "debian",
    "ubuntu": "debian",
    "fedora": "fedora",
    "rhel": "fedora",
    "centos": "fedora",
    "arch": "arch",
    "alpine": "alpine",
    "suse": "suse",
    "opensuse": "suse",
}


class Machine:
    """One machine and one user of it. Nothing here changes either; what is tried is tried in a child."""

    def __init__(self, folder: str = "", *, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.environment = os.environ if environment is None else environment
        self.uid = os.geteuid()
        self.release = os.uname().release
        self.architecture = os.uname().machine

    @property
    def root(self) -> bool:
        """Whether the user is root."""
        return self.uid == 0

    @property
    def user(self) -> str:
        """The user's name, or the number where there is none."""
        for line in (self.read("/etc/passwd") or "").splitlines():
            fields = line.split(":")
            if len(fields) > 2 and fields[2] == str(self.uid):
                return fields[0]
        import pwd

        try:
            return pwd.getpwuid(self.uid).pw_name  # of a directory service
        except KeyError:
            return str(self.uid)

    @property
    def family(self) -> str:
        """Which distribution's commands are right: debian, fedora, arch, alpine, suse; "" for another."""
        said = {}
        for line in (self.read("/etc/os-release") or "").splitlines():
            name, _, value = line.partition("=")
            said[name] = value.strip("\"'")
        for word in f"{said.get('ID', '')} {said.get('ID_LIKE', '')}".split():
            if word.partition("-")[0] in _FAMILIES:
                return _FAMILIES[word.partition("-")[0]]
        return ""

    @property
    def wsl(self) -> int:
        """Which Windows Subsystem for Linux this is: 1, 2; 0 where it is none."""
        version = (self.read("/proc/version") or "").lower()
        return 0 if "microsoft" not in version else 2 if "wsl2" in version or self.exists("/run/WSL") else 1

    @property
    def systemd(self) -> bool:
        """Whether systemd runs the machine."""
        return self.exists("/run/systemd/system")

    def path(self, path: str) -> str:
        """Where a file of the machine is."""
        return self.folder + path

    def read(self, path: str) -> str | None:
        """A small file's content without the line end; None when it can't be read."""
        try:
            with open(self.path(path), encoding="utf-8", errors="replace") as file:
                return file.read().strip()
        except OSError:
            return None

    def exists(self, path: str) -> bool:
        return os.path.exists(self.path(path))

    def names(self, path: str) -> list[str]:
        """What a directory holds; nothing when it can't be read."""
        try:
            return os.listdir(self.path(path))
        except OSError:
            return []

    def which(self, program: str) -> str | None:
        """A program's path as the machine would say it. Administrators' directories count too."""
        places = f"{self.environment.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
        if self.folder:
            places = ":".join(self.path(place) for place in places.split(":") if place)
        found = shutil.which(program, path=places)
        return found[len(self.folder) :] if found else None

    def missing_calls(self, wanted: Mapping[str, int]) -> list[str]:
        """Those of the system calls that the kernel does not have."""
        import ctypes
        import errno

        if self.architecture not in ("x86_64", "aarch64"):
            return []  # newer calls have one number everywhere, but only these two are tried
        libc = ctypes.CDLL(None, use_errno=True)
        return [
            name
            for name, number in wanted.items()
            if libc.syscall(number, -1, 0, 0, 0, 0) < 0 and ctypes.get_errno() == errno.ENOSYS
        ]

    def namespaces_work(self) -> bool:
        """Try it: a child that makes a user and a mount namespace, and ends."""
        return _in_namespaces()

    def overlay_works(self) -> bool:
        """Try it: overlayfs mounted in a user namespace, as containers have it."""
        import tempfile

        with tempfile.TemporaryDirectory(prefix="wherry-doctor-") as place:
            return _in_namespaces(place)

    def packet_filter_works(self) -> bool:
        """Try it: a netlink socket of nf_tables' family."""
        import _socket

        try:
            _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW, _NETFILTER).close()
        except OSError:
            return False
        return True


def _in_namespaces(place: str = "") -> bool:
    """Whether a child can make a user and a mount namespace, and mount an overlay at `place` there."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.geteuid(), os.getegid()
    child = os.fork()
    if not child:
        good = False
        try:
            good = libc.unshare(_NEW_USER | _NEW_MOUNTS) == 0
            if good and place:
                for name, text in (
                    ("setgroups", "deny"),
                    ("uid_map", f"0 {uid} 1"),
                    ("gid_map", f"0 {gid} 1"),
                ):
                    with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                        file.write(text)
                good = _mount_overlay(libc, place)
        finally:
            os._exit(0 if good else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _mount_overlay(libc: Any, place: str) -> bool:
    """A file system of memory, and an overlay in it; both are gone with the namespace."""
    if libc.mount(b"none", os.fsencode(place), b"tmpfs", 0, None) != 0:
        return False
    for name in ("lower", "upper", "work", "merged"):
        os.mkdir(f"{place}/{name}")
    options = f"lowerdir={place}/lower,upperdir={place}/upper,workdir={place}/work,userxattr"
    return bool(libc.mount(b"overlay", os.fsencode(f"{place}/merged"), b"overlay", 0, options.encode()) == 0)
