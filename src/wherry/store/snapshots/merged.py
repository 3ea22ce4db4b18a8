"""Several directories seen as one, the way overlayfs merges them, without mounting anything.

Used where a mount is not worth its trouble or not allowed: `export`, `diff`, the copy driver.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import NamedTuple

from wherry.store.layers.overlayform import is_whiteout
from wherry.store.root import Root

__all__ = ["Member", "Merged"]


class Member(NamedTuple):
    """One thing to be seen: `path` relative, and the directory it is really in."""

    path: str
    root: Root
    status: os.stat_result


class Merged:
    """A merged view. A context manager: it holds one descriptor for each directory."""

    def __init__(self, directories: Sequence[str]) -> None:
        """Topmost first; those that do not exist add nothing."""
        self._stack = ExitStack()
        self.roots: list[Root] = []
        try:
            for directory in directories:
                try:
                    self.roots.append(self._stack.enter_context(Root(directory)))
                except FileNotFoundError:
                    continue
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Merged:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def walk(self, path: str = "") -> Iterator[Member]:
        """Everything below `path`, parents before children, names sorted; not `path` itself."""
        roots = self._roots_of(path) if path else self.roots
        yield from self._walk(roots, path + "/" if path else "")

    def find(self, path: str) -> Member | None:
        """What is at `path` (no links followed), or None."""
        for root in self._roots_of(path.rpartition("/")[0]):
            status = root.status(path)
            if status is not None:
                return None if is_whiteout(status) else Member(path, root, status)
        return None

    def names(self, path: str) -> set[str]:
        """What is visible in the directory `path`."""
        return set(self._visible(self._roots_of(path), path + "/" if path else "")[0])

    def _walk(self, roots: list[Root], prefix: str) -> Iterator[Member]:
        visible, below = self._visible(roots, prefix)
        for name in sorted(visible):
            yield visible[name]
            if name in below:
                yield from self._walk(below[name], f"{prefix}{name}/")

    def _visible(self, roots: list[Root], prefix: str) -> tuple[dict[str, Member], dict[str, list[Root]]]:
        visible: dict[str, Member] = {}
        below: dict[str, list[Root]] = {}
        closed: set[str] = set()  # names that no lower directory adds to
        for root in roots:
            members, opaque = root.members(prefix.rstrip("/"))
            for name, status in members.items():
                if name in closed:
                    continue
                if not stat.S_ISDIR(status.st_mode):
                    closed.add(name)
                    if name not in visible and not is_whiteout(status):
                        visible[name] = Member(prefix + name, root, status)
                    continue
                visible.setdefault(name, Member(prefix + name, root, status))
                below.setdefault(name, []).append(root)
            if opaque:
                break
        return visible, below

    def _roots_of(self, path: str) -> list[Root]:
        """Those whose directory `path` takes part in the merged one."""
        roots = self.roots
        done = ""
        for part in path.split("/") if path else ():
            done = f"{done}/{part}" if done else part
            taking_part = []
            for root in roots:
                status = root.status(done)
                if status is None:
                    continue
                if not stat.S_ISDIR(status.st_mode):
                    break
                taking_part.append(root)
                if root.is_opaque(done):
                    break
            roots = taking_part
        return roots
