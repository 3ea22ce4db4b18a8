"""COPY and ADD as a plan: which files, under which names; its key; and the members of the layer they make.

Nothing is mounted and nothing of the stage is written to: where files go is worked out on the stage's layers
with links resolved inside, and the result is members for the store to make a new layer of.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from wherry.build.ignore import Ignore, compile_pattern
from wherry.build.sources import File, Files, LayerFiles
from wherry.build.sources.archive import ArchiveFiles
from wherry.build.sources.files import clean
from wherry.errors import Invalid
from wherry.store.apart import check_wanted
from wherry.store.tar import Item, Kind, TarEntry

__all__ = ["Copying", "Picked", "pick"]

_WILD = re.compile(r"[*?\[]")
_NANO = 1_000_000_000


class Picked(NamedTuple):
    """One source. `name` is what it is called in a target directory; `members` are (path below the target
    or empty, file): of a directory its contents, of anything else itself."""

    files: Files
    name: str
    top: File
    members: list[tuple[str, File]]


class Copying(NamedTuple):
    """A whole instruction, ready to be keyed and carried out. `target` is absolute; `into` says that it is
    to be a directory; `owner` applies to everything when not None."""

    picked: list[Picked]
    target: str
    into: bool
    owner: str
    mode: str
    link: bool
    keep_owners: bool

    def key(self) -> tuple[str, dict[str, str]]:
        """A digest of what is copied and how, without times; and for each path a short digest, to explain."""
        state = hashlib.sha256()
        flags = f"{self.target}\0{self.into}\0{self.owner}\0{self.mode}\0{self.link}\0{self.keep_owners}"
        state.update(flags.encode("utf-8", "surrogateescape"))
        facts: dict[str, str] = {}
        for picked in self.picked:
            state.update(f"\0source\0{picked.name}\0{picked.top.kind}".encode("utf-8", "surrogateescape"))
            firsts: dict[object, str] = {}
            for path, file in picked.members:
                check_wanted()
                owner = f"{file.uid}:{file.gid}" if picked.files.keeps_owners else ""
                line = f"\0{path}\0{file.kind}\0{file.mode}\0{owner}\0{file.link}\0"
                data = line.encode("utf-8", "surrogateescape")
                if file.kind == Kind.FILE:
                    data += picked.files.digest(file)
                    if (shared := picked.files.shared(file)) is not None:
                        data += _encode(firsts.setdefault(shared, path))
                one = hashlib.sha256(data).digest()
                state.update(one)
                facts[file.path or path] = one[:8].hex()
        return state.hexdigest(), facts

    def items(self, rootfs: LayerFiles | None, owner: tuple[int, int] | None, now_ns: int) -> Iterator[Item]:
        """The members of the layer. `rootfs` is the stage so far (None with --link); `owner` what
        `self.owner` means there. Raises Invalid when a file would have to replace a directory."""
        yield from _Writer(self, rootfs, owner, now_ns).run()

    def directory(self, rootfs: LayerFiles, now_ns: int) -> Iterator[Item]:
        """A layer that makes the directory `target` with those above it, and nothing else."""
        yield from _Writer(self, rootfs, None, now_ns).only_directory()


def pick(
    files: Files,
    pattern: str,
    *,
    instruction: str,
    parents: bool = False,
    exclude: Sequence[str] = (),
) -> list[Picked]:
    """What one source of an instruction means. Raises Invalid when it leaves the tree or is not there."""
    pivot = ""
    if parents and "/./" in pattern:
        pivot = clean(pattern.partition("/./")[0]) or ""
    path = clean(pattern)
    if path is None:
        raise Invalid(
            f"{instruction} failed: forbidden path outside the build context: {pattern} ()",
            hint="sources are below the context's directory; --build-context adds another directory",
        )
    ignore = Ignore(exclude)
    if not _WILD.search(path):
        found = files.find(path)
        if found is None:
            where = "the source" if files.keeps_owners else "build context or excluded by .dockerignore"
            raise Invalid(
                f"{instruction} failed: file not found in {where}: stat {path}: file does not exist",
                hint=_nearest(files, path),
            )
        tops = [(path, found)]
    else:
        tops = [(found.path, found) for found in _match(files, path)]
    picked = []
    for named, top in tops:
        if top.kind == Kind.SYMLINK:
            followed = files.find(named)
            if followed is None:
                continue  # it leads nowhere: nothing to copy
            top = followed
        picked.append(_one(files, named, top, parents, pivot, ignore))
    return [one for one in picked if one is not None]


def _one(files: Files, named: str, top: File, parents: bool, pivot: str, ignore: Ignore) -> Picked:
    kept = named[len(pivot) :].lstrip("/") if pivot and named.startswith(pivot) else named
    # With --parents the copy begins at the pivot, and so do the patterns of --exclude.
    left_out = ignore and ignore.ignores(kept if parents else posixpath.basename(named))
    if not top.is_directory and not parents:
        return Picked(files, posixpath.basename(named), top, [] if left_out else [("", top)])
    members = _directories_of(files, named, kept) if parents else []
    if not top.is_directory:
        return Picked(
            files,
            "",
            File("", Kind.DIRECTORY, 0o755, 0, 0, 0, 0),
            [] if left_out else [*members, (kept, top)],
        )
    base = len(top.path) + 1 if top.path else 0
    for file in files.walk(top.path):
        below = file.path[base:]
        if parents and kept:
            below = f"{kept}/{below}"
        if ignore and ignore.ignores(below) and not (file.is_directory and ignore.may_hold(below)):
            continue
        members.append((below, file))
    return Picked(files, "", top, members)


def _directories_of(files: Files, named: str, kept: str) -> list[tuple[str, File]]:
    """The directories that `--parents` makes for the last `kept` of a path, as they are in the source."""
    pivot = named[: len(named) - len(kept)]
    parts = kept.split("/")
    found = []
    for count in range(1, len(parts) + 1):
        below = "/".join(parts[:count])
        file = files.find(pivot + below) if below else None
        if file is not None and file.is_directory:
            found.append((below, file))
    return found


def _match(files: Files, pattern: str) -> list[File]:
    """What a pattern with wildcards means: component by component, `**` any number of them."""
    if "**" in pattern.split("/"):
        whole = compile_pattern(pattern)
        return [file for file in files.walk("") if whole.fullmatch(file.path)]
    found = [files.find("")]
    for part in pattern.split("/"):
        matches: list[File | None] = []
        fits = compile_pattern(part).fullmatch if _WILD.search(part) else None
        for parent in found:
            if parent is None:
                continue
            if parent.kind == Kind.SYMLINK:
                parent = files.find(parent.path)
            if parent is None or not parent.is_directory:
                continue
            if fits is None:
                where = f"{parent.path}/{part}" if parent.path else part
                matches.append(files.lookup(where))
            else:
                matches += [
                    child for child in files.children(parent.path) if fits(posixpath.basename(child.path))
                ]
        found = matches
    return [file for file in found if file is not None]


def _nearest(files: Files, path: str) -> str:
    import difflib

    parent, _, name = path.rpartition("/")
    names = [posixpath.basename(file.path) for file in files.children(parent)]
    near = difflib.get_close_matches(name, names, 1)
    if not near:
        return ""
    return f"there is {posixpath.join(parent, near[0])}"


class _Writer:
    def __init__(
        self, copying: Copying, rootfs: LayerFiles | None, owner: tuple[int, int] | None, now_ns: int
    ) -> None:
        self._copying = copying
        self._rootfs = rootfs
        self._owner = owner
        self._now = now_ns // _NANO * _NANO
        self._mode = parse_mode(copying.mode) if copying.mode else None
        self._seen: set[str] = set()
        self._names: dict[object, str] = {}  # of files with several: the first one that was written
        self._fresh: set[str] = set()  # directories that the stage did not have: nothing is in them

    def run(self) -> Iterator[Item]:
        copying = self._copying
        target = copying.target.strip("/")
        if self._rootfs is not None:
            target = self._rootfs.resolve(target, partial=True) or ""
        existing = self._rootfs.lookup(target) if self._rootfs is not None else None
        is_directory = copying.into or (existing is not None and existing.is_directory)
        for picked in copying.picked:
            if picked.top.is_directory:
                yield from self._directory_itself(target, picked)
                self._names = {}
                for below, file in picked.members:
                    yield from self._put(f"{target}/{below}".strip("/"), file, picked.files)
                continue
            for _, file in picked.members:
                path = f"{target}/{picked.name}".strip("/") if is_directory else target
                if not path:
                    raise Invalid("a file can't become the root directory")
                yield from self._put(path, file, picked.files)

    def only_directory(self) -> Iterator[Item]:
        assert self._rootfs is not None
        target = self._rootfs.resolve(self._copying.target, partial=True) or ""
        yield from self._parents(f"{target}/.")

    def _directory_itself(self, target: str, picked: Picked) -> Iterator[Item]:
        if not target or target in self._seen:
            return
        existing = self._rootfs.lookup(target) if self._rootfs is not None else None
        if existing is not None and not existing.is_directory:
            raise Invalid(f"cannot copy to non-directory: /{target}")
        yield from self._parents(target)
        self._seen.add(target)
        if existing is not None:
            yield self._directory_header(target, existing, self._rootfs)
        else:
            yield self._new_directory(target, 0o755)  # only what is in it is copied

    def _parents(self, path: str) -> Iterator[Item]:
        missing = []
        parent = path.rpartition("/")[0]
        while parent and parent not in self._seen:
            missing.append(parent)
            parent = parent.rpartition("/")[0]
        for parent in reversed(missing):
            self._seen.add(parent)
            existing = self._rootfs.lookup(parent) if self._rootfs is not None else None
            if existing is not None and existing.is_directory:
                yield self._directory_header(parent, existing, self._rootfs)
            elif existing is not None:
                raise Invalid(f"cannot copy to non-directory: /{parent}")
            else:
                yield self._new_directory(parent, 0o755)

    def _directory_header(self, path: str, file: File, files: Files | None) -> Item:
        entry = TarEntry(
            _encode(path) + b"/",
            Kind.DIRECTORY,
            mode=file.mode,
            uid=file.uid,
            gid=file.gid,
            mtime_ns=file.mtime_ns // _NANO * _NANO,
        )
        if files is not None:
            entry.xattrs = files.attributes(file)
        return entry, ()

    def _new_directory(self, path: str, mode: int) -> Item:
        self._fresh.add(path)
        uid, gid = self._owner or (0, 0)
        name = _encode(path) + b"/"
        return TarEntry(name, Kind.DIRECTORY, mode=mode, uid=uid, gid=gid, mtime_ns=self._now), ()

    def _put(self, path: str, file: File, files: Files) -> Iterator[Item]:
        if path in self._seen and file.is_directory:
            return
        yield from self._parents(path)
        self._seen.add(path)
        existing = None
        if self._rootfs is not None and path.rpartition("/")[0] not in self._fresh:
            existing = self._rootfs.lookup(path)
        if existing is None and file.is_directory:
            self._fresh.add(path)
        if existing is not None and existing.is_directory and not file.is_directory:
            raise Invalid(f"cannot overwrite directory with non-directory: /{path}")
        keeps = files.keeps_owners or (isinstance(files, ArchiveFiles) and self._copying.keep_owners)
        uid, gid = self._owner or ((file.uid, file.gid) if keeps else (0, 0))
        mode = file.mode
        if self._mode is not None and file.kind != Kind.SYMLINK:
            mode = self._mode(mode, file.is_directory)
        entry = TarEntry(
            _encode(path),
            file.kind,
            mode=mode,
            uid=uid,
            gid=gid,
            mtime_ns=file.mtime_ns // _NANO * _NANO,
        )
        entry.xattrs = files.attributes(file) if keeps else None
        if file.kind == Kind.DIRECTORY:
            entry.name += b"/"
        elif file.kind == Kind.SYMLINK:
            entry.linkname = _encode(file.link)
            entry.mode = 0o777
        elif file.kind == Kind.FILE:
            shared = files.shared(file)
            first = self._names.setdefault(shared, path) if shared is not None else path
            if first != path:
                entry.kind, entry.linkname = Kind.HARDLINK, _encode(first)
            else:
                entry.size = entry.stored = file.size
        elif file.kind in (Kind.CHAR, Kind.BLOCK):
            if not isinstance(files, ArchiveFiles):
                return  # the runtime gives containers their devices
            entry.major, entry.minor = files.device(file)
        yield entry, files.read(file) if entry.kind == Kind.FILE else ()


def parse_mode(text: str) -> Callable[[int, bool], int]:
    """`--chmod`: octal (755) or symbolic (u=rwX,go=rX). Raises Invalid."""
    if re.fullmatch(r"[0-7]{1,4}", text):
        octal = int(text, 8)
        return lambda _mode, _is_directory: octal
    clauses = []
    for clause in text.split(","):
        match = re.fullmatch(r"([ugoa]*)([=+-])([rwxXst]*)", clause)
        if not match:
            raise Invalid(f"invalid chmod parameter: {text!r}", hint="for instance 755 or u=rwX,go=rX")
        clauses.append((match[1] or "a", match[2], match[3]))

    def change(mode: int, is_directory: bool) -> int:
        for who, operator, letters in clauses:
            for person, shift in (("u", 6), ("g", 3), ("o", 0)):
                if person not in who and "a" not in who:
                    continue
                bits = sum({"r": 4, "w": 2, "x": 1}.get(letter, 0) for letter in set(letters))
                if "X" in letters and (is_directory or mode & 0o111):
                    bits |= 1
                special = (0o4000 if shift == 6 else 0o2000 if shift == 3 else 0) if "s" in letters else 0
                if "t" in letters and shift == 0:
                    special |= 0o1000
                if operator == "=":
                    mode = mode & ~(7 << shift) | bits << shift | special
                elif operator == "+":
                    mode |= bits << shift | special
                else:
                    mode &= ~(bits << shift | special)
        return mode

    return change


def _encode(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
