"""security.md, "archive traversal": nothing outside the layer's directory is created, read or removed; what
is refused is refused clearly and leaves nothing behind. As real root, and in a user's own namespace."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.security.store.hostile import CASES, Hostile
from wherry.errors import Invalid
from wherry.store import Store
from wherry.store.layers.unpack import Limits
from wherry.store.tar import Kind, TarEntry, end_of_archive, header


def _facts(root: Path) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    for directory, directories, files in os.walk(root):
        for name in [*directories, *files]:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            data = b""
            if os.path.isfile(path) and not os.path.islink(path):
                data = Path(path).read_bytes()
            found[path] = (
                status.st_mode,
                status.st_uid,
                status.st_ino,
                status.st_mtime_ns,
                status.st_nlink,
                data,
            )
    return found


def _unpack(case: Hostile, base: Path) -> None:
    outside = base / "outside"
    outside.mkdir()
    (outside / "victim").write_text("precious")
    (outside / "directory").mkdir()
    store = Store(str(base / "state"))
    try:
        before = _facts(outside)
        data = case.make(str(outside))
        layers = base / "state" / "layers"
        try:
            with store.layers.lease() as lease:
                layer = store.layers.unpack([data], lease)
                refused = False
                again = hashlib.sha256(b"".join(store.layers.archive(layer.diff_id))).hexdigest()
                assert f"sha256:{again}" == layer.diff_id, "a layer gives its archive back"
        except Invalid as error:
            refused = True
            assert "\n" not in error.message
        assert _facts(outside) == before
        assert refused == case.refused
        assert sorted(os.listdir(base)) == ["outside", "state"]
        store.layers.collect()
        store.layers.settle()
        store.layers.close()
        assert os.listdir(layers) == [], "nothing is left behind"
    finally:
        store.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_layer_reaches_nothing(case: Hostile, tmp_path: Path) -> None:
    _unpack(case, tmp_path)


def test_the_same_in_a_user_namespace_with_a_single_id(tmp_path: Path) -> None:
    script = (
        "import sys, tempfile, pathlib\n"
        "from tests.security.store import test_hostile_layers as here\n"
        "for case in here.CASES:\n"
        "    with tempfile.TemporaryDirectory() as base:\n"
        "        try:\n"
        "            here._unpack(case, pathlib.Path(base))\n"
        "        except BaseException as error:\n"
        "            raise SystemExit(f'{case.name}: {error!r}')\n"
    )
    root = Path(__file__).parents[3]
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-c", script]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_attributes_that_steer_overlayfs_are_not_taken(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == "overlay-attributes")
    store = Store(str(tmp_path / "state"))
    try:
        with store.layers.lease() as lease:
            layer = store.layers.unpack([case.make("/x")], lease)
            path = store.layers.path(layer.diff_id) + "/d"
            found = {name: os.getxattr(path, name) for name in os.listxattr(path)}
        assert not [name for name in found if "overlay" in name]
        assert found.get("user.wherry.owner") != b"9:9"
        assert found["user.fine"] == b"yes"
    finally:
        store.close()


@pytest.mark.parametrize(
    ("limits", "message"),
    [(Limits(size=1000), "unpacks to more than"), (Limits(entries=3), "more than 3 entries")],
)
def test_bombs_are_refused_early_and_the_disk_is_given_back(
    limits: Limits, message: str, tmp_path: Path
) -> None:
    taken = 0

    def endless() -> object:
        nonlocal taken
        for number in range(100_000):
            taken += 1
            yield header(TarEntry(b"f%d" % number, Kind.FILE, size=512)) + bytes(512)
        yield end_of_archive()

    store = Store(str(tmp_path / "state"))
    try:
        with pytest.raises(Invalid, match=message), store.layers.lease() as lease:
            store.layers.unpack(endless(), lease, limits=limits)  # type: ignore[arg-type]
        assert taken < 1000
        assert os.listdir(tmp_path / "state" / "layers") == []
    finally:
        store.close()


def test_a_layer_with_another_digest_than_announced_is_refused(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "state"))
    try:
        with pytest.raises(Invalid, match="has the digest"), store.layers.lease() as lease:
            store.layers.unpack([end_of_archive()], lease, expected="sha256:" + "0" * 64)
        assert os.listdir(tmp_path / "state" / "layers") == []
    finally:
        store.close()
