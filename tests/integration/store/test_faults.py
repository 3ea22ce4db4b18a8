"""A full disk, a process killed at any moment, a power cut: the store stays consistent, says one clear line,
and gives the space back."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.store.conftest import file_chunks
from wherry.errors import Unavailable
from wherry.store import Store
from wherry.store.tar import Kind, TarEntry, end_of_archive, header

_ID = "b" * 64
_RACE = """
import sys
from wherry.store import Store
store = Store(sys.argv[1])
print("open", flush=True)
for number in range(1000):
    with open(sys.argv[2], "rb") as file:
        for loaded in store.load(iter(lambda: file.read(65536), b"")):
            pass
    snapshot = store.snapshots.prepare(f"{number:064}", store.images.resolve("race:1"))
    with open(snapshot.place.directory + "/upper/new", "w") as file:
        file.write(str(number) * 1000)
    store.commit(snapshot, loaded.image.config.config, f"made:{number}")
    snapshot.remove()
    store.images.remove(f"made:{number}")
    store.images.remove("race:1")
"""


def _big(size: int) -> bytes:
    data = random.Random(1).randbytes(size)
    return header(TarEntry(b"big", Kind.FILE, size=size)) + data + bytes(-size % 512) + end_of_archive()


def consistent(store: Store) -> None:
    """Files and rows agree: nothing is missing, nothing is left over, every layer gives its archive back."""
    state = Path(store.state_dir)
    store.layers.settle()
    layers = store.layers.all()
    assert sorted(os.listdir(state / "layers")) == sorted(layer.diff_id[7:] for layer in layers)
    for layer in layers:
        assert sum(map(len, store.layers.archive(layer.diff_id))) == layer.archive
    rows = store.database.all("SELECT id FROM images")
    assert sorted(store.blobs.digests()) == sorted(row["id"] for row in rows)
    assert sorted(os.listdir(state / "containers")) == sorted(one.id for one in store.snapshots.all())
    assert store.database.all("PRAGMA foreign_key_check") == []
    assert [row[0] for row in store.database.all("PRAGMA integrity_check")] == ["ok"]


@pytest.mark.needs("root", "busybox")
def test_a_full_disk_while_importing(small_disk: Path, busybox_tar: Path) -> None:
    store = Store(str(small_disk / "state"))
    kept = store.import_image(file_chunks(busybox_tar), "kept")
    os.sync()
    before = _used(small_disk)
    for _ in range(2):
        with pytest.raises(Unavailable, match="no space left on device") as caught:
            store.import_image([_big(40 << 20)], "big")
        assert "\n" not in caught.value.message
        assert caught.value.hint
    consistent(store)
    os.sync()
    assert _used(small_disk) <= before + (64 << 10), "the space is given back"
    assert store.images.resolve("kept").id == kept.id
    store.import_image([_big(5 << 20)], "smaller")
    consistent(store)
    store.close()


@pytest.mark.needs("root", "busybox")
def test_a_disk_that_is_full_already(small_disk: Path, busybox_tar: Path) -> None:
    store = Store(str(small_disk / "state"))
    image = store.import_image(file_chunks(busybox_tar), "kept")
    filler = small_disk / "filler"
    _fill(filler)
    for step in (
        lambda: store.import_image(file_chunks(busybox_tar), "more", message="another"),
        lambda: store.import_image([_big(1 << 20)], "more"),
        lambda: store.blobs.put(os.urandom(100_000)),
    ):
        with pytest.raises(Unavailable, match="no space left"):
            step()
            for number in range(10_000):  # small things may still find room somewhere
                store.blobs.put(os.urandom(4096) + b"%d" % number)
    for digest in store.blobs.digests():
        if digest != image.id:
            store.blobs.remove(digest)
    filler.unlink()
    consistent(store)
    snapshot = store.snapshots.prepare(_ID, image)
    assert snapshot.changes() == []
    snapshot.remove()
    store.close()
    again = Store(str(small_disk / "state"))
    assert not again.mended.lost_images
    consistent(again)
    again.close()


@pytest.mark.needs("root", "busybox")
def test_removing_works_on_a_full_disk(small_disk: Path, busybox_tar: Path) -> None:
    store = Store(str(small_disk / "state"))
    image = store.import_image(file_chunks(busybox_tar), "kept")
    snapshot = store.snapshots.prepare(_ID, image)
    _fill(Path(snapshot.place.directory) / "upper" / "filler")
    snapshot.remove()
    os.sync()
    store.images.remove("kept")
    consistent(store)
    store.close()


@pytest.mark.needs("root", "busybox")
def test_killed_at_any_moment(tmp_path: Path, busybox_tar: Path) -> None:
    state = tmp_path / "state"
    store = Store(str(state))
    store.import_image(file_chunks(busybox_tar), "race:1")
    archive = tmp_path / "archive.tar"
    archive.write_bytes(b"".join(store.save(["race:1"])))
    store.images.remove("race:1")
    store.close()
    rubbish = 0
    chance = random.Random(11)
    for _ in range(15):
        process = subprocess.Popen(
            [sys.executable, "-c", _RACE, str(state), str(archive)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        time.sleep(chance.random() * 0.12)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        store = Store(str(state))
        store.snapshots.sweep(())
        rubbish += len(store.mended.rubbish)
        assert store.mended.lost_images == []
        consistent(store)
        store.close()
    assert rubbish, "not one of the kills hit anything half done: the test tests nothing"


@pytest.mark.needs("busybox")
def test_a_layer_that_a_power_cut_may_have_emptied_is_not_trusted(tmp_path: Path, busybox_tar: Path) -> None:
    store = Store(str(tmp_path))
    image = store.import_image(file_chunks(busybox_tar), "lost")
    kept = store.import_image([_big(1000)], "kept")
    store.close()
    marker = Path(store.layers.path(image.layers[0])).parent / "complete"
    assert marker.read_text() == "synced\n"
    marker.write_text("00000000-0000-0000-0000-000000000000\n")
    store = Store(str(tmp_path))
    assert store.mended.lost_images == [image.id]
    assert [found.id for found in store.images.list() if "library/h" not in found.tags[0]] == [kept.id]
    consistent(store)
    store.close()


@pytest.mark.needs("busybox")
def test_what_vanished_or_came_from_nowhere(tmp_path: Path, busybox_tar: Path) -> None:
    store = Store(str(tmp_path))
    image = store.import_image(file_chunks(busybox_tar), "whole")
    other = store.import_image([_big(1000)], "without-configuration")
    store.close()
    (tmp_path / "blobs" / "sha256" / other.id[7:]).unlink()
    (tmp_path / "blobs" / "sha256" / ("0" * 64)).write_text("orphan")
    (tmp_path / "layers" / ("1" * 64) / "fs").mkdir(parents=True)
    (tmp_path / "layers" / ".draft-x").mkdir()
    (tmp_path / "containers" / _ID / "upper").mkdir(parents=True)
    (tmp_path / "blobs" / "partial" / "sha256-x.tmp").write_text("half")
    store = Store(str(tmp_path))
    assert store.mended.lost_images == [other.id]
    assert len(store.mended.rubbish) == 5
    consistent(store)
    assert store.images.resolve("whole").id == image.id
    store.close()
    again = Store(str(tmp_path))
    assert not again.mended
    again.close()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(Unavailable, match="another process has this state directory open"):
        Store(str(tmp_path))
    store.close()
    Store(str(tmp_path)).close()


def _used(mounted: Path) -> int:
    facts = os.statvfs(mounted)
    return (facts.f_blocks - facts.f_bfree) * facts.f_frsize


def _fill(path: Path) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    for size in (1 << 20, 4096, 1):
        try:
            while True:
                os.write(fd, bytes(size))
        except OSError:
            continue
    os.fsync(fd)
    os.close(fd)
