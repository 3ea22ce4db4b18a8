"""`cp`, both ways, by the rules that Docker has for it (checked side by side with Docker's command line)."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest


@pytest.fixture
def inside(engine: EngineUnderTest, image: str) -> Iterator[Command]:
    """The command line, with a container `box` in which a folder, a file and links wait in /tmp/from."""
    script = (
        "mkdir -p /tmp/from/folder /tmp/to && cd /tmp/from && echo text >file && ln -s file link"
        " && ln -s folder way && chmod 640 file && ln -s nowhere dead && sleep 1000"
    )
    engine.wherry("run", "-d", "--name", "box", "--network", "none", image, "sh", "-c", script)
    for _ in range(200):
        if engine.wherry("exec", "box", "sh", "-c", "test -L /tmp/from/dead", code=None).code == 0:
            break
    yield engine.wherry


def test_out(inside: Command, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    inside("cp", "box:/tmp/from/file", str(tmp_path / "new"))
    inside("cp", "box:/tmp/from/file", str(tmp_path / "folder"))
    inside("cp", "box:tmp/from", str(tmp_path / "tree"))
    inside("cp", "box:/tmp/from", str(tmp_path / "folder"))
    inside("cp", "box:/tmp/from/.", str(tmp_path / "content"))
    assert (tmp_path / "new").read_text() == "text\n"
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "new").stat().st_uid == os.geteuid()
    assert (tmp_path / "folder" / "file").read_text() == "text\n"
    everything = ["dead", "file", "folder", "link", "way"]
    for place in ("tree", "folder/from", "content"):
        assert sorted(os.listdir(tmp_path / place)) == everything
    assert os.readlink(tmp_path / "tree" / "dead") == "nowhere"


def test_out_of_a_link(inside: Command, tmp_path: Path) -> None:
    inside("cp", "box:/tmp/from/link", str(tmp_path / "kept"))
    inside("cp", "-L", "box:/tmp/from/link", str(tmp_path / "followed"))
    assert os.readlink(tmp_path / "kept") == "file"
    assert not (tmp_path / "followed").is_symlink()
    assert (tmp_path / "followed").read_text() == "text\n"


def test_in(inside: Command, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "deep" / "er" / "file").write_text("from here")
    (source / "link").symlink_to("deep")
    inside("cp", str(source), "box:/tmp/to")
    inside("cp", str(source), "box:/tmp/renamed")
    inside("cp", f"{source}/.", "box:/tmp/to")
    inside("cp", str(source / "deep/er/file"), "box:/tmp/from/way")
    inside("cp", str(source / "deep/er/file"), "box:/tmp/from/dead")
    shown = inside(
        "exec", "box", "sh", "-c", "cd /tmp; find to renamed from | sort; cat from/nowhere; readlink to/link"
    )
    lines = shown.out.splitlines()
    assert {"to/source/deep/er/file", "renamed/deep/er/file", "to/deep/er/file", "from/folder/file"} <= set(
        lines
    )
    assert lines[-1] == "from heredeep"


def test_archives(inside: Command) -> None:
    data = inside.raw("cp", "box:/tmp/from", "-").stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert "from/file" in archive.getnames()
    done = inside.raw("cp", "-", "box:/tmp/to", stdin=data)
    assert done.returncode == 0, done.stderr
    assert inside("exec", "box", "cat", "/tmp/to/from/file").out == "text\n"


def test_large_file(inside: Command, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "big").write_bytes(data)
    inside("cp", str(tmp_path / "big"), "box:/tmp/big")
    inside("cp", "box:/tmp/big", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == data


def test_refusals(inside: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for arguments, said in (
        (("box:/nope", str(tmp_path)), "Could not find the file /nope in container "),
        (("box:/tmp/from", str(tmp_path / "file")), "cannot copy directory"),
        (("box:/tmp/from/file", str(tmp_path / "no/x")), "does not exist"),
        (("box:/tmp/from/file", f"{tmp_path}/no/"), "no such directory"),
        ((str(tmp_path / "file"), "box:/tmp/no/"), "no such directory"),
        ((str(tmp_path), "box:/tmp/from/file"), "cannot copy directory"),
        ((str(tmp_path / "nope"), "box:/tmp"), "no such file or directory"),
        (("nobody:/x", str(tmp_path)), "No such container: nobody"),
        ((str(tmp_path / "file"), "nobody:/x"), "No such container: nobody"),
        (("a", "b"), "must specify at least one container source"),
        (("box:/a", "box:/b"), "copying between containers is not supported"),
    ):
        assert said in inside("cp", *arguments, code=1).err
    assert "must be a directory" in inside("cp", "-", "box:/tmp/from/file", code=1, stdin=b"").err
