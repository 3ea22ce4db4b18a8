"""What the `host` image takes of the machine's /etc, and what it writes itself.

A list of what may be taken, never of what may not: whatever isn't named here stays on the machine. Of what
is named, only files that everyone may read are taken, and nothing that looks like a key.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Item", "collect", "watched"]

ROOT = ""  # the machine's; tests have another
_MAX_FILE = 4 << 20
_FIRST_PERSON = 1000  # accounts from here on belong to people

# What programs in /usr look for. Files, links and whole directories.
_TAKEN = (
    "ImageMagick-6", "ImageMagick-7", "X11/rgb.txt", "adjtime", "almalinux-release", "alpine-release",
    "alternatives", "arch-release", "bash.bashrc", "bashrc", "bash_completion.d", "bindresvport.blacklist",
    "ca-certificates", "ca-certificates.conf", "centos-release", "crypto-policies", "debian_version",
    "default/locale", "dpkg", "emacs", "ethertypes", "fedora-release", "fonts", "gai.conf", "ghostscript",
    "glvnd", "groff", "host.conf", "inputrc", "issue", "ld-musl-aarch64.path", "ld-musl-x86_64.path",
    "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "locale.alias", "locale.conf", "localtime", "login.defs",
    "lsb-release", "magic", "magic.mime", "manpath.config", "maven/logging", "maven/m2.conf", "mime.types",
    "nanorc", "netconfig", "networks", "openal", "os-release", "papersize", "perl", "pki/ca-trust",
    "pki/java", "pki/tls/cert.pem", "pki/tls/certs", "pki/tls/ct_log_list.cnf", "pki/tls/openssl.cnf",
    "pki/tls/openssl.d", "protocols", "redhat-release", "rocky-release", "rpc", "rpm", "services", "sgml",
    "shells", "ssl/cert.pem", "ssl/certs", "ssl/ct_log_list.cnf", "ssl/openssl.cnf", "ssl/openssl.cnf.d",
    "system-release", "terminfo", "texmf", "timezone", "vim", "vimrc", "xattr.conf", "xml",
)  # fmt: skip
_TAKEN_PREFIXES = ("python", "java-")
_KEYLIKE = ("private", "secret", "password", "passwd", "shadow", "credential", "auth.conf", "token")
_KEYLIKE_ENDINGS = (".key", ".p12", ".pfx", ".jks", ".keytab", "_key")

_NSSWITCH = """\
passwd:    files
group:     files
shadow:    files
hosts:     files dns
networks:  files
protocols: files
services:  files
ethers:    files
rpc:       files
"""
_PROFILE = """\
if [ "$(id -u)" = 0 ]; then
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
else
  PATH=/usr/local/bin:/usr/bin:/bin
fi
export PATH
if [ -n "${BASH_VERSION-}" ] && [ -n "${PS1-}" ] && [ -r /etc/bash.bashrc ]; then . /etc/bash.bashrc; fi
"""
_BASHRC = """\
[ -z "$PS1" ] && return
PS1='\\u@\\h:\\w\\$ '
"""


class Item(NamedTuple):
    """One member of the layer: `path` without a leading slash; `mode` with the file type."""

    path: str
    mode: int
    data: bytes = b""
    target: str = ""
    mtime_ns: int = 0


def watched() -> Iterator[str]:
    """The paths whose metadata tells whether `collect` would give something else."""
    yield from (f"{ROOT}/etc/passwd", f"{ROOT}/etc/group")
    for name in _names():
        path = f"{ROOT}/etc/{name}"
        yield path
        if os.path.isdir(path) and not os.path.islink(path):
            for directory, directories, files in os.walk(path):
                # Files are replaced by renaming, which their directory's time shows.
                yield directory
                directories.sort()
                if len(files) <= 16:
                    yield from sorted(f"{directory}/{file}" for file in files)
    # Links lead to where the content is.
    for name in ("localtime", "os-release"):
        yield os.path.realpath(f"{ROOT}/etc/{name}")


def collect() -> list[Item]:
    """All members below /etc, without /etc itself; directories come before what is in them."""
    items: dict[str, Item] = {}
    for name in _names():
        for parent in _parents(f"etc/{name}"):
            items.setdefault(parent, Item(parent, stat.S_IFDIR | 0o755))
        for item in _take(f"etc/{name}"):
            items[item.path] = item
    for item in _synthesized():
        items[item.path] = item
    if "etc/bash.bashrc" not in items:
        items["etc/bash.bashrc"] = _text("bash.bashrc", _BASHRC)
    return list(items.values())


def _names() -> list[str]:
    try:
        extra = [name for name in os.listdir(f"{ROOT}/etc") if name.startswith(_TAKEN_PREFIXES)]
    except OSError:
        extra = []
    return [*_TAKEN, *sorted(extra)]


def _take(path: str) -> Iterator[Item]:
    real = f"{ROOT}/{path}"
    try:
        status = os.lstat(real)
    except OSError:
        return
    if _looks_secret(path):
        return
    if stat.S_ISLNK(status.st_mode):
        target = os.readlink(real)
        resolved = os.path.realpath(real)
        if resolved.startswith(f"{ROOT}/etc/") or not os.path.exists(resolved) or _in_usr(resolved):
            yield Item(path, stat.S_IFLNK | 0o777, target=target)
            return
        # It leads to where the container has nothing (/run, /var, /opt): take what is there.
        status = os.stat(real)
        if not stat.S_ISREG(status.st_mode):
            return
    if stat.S_ISDIR(status.st_mode):
        if status.st_mode & 0o005 != 0o005:
            return
        yield Item(path, stat.S_IFDIR | 0o755, mtime_ns=status.st_mtime_ns)
        for name in sorted(os.listdir(real)):
            yield from _take(f"{path}/{name}")
    elif stat.S_ISREG(status.st_mode) and status.st_mode & 0o004 and status.st_size <= _MAX_FILE:
        try:
            with open(real, "rb") as file:
                data = file.read(_MAX_FILE)
        except OSError:
            return
        yield Item(path, stat.S_IFREG | status.st_mode & 0o755, data=data, mtime_ns=status.st_mtime_ns)


def _looks_secret(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    return any(word in name for word in _KEYLIKE) or name.endswith(_KEYLIKE_ENDINGS)


def _in_usr(path: str) -> bool:
    return path.startswith(("/usr/", "/proc/", "/bin/", "/lib/", "/sbin/", "/lib64/"))


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(2, len(parts))]


def _synthesized() -> Iterator[Item]:
    yield _text("passwd", _accounts())
    yield _text("group", _groups())
    yield _text("nsswitch.conf", _NSSWITCH)
    yield _text("profile", _PROFILE)
    for name in ("hostname", "hosts", "resolv.conf"):  # the engine mounts the real ones over these
        yield _text(name, "")
    yield _text("fstab", "")
    yield _text("machine-id", "")
    yield Item("etc/mtab", stat.S_IFLNK | 0o777, target="/proc/mounts")
    yield Item("etc/profile.d", stat.S_IFDIR | 0o755)


def _text(name: str, text: str) -> Item:
    return Item(f"etc/{name}", stat.S_IFREG | 0o644, data=text.encode())


def _accounts() -> str:
    """The system's accounts, whose names files in /usr may carry; nobody's password, nobody's real name."""
    shell = "/bin/bash" if os.path.exists("/bin/bash") else "/bin/sh"
    lines = [f"root:x:0:0:root:/root:{shell}"]
    for fields in _rows(f"{ROOT}/etc/passwd", 7):
        if 0 < int(fields[2]) < _FIRST_PERSON or fields[0] == "nobody":
            lines.append(":".join((fields[0], "x", fields[2], fields[3], "", fields[5], fields[6])))
    if not any(line.startswith("nobody:") for line in lines):
        lines.append("nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin")
    return "\n".join(lines) + "\n"


def _groups() -> str:
    lines = ["root:x:0:"]
    for fields in _rows(f"{ROOT}/etc/group", 4):
        if 0 < int(fields[2]) < _FIRST_PERSON or fields[0] in ("nogroup", "nobody"):
            lines.append(f"{fields[0]}:x:{fields[2]}:")
    if not any(line.startswith(("nogroup:", "nobody:")) for line in lines):
        lines.append("nogroup:x:65534:")
    return "\n".join(lines) + "\n"


def _rows(path: str, width: int) -> Iterator[list[str]]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                fields = line.rstrip("\n").split(":")
                if len(fields) == width and fields[2].isdigit():
                    yield fields
    except OSError:
        return
