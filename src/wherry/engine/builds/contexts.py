"""Build contexts: from archives, directories of this machine, git and URLs to files. Blocking."""

from __future__ import annotations

import hashlib
import os
import urllib.error
from collections.abc import Iterable

from wherry.build.downloading import download
from wherry.build.fetching import clone, is_git, parse_git
from wherry.build.ignore import Ignore, parse_ignore
from wherry.build.sources import ArchiveFiles, DirectoryFiles, Files
from wherry.build.sources.hashes import Hashes
from wherry.errors import Conflict, Invalid
from wherry.store.tar import Kind

__all__ = ["from_archive", "from_directory", "from_remote", "is_seen", "read_dockerfile"]

_MAX_DOCKERFILE = 16 << 20
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def from_archive(
    chunks: Iterable[bytes | memoryview], workplace: str, dockerfile: str = "Dockerfile"
) -> tuple[ArchiveFiles, bytes]:
    """A context that arrives as a tar archive, plain or compressed, and the Dockerfile in it (if it has a
    name). Raises Invalid."""
    files = ArchiveFiles(chunks, workplace)
    try:
        text = read_dockerfile(files, dockerfile) if dockerfile else b""
        files.ignore = Ignore(ignore_patterns(files, dockerfile))
    except BaseException:
        files.close()
        raise
    return files, text


def from_directory(path: str, mark: tuple[str, int, int], root: str, patterns: list[str]) -> DirectoryFiles:
    """A directory that client and engine both see. `mark` is (boot id, device, inode) as the client sees it;
    Conflict when this is another directory, on another machine perhaps."""
    if not is_seen(path, mark):
        raise Conflict("the engine does not see the context's directory")
    name = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()
    hashes = Hashes(os.path.join(root, "hashes", name))
    return DirectoryFiles(path, Ignore(patterns), hashes)


def is_seen(path: str, mark: tuple[str, int, int]) -> bool:
    """Whether the directory is here the one that the client means."""
    try:
        status = os.stat(path)
        with open(_BOOT_ID, encoding="ascii") as file:
            boot = file.read().strip()
    except OSError:
        return False
    return (boot, status.st_dev, status.st_ino) == mark


def from_remote(remote: str, workplace: str, dockerfile: str) -> tuple[Files | None, bytes]:
    """A git repository, an archive, or a Dockerfile alone, from a URL: (files, Dockerfile). Raises Invalid,
    NotFound, Unavailable."""
    place = os.path.join(workplace, "remote")
    if is_git(remote) or not remote.startswith(("http://", "https://")):
        git = parse_git(remote if "://" in remote or remote.startswith("git@") else f"https://{remote}")
        clone(git, place)
        whole = DirectoryFiles(place, Ignore())
        try:
            real = whole.resolve(git.subdir)
        finally:
            whole.close()
        if real is None:
            raise Invalid(f"there is no directory {git.subdir!r} in the git repository")
        place = os.path.join(place, real)
        files = DirectoryFiles(place, Ignore())
        try:
            text = read_dockerfile(files, dockerfile) if dockerfile else b""
            return DirectoryFiles(place, Ignore(ignore_patterns(files, dockerfile))), text
        finally:
            files.close()
    try:
        name = download(remote, place)
    except urllib.error.URLError as error:
        raise Invalid(f"{remote}: {error}") from None
    path = os.path.join(place, name)
    with open(path, "rb") as file:
        head = file.read(_MAX_DOCKERFILE)
    if head[257:262] != b"ustar" and head[:2] not in (b"\x1f\x8b", b"BZ", b"\xfd7", b"\x28\xb5"):
        return None, head
    with open(path, "rb") as file:
        return from_archive(iter(lambda: file.read(1 << 20), b""), workplace, dockerfile)


def read_dockerfile(files: Files, name: str) -> bytes:
    """The Dockerfile of a context. Raises Invalid in Docker's words."""
    path = name.lstrip("/")
    found = files.find(path) if ".." not in path.split("/") else None
    if found is None and path == "Dockerfile":
        found = files.find("dockerfile")
    if found is None or found.kind != Kind.FILE:
        raise Invalid(f"Cannot locate specified Dockerfile: {name}")
    if found.size > _MAX_DOCKERFILE:
        raise Invalid(f"the Dockerfile is larger than {_MAX_DOCKERFILE} bytes")
    content = b"".join(files.read(found))
    if not content.strip():
        raise Invalid(f"the Dockerfile ({name}) cannot be empty")
    return content


def ignore_patterns(files: Files, dockerfile: str) -> list[str]:
    """What `Dockerfile.dockerignore`, else `.dockerignore`, says. The two files themselves can be read, and
    are left out of what COPY sees when a pattern says so."""
    for name in (f"{dockerfile}.dockerignore", ".dockerignore"):
        found = files.find(name)
        if found is not None and found.kind == Kind.FILE and found.size <= 1 << 20:
            return parse_ignore(b"".join(files.read(found)))
    return []
