"""One tree of files, read only: what COPY copies from. Links are resolved inside of it, never outside.

Everything blocks: it is called in threads. Paths are relative, with `/`, without `.` and `..`; empty is the
root.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

from wherry.errors import Invalid
from wherry.store.tar import Kind

__all__ = ["File", "Files", "clean"]

_LINKS = 40


class File(NamedTuple):
    """One member of a tree, as lstat sees it; `kind` is a `Kind`, `link` a symbolic link's target."""

    path: str
    kind: int
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    size: int
    link: str = ""

    @property
    def is_directory(self) -> bool:
        return self.kind == Kind.DIRECTORY


class Files(ABC):
    """The contract of every source. Used by one build; `close` frees what it holds."""

    keeps_owners = False
    """Whether the files' owners mean something: in a stage they do, in a context they do not."""

    @abstractmethod
    def lookup(self, path: str) -> File | None:
        """What is at `path` itself, whose parents are no links; None for nothing (or an ignored file)."""

    @abstractmethod
    def children(self, path: str) -> list[File]:
        """What is in the directory `path`, by name."""

    @abstractmethod
    def digest(self, file: File) -> bytes:
        """SHA-256 of a regular file's content. Raises Invalid when it has vanished."""

    @abstractmethod
    def read(self, file: File) -> Iterator[bytes]:
        """The content, exactly `file.size` bytes: filled up with zeros or cut when it changes meanwhile."""

    def attributes(self, file: File) -> dict[bytes, bytes] | None:
        """Extended attributes worth keeping."""
        return None

    def shared(self, file: File) -> object | None:
        """What is equal for names of one file with several (hard links); None for a file with one name."""
        return None

    @abstractmethod
    def close(self) -> None:
        """Free what it holds. Repeatable."""

    def __del__(self) -> None:
        """What was given up before somebody could close it."""
        self.close()

    def walk(self, path: str) -> Iterator[File]:
        """Everything below a directory, parents before children, names sorted."""
        pending = [iter(self.children(path))]
        while pending:
            file = next(pending[-1], None)
            if file is None:
                pending.pop()
                continue
            yield file
            if file.is_directory:
                pending.append(iter(self.children(file.path)))

    def find(self, path: str) -> File | None:
        """What is at `path`, all links followed."""
        real = self.resolve(path)
        return self.lookup(real) if real is not None else None

    def resolve(self, path: str, *, partial: bool = False) -> str | None:
        """`path` without links. None when it does not exist, unless `partial`: then what is missing is kept
        as it is. Raises Invalid for endless links."""
        done = ""
        pending = [part for part in path.split("/") if part]
        links = 0
        while pending:
            part = pending.pop(0)
            if part == ".":
                continue
            if part == "..":
                done = done.rpartition("/")[0]
                continue
            here = f"{done}/{part}" if done else part
            file = self.lookup(here)
            if file is None:
                if not partial:
                    return None
                done = here
                continue
            if file.kind == Kind.SYMLINK:
                links += 1
                if links > _LINKS:
                    raise Invalid(f"too many levels of symbolic links: {path}")
                pending = [step for step in file.link.split("/") if step] + pending
                if file.link.startswith("/"):
                    done = ""
                continue
            if pending and not file.is_directory and not partial:
                return None
            done = here
        return done


def clean(path: str) -> str | None:
    """A path as written, relative and without `.` and `..`; None when it leaves the root."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part and part != ".":
            parts.append(part)
    return "/".join(parts)
