"""Bind mounts: directories, files, flags, propagation, owners."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.runtime_lab import Laboratory, bind

pytestmark = pytest.mark.needs("busybox")


@pytest.fixture
def shared(lab: Laboratory, tmp_path: Path) -> Iterator[Path]:
    """A directory with a file, a directory and a tmpfs in it, itself a shared mount."""
    lab.shell(
        f"cd {tmp_path}; mkdir tree; mount --bind tree tree; mount --make-shared tree; cd tree; "
        "echo text >file; mkdir below inner; mount -t tmpfs tmpfs below; echo deep >below/deep"
    )
    yield tmp_path / "tree"
    lab.shell(f"umount -R {tmp_path}/tree")


def test_a_directory_with_what_is_mounted_in_it(lab: Laboratory, shared: Path) -> None:
    spec = lab.spec("sh", "-c", "cat /data/file /data/below/deep; echo new >/data/made")
    spec["mounts"].append(bind(shared, "/data", "idmap"))
    outcome = lab.run(spec)
    assert outcome.failure is None, outcome.failure
    assert outcome.out == "text\ndeep\n"
    assert lab.shell(f"cat {shared}/made") == "new\n"


@pytest.mark.needs("root")
def test_a_directory_alone(lab: Laboratory, shared: Path) -> None:
    """Below one from outside, mounts can't be left behind in a user namespace: as root only."""
    spec = lab.spec("ls", "/data/below")
    spec["mounts"].append({**bind(shared, "/data"), "options": ["bind"]})
    assert lab.run(spec).out == ""


def test_a_file_onto_one_that_is_missing(lab: Laboratory, shared: Path) -> None:
    spec = lab.spec("cat", "/some/where/file")
    spec["mounts"].append(bind(shared / "file", "/some/where/file", "ro"))
    assert lab.run(spec).out == "text\n"


def test_flags(lab: Laboratory, shared: Path) -> None:
    script = "touch /data/x; touch /data/below/y && echo deep-writable; grep ' /data ' /proc/mounts"
    spec = lab.spec("sh", "-c", script)
    spec["mounts"].append(bind(shared, "/data", "ro", "nosuid", "nodev", "noexec", "ridmap"))
    outcome = lab.run(spec)
    assert "Read-only file system" in outcome.err
    assert outcome.out.startswith("deep-writable\n")
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(outcome.out.split()[4].split(","))


def test_read_only_all_the_way_down(lab: Laboratory, shared: Path) -> None:
    spec = lab.spec("sh", "-c", "touch /data/x; touch /data/below/y")
    spec["mounts"].append(bind(shared, "/data", "rro", "ridmap"))
    assert lab.run(spec).err.count("Read-only file system") == 2


def _mounts_later(lab: Laboratory, shared: Path, propagation: str, script: str) -> str:
    """What a container prints that waits for a mount made in `shared` after it began."""
    spec = lab.spec("sleep", "1000")
    spec["process"]["capabilities"] = {
        kind: ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"] for kind in ("bounding", "effective", "permitted")
    }
    spec["mounts"].append(bind(shared, "/data", propagation, "ridmap"))
    outcome = lab.run(spec, keep="propagation")
    assert outcome.failure is None, outcome.failure
    try:
        lab.shell(f"mount -t tmpfs tmpfs {shared}/inner && echo late >{shared}/inner/late")
        return lab.exec("propagation", spec, args=["sh", "-c", script]).out
    finally:
        lab.ask("stop", name="propagation")


@pytest.mark.parametrize(
    ("propagation", "seen"),
    [("rprivate", ""), ("private", ""), ("rslave", "late\n"), ("slave", "late\n"), ("rshared", "late\n")],
)
def test_propagation_into_the_container(lab: Laboratory, shared: Path, propagation: str, seen: str) -> None:
    assert _mounts_later(lab, shared, propagation, "cat /data/inner/late 2>/dev/null") == seen


@pytest.mark.parametrize(("propagation", "seen"), [("rslave", "0"), ("rshared", "1")])
def test_propagation_out_of_the_container(lab: Laboratory, shared: Path, propagation: str, seen: str) -> None:
    _mounts_later(lab, shared, propagation, "mount -t tmpfs tmpfs /data/inner")
    count = lab.shell(f"grep -c ' {shared}/inner ' /proc/self/mountinfo || true").strip()
    # One was mounted outside; a shared one from inside comes on top.
    assert int(count) == 1 + int(seen)
    lab.shell(f"while umount {shared}/inner 2>/dev/null; do :; done; true")


@pytest.mark.parametrize("propagation", ["rshared", "rslave"])
def test_propagation_of_what_is_private(lab: Laboratory, tmp_path: Path, propagation: str) -> None:
    lab.shell(f"mount --bind {tmp_path} {tmp_path}; mount --make-private {tmp_path}")
    try:
        spec = lab.spec("true")
        spec["mounts"].append(bind(tmp_path, "/data", propagation))
        assert f"path {tmp_path} is mounted on {tmp_path} but it is not a shared" in lab.run(spec).message
    finally:
        lab.shell(f"umount {tmp_path}")


def test_a_source_that_is_missing(lab: Laboratory, tmp_path: Path) -> None:
    spec = lab.spec("true")
    spec["mounts"].append(bind(tmp_path / "nowhere", "/data"))
    assert lab.run(spec).message == f"opening {tmp_path}/nowhere: no such file or directory"


@pytest.mark.needs("root")
def test_owners_as_they_are_outside(lab: Laboratory, tmp_path: Path) -> None:
    lab.shell(f"touch {tmp_path}/of-root {tmp_path}/of-7; chown 7:8 {tmp_path}/of-7; chmod 700 {tmp_path}")
    spec = lab.spec(
        "sh", "-c", "stat -c '%u %g' /data/of-root /data/of-7; touch /data/new; chown 9 /data/new"
    )
    spec["mounts"].append(bind(tmp_path, "/data", "idmap"))
    outcome = lab.run(spec)
    assert outcome.out.splitlines() == ["0 0", "7 8"]
    assert lab.shell(f"stat -c %u {tmp_path}/new") == "9\n"


@pytest.mark.needs("root")
def test_owners_where_the_file_system_has_no_maps(lab: Laboratory) -> None:
    spec = lab.spec("ls", "/data")
    spec["mounts"].append(bind("/proc/sys/kernel/random", "/data", "idmap", "ro"))
    outcome = lab.run(spec)
    assert outcome.failure is None, outcome.failure
    assert "boot_id" in outcome.out
    assert "/proc/sys/kernel/random shows other owners inside" in outcome.warnings[0]
