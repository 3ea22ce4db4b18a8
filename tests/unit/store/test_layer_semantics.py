"""Random layers against a model of what the image specification says, and there and back again."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from wherry.errors import Invalid
from wherry.store.layers.ownership import Owners
from wherry.store.layers.recipe import replay
from wherry.store.layers.unpack import unpack_layer
from wherry.store.snapshots.copying import copy_merged
from wherry.store.snapshots.delta import delta_of_trees
from wherry.store.snapshots.merged import Merged
from wherry.store.snapshots.pack import pack_delta
from wherry.store.tar import Kind, TarEntry, end_of_archive, header, padding


class Step(NamedTuple):
    """One member of a layer: `what` is file, directory, link, whiteout or opaque."""

    what: str
    path: str
    data: bytes = b""


Tree = dict[str, tuple[str, bytes]]
_path = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
_step = st.builds(
    Step,
    st.sampled_from(["file", "file", "directory", "directory", "link", "whiteout", "opaque"]),
    _path,
    st.binary(min_size=1, max_size=3),
)
_layers = st.lists(st.lists(_step, max_size=7), min_size=1, max_size=4)


def _archive(steps: Sequence[Step], moment: int = 0) -> bytes:
    parts = []
    for number, (what, path, data) in enumerate(steps, 100 * moment):
        parent, _, name = path.rpartition("/")
        head = f"{parent}/" if parent else ""
        mtime = (1000 + number) * 10**9
        if what == "file":
            entry = TarEntry(path.encode(), Kind.FILE, size=len(data), mtime_ns=mtime)
            parts.append(header(entry) + data + padding(len(data)))
        elif what == "directory":
            parts.append(header(TarEntry(f"{path}/".encode(), Kind.DIRECTORY, mode=0o755, mtime_ns=mtime)))
        elif what == "link":
            entry = TarEntry(
                path.encode(), Kind.SYMLINK, mtime_ns=mtime, linkname=b"nowhere/" + data.hex().encode()
            )
            parts.append(header(entry))
        elif what == "whiteout":
            parts.append(header(TarEntry(f"{head}.wh.{name}".encode(), Kind.FILE)))
        else:
            parts.append(header(TarEntry(f"{path}/.wh..wh..opq".encode(), Kind.FILE)))
    return b"".join(parts) + end_of_archive()


def _without(tree: Tree, path: str, *, itself: bool = True) -> Tree:
    gone = {name for name in tree if name.startswith(path + "/") or (itself and name == path)}
    return {name: value for name, value in tree.items() if name not in gone}


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _apply(below: Tree, steps: Sequence[Step]) -> Tree:
    """What the specification says: whiteouts are about the layers below, the rest lies over them."""
    upper: Tree = {}
    for what, path, data in steps:
        if what == "whiteout":
            below = _without(below, path)
        elif what == "opaque":
            below = _without(below, path, itself=False)
        needed = _parents(path) + ([path] if what == "opaque" else [])
        for parent in needed:
            upper.setdefault(parent, ("directory", b""))
        if what in ("file", "link"):
            upper = _without(upper, path)
            upper[path] = (what, data if what == "file" else b"nowhere/" + data.hex().encode())
        elif what == "directory":
            if upper.get(path, ("directory", b""))[0] != "directory":
                upper = _without(upper, path)
            upper[path] = ("directory", b"")
    for path, (what, _) in upper.items():
        if what != "directory" or below.get(path, ("directory", b""))[0] != "directory":
            below = _without(below, path)
    return {**below, **upper}


def _seen(directories: Sequence[str]) -> Tree:
    tree: Tree = {}
    with Merged(directories) as merged:
        for member in merged.walk():
            if stat.S_ISDIR(member.status.st_mode):
                tree[member.path] = ("directory", b"")
            elif stat.S_ISLNK(member.status.st_mode):
                tree[member.path] = ("link", member.root.link(member.path) or b"")
            else:
                fd = member.root.open(member.path, os.O_RDONLY)
                assert fd is not None
                tree[member.path] = ("file", os.read(fd, 100))
                os.close(fd)
            found = merged.find(member.path)
            assert found is not None and found.status.st_ino == member.status.st_ino
    return tree


@settings(max_examples=50, deadline=None)
@given(layers=_layers)
def test_layers_mean_what_the_specification_says(layers: list[list[Step]]) -> None:
    owners = Owners()
    with tempfile.TemporaryDirectory() as base:
        expected: Tree = {}
        directories: list[str] = []
        for number, steps in enumerate(layers):
            place = f"{base}/{number}"
            os.mkdir(place)
            archive = _archive(steps)
            try:
                unpack_layer([archive], place, owners)
            except Invalid:
                continue  # something below a file or a link that leads nowhere
            assert b"".join(replay(place)) == archive
            directories.insert(0, f"{place}/fs")
            expected = _apply(expected, steps)
            assert _seen(directories) == expected


@settings(max_examples=40, deadline=None)
@given(below=_layers, above=st.lists(_step, max_size=8))
def test_a_difference_leads_to_the_same_tree(below: list[list[Step]], above: list[Step]) -> None:
    owners = Owners()
    with tempfile.TemporaryDirectory() as base:
        directories: list[str] = []
        for number, steps in enumerate([*below, above]):
            place = f"{base}/{number}"
            os.mkdir(place)
            try:
                unpack_layer([_archive(steps, number)], place, owners)
            except Invalid:
                continue
            directories.insert(0, f"{place}/fs")
        if not directories:
            return
        os.mkdir(f"{base}/tree")
        with Merged(directories) as merged:
            copy_merged(merged, f"{base}/tree")
        wanted = _seen(directories)
        assert _seen([f"{base}/tree"]) == wanted
        lowers = directories[1:]
        layer = b"".join(pack_delta(delta_of_trees(f"{base}/tree", lowers)))
        os.mkdir(f"{base}/again")
        unpack_layer([layer], f"{base}/again", owners)
        assert _seen([f"{base}/again/fs", *lowers]) == wanted
