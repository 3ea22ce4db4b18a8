"""A small root filesystem around the machine's own static busybox.

Debian's `busybox-static` package puts it at /bin/busybox; nothing is downloaded here. The archive is the
same bytes for the same busybox: fixed times, sorted names, owner 0.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

DIRECTORIES = {
    "bin": 0o755,
    "dev": 0o755,
    "etc": 0o755,
    "home": 0o755,
    "proc": 0o555,
    "root": 0o700,
    "sbin": 0o755,
    "sys": 0o555,
    "tmp": 0o1777,
    "usr": 0o755,
    "usr/bin": 0o755,
    "usr/sbin": 0o755,
    "var": 0o755,
    "var/www": 0o755,
}

FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n"
    "daemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
    "www-data:x:33:33:www-data:/var/www:/bin/false\n"
    "crew:x:1000:1000:crew:/home:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/home:/bin/false\n",
    "etc/group": "root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nboat:x:500:crew\ncrew:x:1000:\nnobody:x:65534:\n",
    "etc/hostname": "busybox\n",
    "var/www/index.html": "ahoy\n",
}


def find_busybox() -> Path | None:
    """The machine's statically linked busybox, or None when there is none."""
    found = shutil.which("busybox", path=os.environ.get("PATH", "") + ":/bin:/usr/bin")
    if found is None:
        return None
    path = Path(found).resolve()
    return path if b"ld-linux" not in path.read_bytes()[:4096] else None


def write_busybox_tar(target: Path, busybox: Path) -> None:
    """Write the archive to `target`, whole or not at all. Blocks for some 50 ms."""
    applets = subprocess.run(
        [busybox, "--list-full"], check=True, capture_output=True, text=True
    ).stdout.split()
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    with tarfile.open(draft, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, mode in DIRECTORIES.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            archive.addfile(entry)
        for name, text in FILES.items():
            _add_file(archive, name, text.encode(), 0o644)
        _add_file(archive, "bin/busybox", busybox.read_bytes(), 0o755)
        for applet in sorted(set(applets) | {"bin/sh"}):
            if applet in ("bin/busybox", "linuxrc") or applet.partition("/")[0] not in ("bin", "sbin", "usr"):
                continue
            link = tarfile.TarInfo(applet)
            link.type, link.linkname, link.mode = tarfile.SYMTYPE, "/bin/busybox", 0o777
            archive.addfile(link)
    draft.replace(target)


def _add_file(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
