"""Archives that GNU tar makes of a real tree, in each of its formats, give the tree back."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from wherry.store import Store

_FORMATS = {
    "gnu": ["--format=gnu"],
    "gnu-sparse": ["--format=gnu", "--sparse"],
    "pax": ["--format=pax", "--xattrs", "--xattrs-include=*"],
    "pax-sparse-0.0": ["--format=pax", "--sparse", "--sparse-version=0.0"],
    "pax-sparse-0.1": ["--format=pax", "--sparse", "--sparse-version=0.1"],
    "pax-sparse-1.0": ["--format=pax", "--sparse", "--sparse-version=1.0", "--xattrs", "--xattrs-include=*"],
    "old-blocking": ["--format=gnu", "--blocking-factor=2000"],
}


def _tree(root: Path) -> None:
    (root / "d/deeper").mkdir(parents=True)
    (root / "plain").write_bytes(os.urandom(200_001))
    (root / "empty").write_bytes(b"")
    (root / "d" / ("n" * 255)).write_text("long name")
    long = root / ("p" * 90) / ("q" * 90) / ("r" * 120)
    long.mkdir(parents=True)
    (long / "file").write_text("long path")
    (root / "d" / "umlaut-ä-€").write_text("x")
    (root / os.fsdecode(b"latin-\xe4\xff")).write_text("no utf-8")
    os.symlink("t" * 300, root / "long-link")
    os.link(root / "plain", root / "d" / "hard")
    os.mkfifo(root / "fifo")
    (root / "setuid").write_text("x")
    (root / "setuid").chmod(0o6755)
    (root / "closed").mkdir()
    (root / "closed").chmod(0o1700)
    for name, runs, size in (
        ("hole-first", [(1 << 20, 5000)], (1 << 20) + 5000),
        ("hole-last", [(0, 5000)], 3 << 20),
        ("all-hole", [], 1 << 20),
        ("many-holes", [(number * 100_000, 4096) for number in range(60)], 6_000_000),
    ):
        with (root / name).open("wb") as file:
            for offset, length in runs:
                file.seek(offset)
                file.write(os.urandom(length))
            file.truncate(size)
    os.setxattr(root / "plain", "user.note", b"with \0 zero and \xff")
    for directory, _, files in os.walk(root):
        for name in files:
            os.utime(f"{directory}/{name}", ns=(10**18, 1_234_567_890_000_000_000), follow_symlinks=False)
    if os.geteuid() == 0:
        os.chown(root / "d" / "deeper", 12345, 54321)
        os.chown(root / "long-link", 3_000_000, 7, follow_symlinks=False)
        os.mknod(root / "device", stat.S_IFCHR | 0o640, os.makedev(10, 229))
        os.setxattr(root / "setuid", "security.capability", b"\1\0\0\2\0\4" + bytes(14))


def _facts(root: Path, *, xattrs: bool) -> dict[str, tuple[Any, ...]]:
    found: dict[str, tuple[Any, ...]] = {}
    for directory, directories, files in os.walk(root):
        for name in [*directories, *files]:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            is_directory = stat.S_ISDIR(status.st_mode)
            content: object = None
            if stat.S_ISREG(status.st_mode):
                content = hash(Path(path).read_bytes())
            elif stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            attributes: tuple[tuple[str, bytes], ...] = ()
            if xattrs and stat.S_ISREG(status.st_mode):
                attributes = tuple(sorted((key, os.getxattr(path, key)) for key in os.listxattr(path)))
            found[os.path.relpath(path, root)] = (
                status.st_mode,
                status.st_uid,
                status.st_gid,
                status.st_rdev if stat.S_ISCHR(status.st_mode) else 0,
                0 if is_directory else status.st_nlink,
                0 if is_directory else status.st_size,
                status.st_mtime_ns // 10**9,
                content,
                attributes,
            )
    return found


@pytest.mark.needs("root")
@pytest.mark.parametrize("form", _FORMATS)
def test_every_format(form: str, store: Store, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    _tree(tree)
    archive = tmp_path / "archive.tar"
    subprocess.run(["tar", *_FORMATS[form], "-cf", str(archive), "-C", str(tree), "."], check=True)
    data = archive.read_bytes()
    with store.layers.lease() as lease:
        layer = store.layers.unpack([data], lease)
        unpacked = Path(store.layers.path(layer.diff_id))
        xattrs = "--xattrs" in _FORMATS[form]
        assert _facts(unpacked, xattrs=xattrs) == _facts(tree, xattrs=xattrs)
        assert b"".join(store.layers.archive(layer.diff_id)) == data
        if "sparse" in form:
            assert (unpacked / "hole-last").stat().st_blocks * 512 < 100_000, "holes stay holes"


@pytest.mark.needs("root", "mmdebstrap")
def test_a_whole_debian(store: Store, debian_tar: Path, tmp_path: Path) -> None:
    image = store.import_image([debian_tar.read_bytes()], "debian")
    other = tmp_path / "by-tar"
    other.mkdir()
    command = [
        "tar",
        "--numeric-owner",
        "--xattrs",
        "--xattrs-include=*",
        "-xpf",
        str(debian_tar),
        "-C",
        str(other),
    ]
    subprocess.run(command, check=True)
    assert _facts(Path(store.layers.path(image.layers[0])), xattrs=True) == _facts(other, xattrs=True)
