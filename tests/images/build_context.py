"""The files that the corpus of Dockerfiles in `dockerfiles/` copies from."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

__all__ = ["DOCKERFILES", "NOT_CLASSIC", "make_context"]

DOCKERFILES = Path(__file__).parent / "dockerfiles"
NOT_CLASSIC = "# not for the classic builder"
"""The first line of what Docker's classic builder does otherwise, or not at all."""


def make_context(folder: Path) -> Path:
    """Files of all kinds, all of one time."""
    (folder / "a.txt").write_text("a\n")
    (folder / "l.txt").write_text("l\n")
    (folder / "with space").write_text("s\n")
    (folder / "d" / "deep").mkdir(parents=True)
    (folder / "d" / "x").write_text("x\n")
    (folder / "d" / "deep" / "y").write_text("y\n")
    (folder / "d" / "ignored").write_text("i\n")
    (folder / "d" / "x").chmod(0o751)  # no set-user-id bit: Docker loses it, here it is kept
    (folder / "d" / "deep").chmod(0o700)
    (folder / "d" / "to-x").symlink_to("x")
    (folder / "link").symlink_to("a.txt")
    (folder / ".dockerignore").write_text("**/ignored\nDockerfile\n.dockerignore\n")
    with tarfile.open(folder / "t.tar", "w") as archive:
        member = tarfile.TarInfo("in/tar")
        member.size, member.mode, member.uid, member.gid, member.mtime = 2, 0o600, 5, 6, 1_000_000
        archive.addfile(member, io.BytesIO(b"t\n"))
    for path in sorted(folder.rglob("*"), reverse=True):
        os.utime(path, (1_500_000_000, 1_500_000_000), follow_symlinks=False)
    return folder
