"""Ways out of a container that worked elsewhere, tried on the runtime itself."""

from __future__ import annotations

import encodings
import os
from pathlib import Path

import pytest

from tests.harness.runtime_lab import Laboratory, bind, mount

pytestmark = pytest.mark.needs("busybox")


@pytest.mark.parametrize("own_user", [True, False])
def test_only_the_descriptors_asked_for(lab: Laboratory, own_user: bool) -> None:
    """CVE-2024-21626, first half: what `ls` itself opens is the fourth."""
    spec = lab.spec("ls", "/proc/self/fd", own_user=own_user)
    assert lab.run(spec).out.split() == ["0", "1", "2", "3"]
    spec["process"]["args"] = ["sleep", "1000"]
    lab.run(spec, keep="descriptors")
    try:
        assert lab.exec("descriptors", spec, args=["ls", "/proc/self/fd"]).out.split() == ["0", "1", "2", "3"]
        assert lab.exec("descriptors", spec, args=["ls", "/proc/1/fd"]).out.split() == ["0", "1", "2"]
    finally:
        lab.ask("stop", name="descriptors")


@pytest.mark.parametrize("own_user", [True, False])
def test_working_directories_by_descriptor(lab: Laboratory, own_user: bool) -> None:
    """CVE-2024-21626, second half."""
    for number in range(3, 16):
        spec = lab.spec("sh", "-c", "pwd; ls", own_user=own_user)
        spec["process"]["cwd"] = f"/proc/self/fd/{number}"
        outcome = lab.run(spec)
        assert outcome.failure is not None, (number, outcome.out)
        spec["process"]["cwd"] = f"/proc/self/fd/{number}/../../../../.."
        outcome = lab.run(spec)
        if outcome.failure is None:
            assert outcome.out.split()[0] == "/"
            assert "lost+found" not in outcome.out


def test_a_working_directory_that_becomes_a_link(lab: Laboratory) -> None:
    """A link in the image to a descriptor of the runtime's."""
    rootfs = lab.rootfs()
    lab.shell(f"ln -s /proc/self/fd/7/.. {rootfs['mounts'][0]['upper']}/work")
    spec = lab.spec("pwd")
    spec["process"]["cwd"] = "/work"
    outcome = lab.run(spec, rootfs)
    assert outcome.failure is not None or outcome.out.startswith("/")


@pytest.mark.parametrize("target", ["/etc", "/../../../etc", "/proc/self/cwd", "/proc/1/root/etc"])
def test_mount_targets_through_links(lab: Laboratory, tmp_path: Path, target: str) -> None:
    """CVE-2021-30465, -2025-31133 and kin: a link in the image as the target of a mount stays inside."""
    rootfs = lab.rootfs()
    upper = rootfs["mounts"][0]["upper"]
    lab.shell(f"ln -s {target} {upper}/link; echo marked >{tmp_path}/marker; chmod 755 {tmp_path}")
    spec = lab.spec("sh", "-c", "cat /etc/marker /marker 2>/dev/null")
    spec["mounts"].append(bind(tmp_path, "/link", "idmap"))
    before = sorted(os.listdir("/etc"))
    outcome = lab.run(spec, rootfs)
    assert outcome.failure is not None or outcome.out in ("", "marked\n")
    assert sorted(os.listdir("/etc")) == before
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


def test_links_that_are_swapped_while_mounting(lab: Laboratory, tmp_path: Path) -> None:
    """A process that swaps a directory and a link to / while a container with a mount there starts."""
    volume = tmp_path / "volume"
    lab.shell(
        f"mkdir -p {volume}/real {tmp_path}/data; ln -s / {volume}/link; echo mine >{tmp_path}/data/proof; "
        f"chmod -R a+rwx {tmp_path}"
    )
    swapper = lab.spec(
        "sh",
        "-c",
        "cd /v; while :; do mv real t; mv link real; mv t link; mv real t; mv link real; mv t link; done",
    )
    swapper["mounts"].append(bind(volume, "/v", "idmap"))
    lab.run(swapper, keep="swapper")
    before = Path("/proc/self/mountinfo").read_text().count("\n")
    try:
        for _attempt in range(25):
            spec = lab.spec("sh", "-c", "cat /v/real/proof /v/link/proof /proof 2>/dev/null; ls / | head -50")
            spec["mounts"] += [bind(volume, "/v", "idmap"), bind(tmp_path / "data", "/v/real", "idmap")]
            outcome = lab.run(spec)
            if outcome.failure is None:
                assert "lost+found" not in outcome.out
                assert "vmlinuz" not in outcome.out
        assert not (Path("/") / "proof").exists()
        assert abs(Path("/proc/self/mountinfo").read_text().count("\n") - before) < 3
    finally:
        lab.ask("stop", name="swapper")


@pytest.mark.parametrize(
    "covering",
    [
        mount("/proc/sys", "tmpfs", "tmpfs"),
        mount("/proc/self/attr", "tmpfs", "tmpfs"),
        mount("/", "tmpfs", "t"),
    ],
)
def test_mounts_that_would_fake_proc(lab: Laboratory, covering: dict[str, object]) -> None:
    """CVE-2019-16884, -2019-19921, -2025-52881: nothing covers what writes to /proc are to reach."""
    spec = lab.spec("true")
    spec["mounts"].append(covering)
    assert lab.run(spec).failure is not None


def test_sysctls_go_to_the_real_proc(lab: Laboratory, tmp_path: Path) -> None:
    """Even where the image has a directory /proc full of links."""
    rootfs = lab.rootfs()
    upper = rootfs["mounts"][0]["upper"]
    (tmp_path / "victim").write_text("untouched")
    lab.shell(f"mkdir -p {upper}/proc/sys/kernel; ln -s {tmp_path}/victim {upper}/proc/sys/kernel/msgmax")
    spec = lab.spec("cat", "/proc/sys/kernel/msgmax")
    spec["linux"]["sysctl"] = {"kernel.msgmax": "5000"}
    assert lab.run(spec, rootfs).out == "5000\n"
    assert (tmp_path / "victim").read_text() == "untouched"
    spec["linux"]["sysctl"] = {"kernel/../../self/oom_score_adj": "5000", "../self/comm": "x"}
    assert lab.run(spec).failure is not None


def test_masked_files_are_covered_by_the_real_null_device(lab: Laboratory) -> None:
    """CVE-2025-31133: /dev/null as a link in the image or in a mounted /dev."""
    rootfs = lab.rootfs()
    lab.shell(f"cd {rootfs['mounts'][0]['upper']}; mkdir -p dev; ln -s /etc/passwd dev/null")
    spec = lab.spec("sh", "-c", "stat -c %t,%T /proc/timer_list /dev/null; cat /proc/timer_list")
    spec["mounts"] = [entry for entry in spec["mounts"] if not entry["destination"].startswith("/dev")]
    outcome = lab.run(spec, rootfs)
    assert outcome.failure is None, outcome.failure
    assert outcome.out.splitlines()[0] == "1,3"
    assert "root" not in outcome.out


@pytest.mark.parametrize("own_user", [True, False])
def test_the_machines_null_device_over_masked_files_can_not_be_changed(
    lab: Laboratory, own_user: bool
) -> None:
    """Its own mode and owner are set: where that succeeds, others could have been."""
    script = "chmod 666 $1 && echo changed; chown 0:0 $1 && echo changed; echo x >$1 && echo ok"
    spec = lab.spec("sh", "-c", script, "sh", "/proc/timer_list", own_user=own_user)
    assert lab.run(spec).out.split() == ["ok"]


def test_cgroups_can_not_be_mounted(lab: Laboratory) -> None:
    """CVE-2022-0492: no release_agent for a container, with its default capabilities."""
    outcome = lab.run(
        "mkdir /m; for kind in memory rdma cpu; do mount -t cgroup -o $kind cgroup /m && echo mounted; done; "
        "mount -t cgroup2 c /m && echo mounted; find /sys/fs/cgroup -name release_agent -writable; "
        "mkdir /sys/fs/cgroup/memory/x /sys/fs/cgroup/x && echo made"
    )
    assert outcome.out == ""


def test_cgroups_of_the_machine_with_all_capabilities(lab: Laboratory) -> None:
    """The same with CAP_SYS_ADMIN inside: the agent belongs to the initial user namespace."""
    spec = lab.spec(
        "sh", "-c", "mkdir /m; mount -t cgroup -o memory cgroup /m; echo /evil >/m/release_agent && echo set"
    )
    spec["process"]["capabilities"] = {
        kind: ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"] for kind in ("bounding", "effective", "permitted")
    }
    assert "set" not in lab.run(spec).out


def test_processes_of_the_host_are_out_of_sight(lab: Laboratory) -> None:
    outcome = lab.run(
        "ls -d /proc/[0-9]* | wc -l; cat /proc/1/environ | tr '\\0' '\\n' | head -3; kill -0 2 2>&1"
    )
    assert int(outcome.out.split()[0]) <= 5


def test_the_launchers_memory_can_not_be_read(lab: Laboratory) -> None:
    """CVE-2016-9962: a process being started by exec is not dumpable, and has nothing of the host open."""
    spec = lab.spec(
        "sh", "-c", "while :; do for d in /proc/[0-9]*; do cat $d/environ; ls $d/fd; done; done 2>/dev/null"
    )
    spec["process"]["capabilities"] = {
        kind: ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"] for kind in ("bounding", "effective", "permitted")
    }
    lab.run(spec, keep="watcher")
    try:
        probe = (
            "i=0; while [ $i -lt 60 ]; do for d in /proc/[0-9]*; do "
            "tr '\\0' '\\n' <$d/environ | grep PYTHONPATH; done; i=$((i+1)); done 2>/dev/null"
        )
        outcome = lab.exec("watcher", spec, args=["sh", "-c", probe])
        assert "PYTHONPATH" not in outcome.out
    finally:
        lab.ask("stop", name="watcher")


def test_nothing_is_imported_from_the_container(lab: Laboratory) -> None:
    """CVE-2019-14271: a hostile module where the interpreter would look for one."""
    rootfs = lab.rootfs()
    upper = rootfs["mounts"][0]["upper"]
    place = os.path.dirname(os.path.dirname(encodings.__file__))
    evil = "import os; os.system('touch /imported')"
    lab.shell(
        f"mkdir -p {upper}{place}/encodings; for name in idna encodings/idna traceback linecache; "
        f'do echo "{evil}" >{upper}{place}/$name.py; done'
    )
    for args in (["nonsense"], ["/etc"], ["test", "-e", "/imported"]):
        outcome = lab.run(lab.spec(*args), rootfs)
        assert outcome.code != 0
    assert not os.path.exists(f"{upper}/imported")


def test_a_procfs_that_is_denied_is_explained(lab: Laboratory) -> None:
    """Inside a container that hides parts of /proc a new procfs is refused, which is said."""
    hide = "mount -t tmpfs tmpfs /proc/sys/kernel 2>/dev/null || true"
    before = lab.shell("cat /proc/self/mountinfo | wc -l")
    lab.shell(f"{hide}")
    try:
        if lab.shell("cat /proc/self/mountinfo | wc -l") == before:
            pytest.skip("needs root of a mount namespace")
        outcome = lab.run(lab.spec("true"))
        assert outcome.message == "mounting /proc: operation not permitted"
        assert outcome.failure is not None
        assert "partly hidden" in outcome.failure["hint"]
    finally:
        lab.shell("umount /proc/sys/kernel 2>/dev/null || true")
