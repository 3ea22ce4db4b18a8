"""What every snapshot driver does, whichever it is."""

from __future__ import annotations

import errno
import io
import os
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.store.mounted import run_mounted
from wherry.errors import Conflict, Internal, NotFound
from wherry.oci import ImageConfig, RootFS, encode_image_config, parse_reference
from wherry.store import Store
from wherry.store.images import Image
from wherry.store.snapshots import Change, Snapshot
from wherry.store.snapshots.pack import no_later
from wherry.store.tar import Kind, TarEntry, end_of_archive, header, padding, written

pytestmark = pytest.mark.needs("root")
_ID = "c" * 64
_TIME = 1_600_000_000 * 10**9


def member(name: str, kind: Kind = Kind.FILE, data: bytes = b"", **more: Any) -> bytes:
    entry = TarEntry(name.encode(), kind, size=len(data), mtime_ns=_TIME, **more)
    return header(entry) + data + padding(len(data))


def directory(name: str, **more: Any) -> bytes:
    return member(name, Kind.DIRECTORY, mode=0o755, **more)


_LOWER = b"".join(
    [
        directory("./"),
        directory("etc"),
        member("etc/passwd", data=b"root"),
        member("etc/hosts", data=b"old"),
        directory("data"),
        member("data/a", data=b"a" * 100),
        member("data/b", data=b"b", uid=33, gid=44, mode=0o4755),
        directory("data/deep"),
        member("data/deep/x", data=b"x"),
        member("link", Kind.SYMLINK, linkname=b"etc/passwd"),
        member("hard", Kind.HARDLINK, linkname=b"data/a"),
        directory("opaque"),
        member("opaque/below", data=b"hidden by the upper layer"),
        member("removed", data=b"by the upper layer"),
        member("tool", data=b"x", xattrs={b"security.capability": b"\x01\0\0\x02\0\x04" + bytes(14)}),
        end_of_archive(),
    ]
)
_UPPER = b"".join(
    [
        directory("opaque"),
        member("opaque/.wh..wh..opq"),
        member("opaque/above", data=b"visible"),
        member(".wh.removed"),
        member("etc/hosts", data=b"newer"),
        end_of_archive(),
    ]
)


def make_image(store: Store, *archives: bytes) -> Image:
    with store.layers.lease() as lease:
        diff_ids = [store.layers.unpack([archive], lease).diff_id for archive in archives]
        config = encode_image_config(ImageConfig(architecture="amd64", rootfs=RootFS(diff_ids=diff_ids)))
        return store.images.add(config, lease=lease, tags=[parse_reference("test:latest")])


@pytest.fixture(params=["overlay", "copy"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = Store(str(tmp_path / "state"), driver=request.param)
    yield opened
    opened.close()


@pytest.fixture
def snapshot(store: Store) -> Snapshot:
    return store.snapshots.prepare(_ID, make_image(store, _LOWER, _UPPER))


def _names(archive: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return {info.name: info for info in opened.getmembers()}


def test_the_layers_are_seen_as_one(snapshot: Snapshot) -> None:
    seen = run_mounted(
        snapshot,
        "b = os.stat(path('data/b'))\n"
        "result = [sorted(os.listdir(root)), os.listdir(path('opaque')), read('etc/hosts'),"
        " read('etc/passwd'), b.st_uid, b.st_gid, b.st_mode & 0o7777, os.readlink(path('link')),"
        " os.stat(path('data/a')).st_mtime,"
        " os.getxattr(path('tool'), 'security.capability').hex(), os.stat(root).st_mode & 0o7777]",
    )
    assert seen == [
        ["data", "etc", "hard", "link", "opaque", "tool"],
        ["above"],
        "newer",
        "root",
        33,
        44,
        0o4755,
        "etc/passwd",
        _TIME / 10**9,
        (b"\x01\0\0\x02\0\x04" + bytes(14)).hex(),
        0o755,
    ]


def test_a_fresh_snapshot_has_no_changes(snapshot: Snapshot) -> None:
    assert snapshot.changes() == []
    assert b"".join(snapshot.layer_archive()) == end_of_archive()


def test_changes_are_listed_as_docker_lists_them(snapshot: Snapshot) -> None:
    run_mounted(
        snapshot,
        "write('etc/new'); write('etc/hosts', 'changed'); os.unlink(path('etc/passwd'))\n"
        "os.mkdir(path('d')); write('d/f'); os.unlink(path('link'))\n"
        "os.unlink(path('data/deep/x')); os.rmdir(path('data/deep'))",
    )
    assert snapshot.changes() == [
        Change("A", "/d"),
        Change("A", "/d/f"),
        Change("C", "/data"),
        Change("D", "/data/deep"),
        Change("C", "/etc"),
        Change("C", "/etc/hosts"),
        Change("A", "/etc/new"),
        Change("D", "/etc/passwd"),
        Change("D", "/link"),
    ]


def test_what_is_written_stays_and_the_layers_stay_as_they_are(store: Store, snapshot: Snapshot) -> None:
    run_mounted(snapshot, "write('etc/hosts', 'mine'); write('data/a', 'mine')")
    assert run_mounted(store.snapshots.get(_ID), "result = read('etc/hosts')") == "mine"
    other = store.snapshots.prepare("d" * 64, store.images.resolve("test"))
    assert run_mounted(other, "result = [read('etc/hosts'), read('hard')[:3]]") == ["newer", "aaa"]


def test_a_layer_of_the_differences_makes_the_same_tree(store: Store, snapshot: Snapshot) -> None:
    run_mounted(
        snapshot,
        "write('etc/new'); os.unlink(path('etc/passwd')); os.chmod(path('data/b'), 0o600)\n"
        "import shutil; shutil.rmtree(path('data/deep')); os.mkdir(path('data/deep')); write('data/deep/y')\n"
        "os.unlink(path('link')); os.mkdir(path('link')); write('link/in')\n"
        "os.link(path('etc/new'), path('etc/new2')); os.symlink('x', path('sym')); os.mkfifo(path('fifo'))\n"
        "os.chown(path('etc/new'), 5, 6); os.setxattr(path('etc/new'), 'user.k', b'v')\n"
        "os.setxattr(path('etc/new'), 'security.capability', b'\\1\\0\\0\\2' + bytes(16))",
    )
    layer = b"".join(snapshot.layer_archive())
    assert layer == b"".join(snapshot.layer_archive()), "deterministic"
    committed = store.commit(snapshot, store.images.resolve("test").config.config, "committed")
    assert store.commit(snapshot, committed.config.config).layers == committed.layers
    assert committed.parent == snapshot.image
    again = store.snapshots.prepare("e" * 64, committed)
    assert again.changes() == []
    look = (
        "result = sorted((os.path.join(d, n)[len(root):], oct(s.st_mode), s.st_uid, s.st_gid, s.st_nlink,"
        " s.st_size if not stat.S_ISDIR(s.st_mode) else 0, sorted(x for x in os.listxattr(os.path.join(d, n),"
        " follow_symlinks=False) if 'overlay' not in x))"
        " for d, ds, fs in os.walk(root) for n in ds + fs for s in [os.lstat(os.path.join(d, n))]"
        " if n not in ('hard', 'a'))"
    )
    before = [item[:4] + item[5:] for item in run_mounted(snapshot, look)]
    after = [item[:4] + item[5:] for item in run_mounted(again, look)]
    assert after == before
    assert run_mounted(again, "result = os.stat(path('etc/new')).st_nlink") == 2


def _tree(directory: str) -> list[tuple[Any, ...]]:
    """Everything in a layer's directory, with what unpacking sets."""
    found: list[tuple[Any, ...]] = []
    for parent, directories, files in os.walk(directory):
        for name in [*directories, *files]:
            path = os.path.join(parent, name)
            status = os.lstat(path)
            if stat.S_ISCHR(status.st_mode):
                found.append((path[len(directory) :], status.st_rdev))  # a whiteout
                continue
            content = Path(path).read_bytes() if stat.S_ISREG(status.st_mode) else b""
            xattrs = {
                key: os.getxattr(path, key, follow_symlinks=False)
                for key in os.listxattr(path, follow_symlinks=False)
            }
            link = os.readlink(path) if stat.S_ISLNK(status.st_mode) else ""
            found.append(
                (
                    path[len(directory) :],
                    status.st_mode,
                    status.st_uid,
                    status.st_gid,
                    status.st_mtime_ns,
                    status.st_nlink if not stat.S_ISDIR(status.st_mode) else 0,
                    content,
                    xattrs,
                    link,
                )
            )
    return sorted(found)


def test_a_layer_of_an_ended_container_is_the_one_that_its_archive_unpacks_to(
    store: Store, snapshot: Snapshot, tmp_path: Path
) -> None:
    run_mounted(
        snapshot,
        "import shutil, socket\n"
        "write('etc/new'); os.unlink(path('etc/passwd')); os.chmod(path('data/b'), 0o4711)\n"
        "shutil.rmtree(path('data/deep')); os.mkdir(path('data/deep')); write('data/deep/y')\n"
        "os.link(path('etc/new'), path('etc/new2')); os.symlink('x', path('sym')); os.mkfifo(path('fifo'))\n"
        "os.chown(path('etc/new'), 5, 6); os.setxattr(path('etc/new'), 'user.k', b'v')\n"
        "os.setxattr(path('data/a'), 'security.capability', b'\\1\\0\\0\\2' + bytes(16))\n"
        "os.mkdir(path('d')); os.mkdir(path('d/stub')); write('d/kept'); write('d/late')\n"
        "os.utime(path('d/late'), (4e9, 4e9)); open(path('sparse'), 'w').truncate(100_000)\n"
        "open(path(os.fsdecode(b'na\\xffme\\xc3\\xa9')), 'w').close()\n"
        "socket.socket(socket.AF_UNIX).bind(path('d/socket'))\n",
    )
    latest = 3_000_000_000 * 10**9
    archive = b"".join(written(no_later(snapshot.items({"d/stub"}), latest)))
    other = Store(str(tmp_path / "other"), driver="overlay")
    with store.layers.lease() as lease, other.layers.lease() as others:
        layer = store.layers.get(snapshot.into_layer(lease, dropped={"d/stub"}, latest_ns=latest).diff_id)
        assert b"".join(store.layers.archive(layer.diff_id)) == archive
        assert other.layers.unpack([archive], others) == layer
        assert _tree(store.layers.path(layer.diff_id)) == _tree(other.layers.path(layer.diff_id))
        snapshot.remove()
        assert store.layers.has(layer.diff_id)
    other.close()


def test_a_layer_from_another_filesystem_is_copied(
    store: Store, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_mounted(snapshot, "write('etc/new'); os.unlink(path('etc/passwd'))")
    archive = b"".join(snapshot.layer_archive())
    rename = os.rename

    def elsewhere(source: str, target: str, **more: Any) -> None:
        if os.path.basename(source) == "upper":
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        rename(source, target, **more)

    monkeypatch.setattr(os, "rename", elsewhere)
    with store.layers.lease() as lease:
        layer = snapshot.into_layer(lease)
        assert b"".join(store.layers.archive(layer.diff_id)) == archive
    assert not [
        name for name in os.listdir(os.path.join(store.state_dir, "layers")) if name.startswith(".draft")
    ]


def test_a_file_that_changes_while_it_becomes_a_layer_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(str(tmp_path / "state"), driver="overlay")
    snapshot = store.snapshots.prepare(_ID, make_image(store, _LOWER))
    run_mounted(snapshot, "write('etc/new', 'x' * 1000)")
    read = os.read

    def meanwhile(fd: int, count: int) -> bytes:
        data = read(fd, count)
        os.utime(fd, ns=(0, 0))
        return data

    monkeypatch.setattr("wherry.store.layers.adopt.os.read", meanwhile)
    with store.layers.lease() as lease, pytest.raises(Internal, match="etc/new changed"):
        snapshot.into_layer(lease)
    monkeypatch.undo()
    assert not [
        name for name in os.listdir(os.path.join(store.state_dir, "layers")) if name.startswith(".draft")
    ]
    snapshot.remove()
    store.close()


def test_owners_are_believed_only_of_files_of_whoever_unpacks(snapshot: Snapshot) -> None:
    """A process in a container can set the attribute that remembers owners, on files of its own."""
    run_mounted(
        snapshot,
        "write('mine'); os.chown(path('mine'), 1000, 1000); os.chmod(path('mine'), 0o4755)\n"
        "os.setxattr(path('mine'), 'user.wherry.owner', b'0:0')",
    )
    found = _names(b"".join(snapshot.layer_archive()))["mine"]
    assert (found.uid, found.gid) == (1000, 1000)


def test_export_is_what_a_container_sees(snapshot: Snapshot) -> None:
    run_mounted(snapshot, "write('etc/new'); os.unlink(path('etc/passwd'))")
    names = _names(b"".join(snapshot.export()))
    assert set(names) == {
        "data", "data/a", "data/b", "data/deep", "data/deep/x", "etc", "etc/hosts", "etc/new", "hard", "link",
        "opaque", "opaque/above", "tool",
    }  # fmt: skip
    assert names["hard"].islnk() and names["hard"].linkname == "data/a"
    assert (names["data/b"].uid, names["data/b"].gid, names["data/b"].mode) == (33, 44, 0o4755)
    assert names["tool"].pax_headers["SCHILY.xattr.security.capability"]


def test_usage_is_what_du_measures(snapshot: Snapshot) -> None:
    run_mounted(snapshot, "write('big', 'x' * 1_000_000); write('etc/hosts', 'y' * 70_000)")
    os.sync()
    total = 0
    for path in snapshot.driver.writable(snapshot.place):
        said = subprocess.run(["du", "-sB1", path], capture_output=True, text=True, check=True)
        total += int(said.stdout.split()[0])
    assert snapshot.usage() == total
    assert snapshot.usage() > 1_000_000


def test_one_snapshot_for_a_container(store: Store, snapshot: Snapshot) -> None:
    with pytest.raises(Conflict):
        store.snapshots.prepare(_ID, store.images.resolve("test"))


def test_removing_takes_the_files_and_may_be_repeated(store: Store, snapshot: Snapshot) -> None:
    run_mounted(snapshot, "os.makedirs(path('a/' * 40 + 'b')); os.chmod(path('a'), 0)")
    snapshot.remove()
    snapshot.remove()
    assert not os.path.exists(store.snapshots.directory(_ID))
    with pytest.raises(NotFound):
        store.snapshots.get(_ID)


def test_layers_outlive_their_image_while_a_container_needs_them(store: Store, snapshot: Snapshot) -> None:
    assert store.images.remove("test", force=True)
    assert run_mounted(store.snapshots.get(_ID), "result = read('etc/hosts')") == "newer"
    assert len(store.layers.all()) == 2
    snapshot.remove()
    assert store.layers.all() == []


def test_a_container_whose_image_is_gone_can_be_committed(store: Store, snapshot: Snapshot) -> None:
    run_mounted(snapshot, "write('kept')")
    run = store.images.resolve("test").config.config
    store.images.remove("test", force=True)
    image = store.commit(snapshot, run, "saved")
    assert image.parent == ""
    again = store.snapshots.prepare("f" * 64, image)
    assert run_mounted(again, "result = [read('kept'), read('etc/hosts')]") == ["new", "newer"]


def test_more_than_a_hundred_layers(store: Store) -> None:
    archives = []
    for number in range(130):
        parts = [
            directory("d"),
            member(f"d/{number:03}", data=b"%d" % number),
            member("last", data=b"%d" % number),
        ]
        if number >= 10:
            parts.append(member(f"d/.wh.{number - 10:03}"))
        archives.append(b"".join(parts) + end_of_archive())
    snapshot = store.snapshots.prepare(_ID, make_image(store, *archives))
    seen = run_mounted(snapshot, "result = [read('last'), sorted(os.listdir(path('d')))]")
    assert seen == ["129", [f"{number:03}" for number in range(120, 130)]]
    assert snapshot.changes() == []
    assert len(_names(b"".join(snapshot.export()))) == 12


def test_the_machine_s_own_userland_is_never_written_to(store: Store) -> None:
    snapshot = store.snapshots.prepare(_ID, store.images.resolve("host"))
    code = """
try:
    write("usr/wherry-test")
    result = "written"
except OSError as error:
    result = error.errno
result = [result, os.path.exists(path("usr/bin/env")), os.path.exists(path("bin/sh"))]
"""
    said, *found = run_mounted(snapshot, code)
    assert not os.path.exists("/usr/wherry-test")
    assert found == [True, True]
    if snapshot.driver.name == "overlay":
        assert said == "written"
        assert snapshot.changes() == [Change("C", "/usr"), Change("A", "/usr/wherry-test")]
    else:
        assert said == errno.EROFS


def test_an_image_without_layers(store: Store) -> None:
    snapshot = store.snapshots.prepare(_ID, make_image(store))
    assert run_mounted(snapshot, "write('a'); result = os.listdir(root)") == ["a"]
    assert snapshot.changes() == [Change("A", "/a")]
