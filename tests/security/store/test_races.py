"""A container that changes its files while they are read gets nothing of the machine (CVE-2018-15664)."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from tests.contract.store.test_snapshot_drivers import directory, make_image, member
from wherry.store import Store
from wherry.store.tar import end_of_archive

_SWAP = """
import os, sys
os.chdir(sys.argv[1])
while True:
    os.rename("d", "aside"); os.symlink(sys.argv[2], "d")
    os.unlink("d"); os.rename("aside", "d")
"""


@pytest.mark.parametrize("read", ["export", "layer_archive", "changes"])
def test_directories_swapped_for_links(read: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    for number in range(30):
        (outside / f"secret{number}").write_text("secret")
    store = Store(str(tmp_path / "state"))
    image = make_image(store, directory("d") + member("d/below", data=b"x") + end_of_archive())
    snapshot = store.snapshots.prepare("a" * 64, image)
    upper = Path(snapshot.place.directory) / "upper"
    (upper / "d").mkdir()
    for number in range(30):
        (upper / "d" / f"mine{number}").write_text("fine")
    swapper = subprocess.Popen([sys.executable, "-c", _SWAP, str(upper), str(outside)])
    try:
        deadline = time.monotonic() + 1.5
        rounds = 0
        while time.monotonic() < deadline:
            rounds += 1
            if read == "changes":
                assert not [change for change in snapshot.changes() if "secret" in change.path]
                continue
            data = b"".join(getattr(snapshot, read)())
            assert b"secret\0" not in data
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                assert not [name for name in archive.getnames() if "secret" in name and "outside" not in name]
        assert rounds > 3
    finally:
        swapper.kill()
        swapper.wait()
    store.close()
    assert sorted(os.listdir(outside))[0] == "secret0"


def test_a_fifo_in_place_of_a_file_does_not_block(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "state"))
    snapshot = store.snapshots.prepare("a" * 64, make_image(store))
    upper = Path(snapshot.place.directory) / "upper"
    os.mkfifo(upper / "fifo")
    (upper / "file").write_text("x")
    names = []
    for chunk in snapshot.export():
        names.append(chunk)
        if (upper / "file").is_file():
            (upper / "file").unlink()
            os.mkfifo(upper / "file")
    assert b"file" not in b"".join(names).replace(b"fifo", b"")
    store.close()


def test_a_tree_of_any_depth_is_removed(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "state"))
    snapshot = store.snapshots.prepare("a" * 64, make_image(store))
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import os\nfor _ in range(3000): os.mkdir('x'); os.chdir('x')\nopen('f', 'w')",
        ],
        cwd=Path(snapshot.place.directory) / "upper",
        check=True,
    )
    assert snapshot.usage() > 0
    snapshot.remove()
    assert os.listdir(tmp_path / "state" / "containers") == []
    store.close()
