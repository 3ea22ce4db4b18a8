"""Archives between containers and this machine: made as tar reads them, unpacked trusting nothing."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from wherry.client.pack import packed
from wherry.client.unpack import unpack
from wherry.errors import Invalid


def archive(*entries: tuple[str, bytes, str]) -> Iterator[bytes]:
    """A tar stream of (name, type, content or link target), in odd pieces."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind, content in entries:
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, 0o4755
            if kind == tarfile.REGTYPE:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content.encode()))
            else:
                info.linkname = content
                tar.addfile(info)
    data = buffer.getvalue()
    return iter([data[start : start + 333] for start in range(0, len(data), 333)])


def same(parts: list[str]) -> list[str]:
    return parts


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    (source / "folder" / "empty").mkdir(parents=True)
    (source / "folder" / "file").write_bytes(b"content" * 1000)
    (source / "folder" / "file").chmod(0o640)
    (source / "link").symlink_to("/etc/passwd")
    os.link(source / "folder" / "file", source / "twin")
    os.mkfifo(source / "pipe")
    os.utime(source / "folder", (1_000_000, 1_000_000))
    return source


def test_there_and_back(tree: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    written = unpack(packed(os.fspath(tree), "root"), os.fspath(target), same, owners=False)
    assert written == 7000
    copy = target / "root"
    assert sorted(os.listdir(copy)) == ["folder", "link", "pipe", "twin"]
    assert (copy / "folder" / "file").read_bytes() == b"content" * 1000
    assert stat.S_IMODE((copy / "folder" / "file").stat().st_mode) == 0o640
    assert os.readlink(copy / "link") == "/etc/passwd"
    assert (copy / "twin").stat().st_ino == (copy / "folder" / "file").stat().st_ino
    assert stat.S_ISFIFO((copy / "pipe").stat().st_mode)
    assert (copy / "folder").stat().st_mtime == 1_000_000


def test_tar_reads_what_is_packed(tree: Path) -> None:
    data = b"".join(packed(os.fspath(tree), "."))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        names = tar.getnames()
    assert names[0] == "." and "./folder/empty" in names and "./twin" in names
    with pytest.raises(Invalid, match="no such file"):
        list(packed(os.fspath(tree / "nothing"), "x"))


@pytest.mark.parametrize(
    "entries",
    [
        [("../evil", tarfile.REGTYPE, "x")],
        [("a/../../evil", tarfile.REGTYPE, "x")],
        [("out", tarfile.SYMTYPE, ".."), ("out/evil", tarfile.REGTYPE, "x")],
        [("out", tarfile.SYMTYPE, "/tmp"), ("out/evil", tarfile.REGTYPE, "x")],
        [
            ("inner", tarfile.SYMTYPE, "../secret"),
            ("inner", tarfile.DIRTYPE, ""),
            ("inner/evil", tarfile.REGTYPE, ""),
        ],
        [("hard", tarfile.LNKTYPE, "../secret/file")],
        [("way", tarfile.SYMTYPE, "../secret"), ("hard", tarfile.LNKTYPE, "way/file")],
        [("file", tarfile.REGTYPE, "x"), ("file", tarfile.DIRTYPE, "")],
    ],
)
def test_nothing_outside(tmp_path: Path, entries: list[tuple[str, bytes, str]]) -> None:
    target, secret = tmp_path / "target", tmp_path / "secret"
    target.mkdir()
    secret.mkdir()
    (secret / "file").write_text("secret")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises((Invalid, OSError)):
        unpack(archive(*entries), os.fspath(target), same, owners=False)
    assert sorted(os.listdir(tmp_path)) == before
    assert os.listdir(secret) == ["file"]
    assert (secret / "file").stat().st_nlink == 1


def test_links_are_replaced_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / "precious").write_text("keep")
    (target / "file").symlink_to(tmp_path / "precious")
    unpack(
        archive(("file", tarfile.REGTYPE, "new"), ("/abs", tarfile.REGTYPE, "y")),
        os.fspath(target),
        same,
        owners=False,
    )
    assert (tmp_path / "precious").read_text() == "keep"
    assert (target / "file").read_text() == "new"
    assert (target / "abs").read_text() == "y"
    assert stat.S_IMODE((target / "file").stat().st_mode) == 0o755  # no set-user-ID without -a


def test_damaged_archive(tmp_path: Path) -> None:
    data = b"".join(archive(("a", tarfile.REGTYPE, "x" * 5000)))
    with pytest.raises(Invalid, match="damaged"):
        unpack(iter([b"\xff" * 1024]), os.fspath(tmp_path), same, owners=False)
    with pytest.raises(Invalid, match="damaged"):
        unpack(iter([data[:2000]]), os.fspath(tmp_path), same, owners=False)
