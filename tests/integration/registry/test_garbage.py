"""Disk space: what `system df` says is what du measures; nothing is left behind, nothing in use goes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.docker_registry import docker_registry
from tests.harness.engine import EngineUnderTest

pytestmark = pytest.mark.needs("docker-registry", "busybox")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with docker_registry(tmp_path_factory.mktemp("plain")) as address:
        yield address


def archive(path: Path, seed: int, size: int, files: int = 1) -> Path:
    """A root filesystem of `files` files with `size` bytes in all that don't compress."""
    with tarfile.open(path, "w") as tar:
        for number in range(files):
            member = tarfile.TarInfo(f"file-{seed}-{number}")
            member.size = size // files
            tar.addfile(member, io.BytesIO(os.urandom(member.size)))
    return path


def du(path: Path) -> int:
    done = subprocess.run(["du", "-s", "-B1", str(path)], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0])


def layers(engine: EngineUnderTest) -> list[Path]:
    """The directories of layers, once those on their way out are gone."""
    folder = engine.home / "state" / "layers"
    deadline = time.monotonic() + 60
    while any(one.name.startswith(".trash-") for one in folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return list(folder.iterdir())


def df(engine: EngineUnderTest) -> dict[str, object]:
    status, found = engine.api("GET", "/system/df")
    assert status == 200, found
    return dict(found)


def test_df_is_what_du_measures(own_engine: EngineUnderTest, tmp_path: Path) -> None:
    engine, wherry = own_engine, own_engine.wherry
    wherry("import", str(archive(tmp_path / "a.tar", 1, 3_000_000, 50)), "a:1")
    wherry("create", "--name", "cc", "a:1", "x")
    wherry("commit", "--change", "ENV a=b", "cc", "b:1")  # shares a's layer
    subprocess.run(["sync"], check=True)
    found = df(engine)
    measured = {one.name: du(one) for one in layers(engine)}
    assert found["LayersSize"] == sum(measured.values())
    images = {one["RepoTags"][0]: one for one in found["Images"]}  # type: ignore[attr-defined]
    one, other = images["a:1"], images["b:1"]
    hex_ids = json.loads(wherry("image", "inspect", "a:1").out)[0]["RootFS"]["Layers"]
    whole = sum(measured[diff_id.partition(":")[2]] for diff_id in hex_ids)
    assert one["Size"] == one["SharedSize"] == other["SharedSize"] == whole
    assert other["Size"] >= whole
    unique = sum(image["Size"] - image["SharedSize"] for image in images.values())
    assert unique + whole == found["LayersSize"]
    shown = wherry("system", "df", "-v").out
    assert "SHARED SIZE" in shown and "UNIQUE SIZE" in shown
    total = wherry("system", "df", "--format", "{{.Type}}={{.TotalCount}}").out
    assert "Images=" in total


def test_prune_gives_back_what_it_says(own_engine: EngineUnderTest, tmp_path: Path) -> None:
    engine, wherry = own_engine, own_engine.wherry
    wherry("import", str(archive(tmp_path / "a.tar", 1, 4_000_000)), "a:1")
    wherry("import", str(archive(tmp_path / "b.tar", 2, 1_000_000)), "a:1")  # the first is dangling now
    wherry("images")  # makes the built-in ones
    subprocess.run(["sync"], check=True)
    before = sum(du(one) for one in layers(engine))
    status, said = engine.api("POST", "/images/prune")
    assert status == 200
    after = sum(du(one) for one in layers(engine))
    assert said["SpaceReclaimed"] == before - after > 4_000_000
    wherry("create", "--name", "cc", "a:1", "x")
    assert "Total reclaimed space: 0B" in wherry("image", "prune", "-f").out
    wherry("image", "prune", "-af")
    assert wherry("images", "-q", "a:1").line  # a container has it
    wherry("rm", "cc")
    out = wherry("system", "prune", "-af").out
    layers(engine)
    assert "untagged: a:1" in out and "Total reclaimed space: 0B" not in out
    assert not wherry("images", "-q", "a:1").line


def test_prune_while_pulling_takes_nothing_away(
    own_engine: EngineUnderTest, plain: str, tmp_path: Path
) -> None:
    engine, wherry = own_engine, own_engine.wherry
    name = f"{plain}/busy/x:1"
    wherry("import", str(archive(tmp_path / "a.tar", 3, 30_000_000, 300)), name)
    wherry("push", name)
    wherry("rmi", name)
    done = threading.Event()

    def prune() -> None:
        while not done.is_set():
            status, said = engine.api("POST", "/images/prune")
            assert status == 200, said

    thread = threading.Thread(target=prune)
    thread.start()
    try:
        for _ in range(3):
            wherry("pull", name)
            wherry("run", "--rm", "--network", "none", "busybox", "true")
            assert len(wherry.raw("save", name).stdout) > 30_000_000  # digests are checked on the way
            wherry("rmi", name)
    finally:
        done.set()
        thread.join()
    layers(engine)  # waits for what is on its way out


@pytest.mark.parametrize("how", ["client gone", "engine killed"])
def test_an_interrupted_pull_leaves_nothing_but_what_the_next_goes_on_from(
    own_engine: EngineUnderTest, plain: str, tmp_path: Path, how: str
) -> None:
    engine, wherry = own_engine, own_engine.wherry
    name = f"{plain}/cut/x:{how.replace(' ', '-')}"
    wherry("import", str(archive(tmp_path / "a.tar", 4, 60_000_000, 3000)), name)
    wherry("push", name)
    wherry("rmi", name)
    wherry("images")  # makes the built-in ones
    before = set(layers(engine))
    client = wherry.popen("pull", name)
    deadline = time.monotonic() + 60
    while not set(layers(engine)) - before and time.monotonic() < deadline:
        time.sleep(0.005)
    assert set(layers(engine)) - before
    if how == "engine killed":
        engine.kill()
        client.communicate()
        assert client.returncode != 0
        engine.start()
    else:
        client.send_signal(signal.SIGINT)
        client.communicate()
        deadline = time.monotonic() + 60
        while set(layers(engine)) - before and time.monotonic() < deadline:
            time.sleep(0.02)
    assert set(layers(engine)) == before
    partial = engine.home / "state" / "blobs" / "partial"
    kept = sum(path.stat().st_blocks * 512 for path in partial.iterdir())
    _, usage = engine.api("GET", "/system/df?type=image")
    assert usage["LayersSize"] >= kept
    _, pruned = engine.api("POST", "/images/prune")
    assert pruned["SpaceReclaimed"] >= kept
    assert not list(partial.iterdir())
    assert not wherry("images", "-q", name).line
    wherry("pull", name)
    wherry("rmi", name)
    assert set(layers(engine)) == before
