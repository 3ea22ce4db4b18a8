"""Unpacking one layer archive into a directory, in overlay form.

The archive is an attacker's. What keeps it inside: names are cleaned and resolved by `Tree` only; files are
made with O_EXCL and without following links, so nothing that exists is ever opened for writing; what a
duplicate member replaces is moved aside first. What keeps it small: `Limits`. Nothing is ever removed by
name of the archive's choosing: whiteouts only make marks.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import NamedTuple

from wherry.errors import Internal, Invalid
from wherry.store.layers import overlayform
from wherry.store.layers.ownership import Owners, set_attributes
from wherry.store.layers.recipe import Displaced, RecipeWriter, write_displaced
from wherry.store.layers.sink import Sink
from wherry.store.layers.tree import Tree, clean_name
from wherry.store.tar import (
    ByteSource,
    Item,
    Kind,
    TarEntry,
    end_of_archive,
    header,
    padding,
    read_entries,
)

__all__ = ["DEFAULT_LIMITS", "Limits", "Unpacked", "compose_layer", "unpack_layer"]

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE_BITS = 0o7777
_LARGE = 16 << 20
_MAX_WHITEOUT = 65536  # bytes; it should have none


class Limits(NamedTuple):
    """What one layer may grow to: apparent bytes of its files, members, bytes of names and attributes."""

    size: int = 256 << 30
    entries: int = 4_000_000


DEFAULT_LIMITS = Limits()


class Unpacked(NamedTuple):
    """Bytes in regular files, members, bytes of the archive, JSON [mode, uid, gid] of its root if any."""

    size: int
    files: int
    archive: int
    root: str | None


def unpack_layer(
    chunks: Iterable[bytes | memoryview], directory: str, owners: Owners, limits: Limits = DEFAULT_LIMITS
) -> Unpacked:
    """Unpack the tar stream into `directory`/fs and write `directory`/recipe; `directory` is new and private.

    On an error the directory is left half filled: the caller removes it. Raises Invalid for hostile, damaged
    or oversized archives, and OSError of the disk.
    """
    os.mkdir(os.path.join(directory, "fs"), 0o755)
    with (
        closing(RecipeWriter(os.path.join(directory, "recipe"))) as recipe,
        closing(_Unpacker(directory, recipe, owners, limits)) as unpacker,
    ):
        return unpacker.guarded(lambda: unpacker.run(ByteSource(chunks)))


def compose_layer(items: Iterable[Item], directory: str, sink: Sink, owners: Owners) -> Unpacked:
    """Make of `items` what unpacking their archive would make, without going through one. `sink` gets that
    archive; its recipe is `directory`/recipe. Otherwise like `unpack_layer`."""
    os.mkdir(os.path.join(directory, "fs"), 0o755)
    with closing(_Unpacker(directory, sink.recipe, owners, DEFAULT_LIMITS)) as unpacker:
        return unpacker.guarded(lambda: unpacker.compose(items, sink))


class _Content:
    """The content of one member, on its way into a file and into the archive's digest."""

    def __init__(self, chunks: Iterable[bytes], sink: Sink) -> None:
        self._chunks = chunks
        self._sink = sink

    def pieces(self, count: int) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._sink.content(chunk)
            count -= len(chunk)
            yield chunk
        if count:
            raise Internal(f"a file's content is {count} bytes shorter than was said")

    def take(self, count: int) -> bytes:
        return b"".join(self.pieces(count)) if count else b""


class _Unpacker:
    def __init__(self, directory: str, recipe: RecipeWriter, owners: Owners, limits: Limits) -> None:
        self.current = b""
        self._directory = directory
        self._owners = owners
        self._limits = limits
        self._tree = Tree(os.path.join(directory, "fs"), self._replace_whiteout)
        self._recipe = recipe
        self._times: dict[bytes, int] = {}
        self._displaced: list[Displaced] = []
        self._aside: int | None = None
        self._root: list[int] | None = None
        self._size = 0
        self._count = 0
        self._makers: dict[int, Callable[[TarEntry, int, bytes, bytes], None]] = {
            Kind.DIRECTORY: self._make_directory,
            Kind.SYMLINK: self._symlink,
            Kind.HARDLINK: self._hardlink,
            Kind.CHAR: self._node,
            Kind.BLOCK: self._node,
            Kind.FIFO: self._node,
        }

    def guarded(self, work: Callable[[], Unpacked]) -> Unpacked:
        """Do it, and say of which member the disk complains."""
        try:
            return work()
        except OSError as error:
            if error.errno in (errno.ENAMETOOLONG, errno.EMLINK, errno.ELOOP, errno.EPERM, errno.EISDIR):
                raise Invalid(f"archive member {self.current[:200]!r}: {error.strerror}") from error
            raise

    def run(self, source: ByteSource) -> Unpacked:
        for entry in read_entries(source, self._recipe.keep):
            self._place(entry, source)
        self._recipe.finish()
        return self._finish(source.position)

    def compose(self, items: Iterable[Item], sink: Sink) -> Unpacked:
        for entry, content in items:
            sink.literal(header(entry))
            self._place(entry, _Content(content, sink))
            if pad := padding(entry.stored):
                sink.literal(pad)
        sink.literal(end_of_archive())
        return self._finish(sink.size)

    def _place(self, entry: TarEntry, source: ByteSource | _Content) -> None:
        self._count += 1
        if self._count > self._limits.entries:
            raise Invalid(f"layer with more than {self._limits.entries} entries")
        self.current = entry.name
        path = clean_name(entry.name)
        head, _, name = path.rpartition(b"/")
        if name.startswith(overlayform.PREFIX):
            if entry.stored > _MAX_WHITEOUT:
                raise Invalid(f"whiteout with content: {entry.name[:200]!r}")
            self._recipe.keep(source.take(entry.stored))
            self._whiteout(head, name)
        elif not name:
            self._root_entry(entry)
        else:
            parent = self._tree.directory(head)
            if head:
                path = self._tree.canonical(head) + b"/" + name
                path = path.lstrip(b"/")
            if entry.kind == Kind.FILE:
                self._file(source, entry, parent, name, path)
            else:
                self._makers[entry.kind](entry, parent, name, path)

    def close(self) -> None:
        self._tree.close()
        if self._aside is not None:
            os.close(self._aside)

    def _file(
        self, source: ByteSource | _Content, entry: TarEntry, parent: int, name: bytes, path: bytes
    ) -> None:
        self._size += entry.size
        if self._size > self._limits.size:
            raise Invalid(f"layer that unpacks to more than {self._limits.size} bytes")
        if entry.stored > _LARGE:
            self._check_space(entry.stored)
        mode = entry.mode
        try:
            fd = os.open(name, _CREATE, mode & 0o777, dir_fd=parent)
        except FileExistsError:
            parent = self._displace(parent, name, path)
            fd = os.open(name, _CREATE, mode & 0o777, dir_fd=parent)
        try:
            runs = entry.segments
            if runs is None:
                if entry.stored:
                    for piece in source.pieces(entry.stored):
                        written = os.write(fd, piece)
                        while written < len(piece):
                            written += os.write(fd, piece[written:])
                self._recipe.content(path, [(0, entry.stored)])
            else:
                for offset, length in runs:
                    for piece in source.pieces(length):
                        while piece:
                            written = os.pwrite(fd, piece, offset)
                            offset += written
                            piece = piece[written:]
                os.ftruncate(fd, entry.size)
                self._recipe.content(path, runs)
            self._owners.give(fd, entry.uid, entry.gid)
            if mode & 0o7000 or mode & self._owners.umask:
                os.fchmod(fd, mode)  # after the owner: that clears set-user-id
            if entry.xattrs:
                set_attributes(fd, entry.xattrs, overlayform.PRIVATE_XATTRS)
            os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))
        finally:
            os.close(fd)

    def _check_space(self, size: int) -> None:
        # Better now than when everyone else on this disk has run out of space too.
        found = os.fstatvfs(self._tree.root)
        if found.f_bavail * found.f_frsize < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _make_directory(self, entry: TarEntry, parent: int, name: bytes, path: bytes) -> None:
        try:
            os.mkdir(name, 0o755, dir_fd=parent)
        except FileExistsError:
            found = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if overlayform.is_whiteout(found):
                self._replace_whiteout(parent, name, path)
            elif not stat.S_ISDIR(found.st_mode):
                parent = self._displace(parent, name, path)
                os.mkdir(name, 0o755, dir_fd=parent)
        self._times[path] = entry.mtime_ns
        self._dress_directory(self._tree.directory(path), entry)

    def _root_entry(self, entry: TarEntry) -> None:
        if entry.kind != Kind.DIRECTORY:
            raise Invalid("archive whose root is no directory")
        self._times[b""] = entry.mtime_ns
        self._root = [entry.mode, entry.uid, entry.gid]
        self._dress_directory(self._tree.root, entry)

    def _dress_directory(self, fd: int, entry: TarEntry) -> None:
        self._owners.give(fd, entry.uid, entry.gid)
        if entry.mode != 0o755 or self._owners.umask & 0o755:
            os.fchmod(fd, entry.mode)
        if entry.xattrs:
            set_attributes(fd, entry.xattrs, overlayform.PRIVATE_XATTRS)

    def _symlink(self, entry: TarEntry, parent: int, name: bytes, path: bytes) -> None:
        if not entry.linkname:
            raise Invalid(f"symbolic link to nothing: {entry.name[:200]!r}")
        try:
            os.symlink(entry.linkname, name, dir_fd=parent)
        except FileExistsError:
            parent = self._displace(parent, name, path)
            os.symlink(entry.linkname, name, dir_fd=parent)
        self._dress_special(entry, parent, name)

    def _hardlink(self, entry: TarEntry, _parent: int, name: bytes, path: bytes) -> None:
        target = clean_name(entry.linkname) if entry.linkname else b""
        target_head, _, target_name = target.rpartition(b"/")
        if not target_name or target_name.startswith(overlayform.PREFIX):
            raise Invalid(f"hard link to nothing: {entry.name[:200]!r}")
        if target == path:
            return  # a second mention of the same name
        # Both directories must be open at once: one a copy, because asking for the other may close it.
        source = os.dup(self._tree.directory(target_head))
        try:
            found = os.stat(target_name, dir_fd=source, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode) or overlayform.is_whiteout(found):
                raise Invalid(f"hard link to what can't be linked: {entry.name[:200]!r}")
            parent = self._tree.directory(path.rpartition(b"/")[0])
            try:
                os.link(target_name, name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
            except FileExistsError:
                parent = self._displace(parent, name, path)
                os.link(target_name, name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            raise Invalid(
                f"hard link {entry.name[:200]!r} to {entry.linkname[:200]!r}, which is not in the archive"
            ) from None
        finally:
            os.close(source)

    def _node(self, entry: TarEntry, parent: int, name: bytes, path: bytes) -> None:
        kind = {Kind.FIFO: stat.S_IFIFO, Kind.CHAR: stat.S_IFCHR}.get(Kind(entry.kind), stat.S_IFBLK)
        if not 0 <= entry.major < 1 << 12 or not 0 <= entry.minor < 1 << 20:
            raise Invalid(f"device with impossible numbers: {entry.name[:200]!r}")
        device = os.makedev(entry.major, entry.minor) if entry.kind != Kind.FIFO else 0
        if _exists(parent, name):
            parent = self._displace(parent, name, path)
        try:
            os.mknod(name, kind | entry.mode & 0o777, device, dir_fd=parent)
        except PermissionError:
            # A user namespace can't have devices. Containers get theirs from the runtime; keep the place.
            os.close(os.open(name, _CREATE, entry.mode & 0o777, dir_fd=parent))
        self._dress_special(entry, parent, name)

    def _dress_special(self, entry: TarEntry, parent: int, name: bytes) -> None:
        self._owners.give_at(parent, name, entry.uid, entry.gid)
        if entry.kind != Kind.SYMLINK and entry.mode & (0o7000 | self._owners.umask):
            os.chmod(name, entry.mode & _MODE_BITS, dir_fd=parent)
        if entry.xattrs:
            self._special_attributes(entry, parent, name)
        os.utime(name, ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=parent, follow_symlinks=False)

    def _special_attributes(self, entry: TarEntry, parent: int, name: bytes) -> None:
        place = b"/proc/self/fd/%d/%s" % (parent, name)
        for key, value in (entry.xattrs or {}).items():
            if os.fsdecode(key).startswith(overlayform.PRIVATE_XATTRS):
                continue
            try:
                os.setxattr(place, key, value, follow_symlinks=False)
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise

    def _whiteout(self, head: bytes, name: bytes) -> None:
        if name == overlayform.OPAQUE_MARK:
            overlayform.make_opaque(self._tree.directory(head))
            return
        if name.startswith(overlayform.META_PREFIX):
            return  # bookkeeping of aufs, of no meaning here
        hidden = name[len(overlayform.PREFIX) :]
        if hidden in (b"", b".", b".."):
            raise Invalid(f"whiteout of an impossible name: {name!r}")
        parent = self._tree.directory(head)
        try:
            overlayform.make_whiteout(parent, hidden)
        except FileExistsError:
            # The same archive has that name too: whiteouts are about the layers below only.
            found = os.stat(hidden, dir_fd=parent, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                overlayform.make_opaque(self._tree.directory(head + b"/" + hidden if head else hidden))

    def _replace_whiteout(self, parent: int, name: bytes, _path: bytes) -> None:
        os.unlink(name, dir_fd=parent)
        os.mkdir(name, 0o755, dir_fd=parent)
        fd = os.open(name, _DIRECTORY, dir_fd=parent)
        try:
            overlayform.make_opaque(fd)
        finally:
            os.close(fd)

    def _displace(self, parent: int, name: bytes, path: bytes) -> int:
        """Move what is at `name` out of the tree; the parent's descriptor, opened anew."""
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if overlayform.is_whiteout(found):
            os.unlink(name, dir_fd=parent)
            return parent
        if self._aside is None:
            os.mkdir(os.path.join(self._directory, "aside"), 0o700)
            self._aside = os.open(os.path.join(self._directory, "aside"), _DIRECTORY)
        place = len(self._displaced)
        os.rename(name, b"%d" % place, src_dir_fd=parent, dst_dir_fd=self._aside)
        self._displaced.append(Displaced(self._recipe.notes, path, place))
        if stat.S_ISDIR(found.st_mode):
            for known in [known for known in self._times if known == path or known.startswith(path + b"/")]:
                del self._times[known]
        self._tree.forget()
        return self._tree.directory(path.rpartition(b"/")[0])

    def _finish(self, archive: int) -> Unpacked:
        write_displaced(self._directory, self._displaced)
        for path, mtime in self._times.items():
            os.utime(self._tree.directory(path), ns=(mtime, mtime))
        root = json.dumps(self._root) if self._root is not None else None
        return Unpacked(self._size, self._count, archive, root)


def _exists(parent: int, name: bytes) -> bool:
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
