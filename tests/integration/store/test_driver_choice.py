"""Which snapshot driver a store takes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from wherry.errors import Unsupported
from wherry.store import Store
from wherry.store.snapshots.choice import Chooser


def test_overlay_where_it_works_and_the_trial_is_made_once(tmp_path: Path) -> None:
    assert Chooser(str(tmp_path)).result() == ("overlay", "")
    assert [path.name for path in tmp_path.iterdir()] == ["driver.json"]
    known = json.loads((tmp_path / "driver.json").read_text())
    (tmp_path / "driver.json").write_text(json.dumps({**known, "choice": ["copy", "from the file"]}))
    assert Chooser(str(tmp_path)).result().reason == "from the file"
    (tmp_path / "driver.json").write_text(json.dumps({**known, "key": ["another kernel"]}))
    assert Chooser(str(tmp_path)).result() == ("overlay", "")


def test_what_is_wanted_is_taken_and_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERRY_STORAGE_DRIVER", "copy")
    store = Store(str(tmp_path))
    assert store.driver.driver == "copy"
    store.close()
    with pytest.raises(Unsupported, match="unknown storage driver 'btrfs'"):
        Chooser(str(tmp_path), "btrfs")


@pytest.mark.needs("root")
def test_copy_on_a_filesystem_that_cannot_be_an_upper_layer(tmp_path: Path) -> None:
    for name in ("lower", "upper", "work", "merged"):
        (tmp_path / name).mkdir()
    options = f"lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper,workdir={tmp_path}/work"
    merged = tmp_path / "merged"
    subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", str(merged)], check=True)
    try:
        store = Store(str(merged / "state"))
        choice = store.driver
        store.close()
    finally:
        subprocess.run(["umount", "-l", str(merged)], check=True)
    assert choice.driver == "copy"
    assert choice.reason.startswith("overlay cannot be used: ")
