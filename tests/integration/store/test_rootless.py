"""The store without real root: in a user namespace with subordinate ids, and in one with a single id."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[3]
_SINGLE_ID = """
import hashlib, io, json, os, pathlib, sys, tarfile
from tests.contract.store.mounted import run_mounted
from tests.contract.store.test_snapshot_drivers import make_image, member, directory
from wherry.store import Store
from wherry.store.tar import Kind, end_of_archive

archive = (
    directory("home/", uid=1000, gid=1001) + member("home/file", data=b"x", uid=1000, gid=1001, mode=0o4755)
    + member("link", Kind.SYMLINK, linkname=b"home", uid=1000, gid=1001)
    + member("dev", Kind.BLOCK, major=8, minor=1) + member("mine", data=b"y")
    + member("cap", data=b"z", xattrs={b"security.capability": b"\\1\\0\\0\\2\\0\\4" + bytes(14)})
    + end_of_archive()
)
store = Store(sys.argv[1])
image = make_image(store, archive)
result = {"driver": store.driver.driver}
result["same"] = b"".join(store.layers.archive(image.layers[0])) == archive
snapshot = store.snapshots.prepare("a" * 64, image)
run_mounted(snapshot, "open(path('home/file'), 'a').write('more'); open(path('mine'), 'a').write('more')")
result["capability"] = run_mounted(snapshot, "result = 'security.capability' in os.listxattr(path('cap'))")
def owners(chunks):
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as opened:
        return {info.name: [info.uid, info.gid] for info in opened}
result["layer"] = owners(snapshot.layer_archive())
result["export"] = owners(snapshot.export())
store.close()
print(json.dumps(result))
"""


def _in_namespace(*command: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", *options, "--mount", *command],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_with_a_single_id_owners_are_remembered(tmp_path: Path) -> None:
    done = _in_namespace(sys.executable, "-c", _SINGLE_ID, str(tmp_path / "state"))
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["driver"] == "overlay"
    assert result["same"], "the archive comes back with every owner and device"
    assert result["capability"], "file capabilities work in the namespace"
    assert result["layer"] == {"home": [1000, 1001], "home/file": [1000, 1001], "mine": [0, 0]}
    assert result["export"]["home/file"] == [1000, 1001]
    assert result["export"]["home"] == [1000, 1001]


@pytest.mark.needs("subordinate-ids", "ordinary-user")
def test_with_subordinate_ids_everything_is_as_for_root(tmp_path: Path) -> None:
    suites = ["tests/contract/store", "tests/security/store", "tests/integration/store/test_faults.py"]
    pytest_command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = _in_namespace(*pytest_command, "--basetemp", str(tmp_path / "b"), *suites, options=("--map-auto",))
    assert done.returncode == 0, done.stdout
