"""What a process in a container can try, class by class of the attacks that worked elsewhere."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from tests.harness.capabilities import have, python
from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest

ROOT = Path(__file__).resolve().parents[2]


def fingerprint() -> dict[str, str]:
    """The interpreter and every file of wherry by their hashes."""
    files = [Path(python()).resolve(), *(ROOT / "src" / "wherry").glob("**/*.py")]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_overwriting_the_runtime_through_its_own_executable(wherry: Command, image: str) -> None:
    """CVE-2019-5736: an entry point `#!/proc/self/exe`, on run and on exec."""
    before = fingerprint()
    script = (
        "printf '#!/proc/self/exe\\n' >/tmp/trap; chmod +x /tmp/trap; /tmp/trap; "
        "for exe in /proc/[0-9]*/exe; do echo overwritten >$exe; done 2>/dev/null; exit 0"
    )
    wherry("run", "-d", "--name", "attacker", image, "sh", "-c", f"{script}; sleep 60")
    wherry("exec", "attacker", "/tmp/trap", code=None)
    wherry("exec", "attacker", "/proc/self/exe", code=None)
    wherry("run", "--rm", "--entrypoint", "/proc/self/exe", image, code=None)
    assert fingerprint() == before


def test_only_the_descriptors_asked_for(wherry: Command, image: str) -> None:
    """CVE-2024-21626, first half. `ls` itself holds the fourth."""
    assert wherry("run", "--rm", image, "ls", "/proc/self/fd").out.split() == ["0", "1", "2", "3"]
    wherry("run", "-d", "--name", "target", image, "sleep", "60")
    assert wherry("exec", "target", "ls", "/proc/self/fd").out.split() == ["0", "1", "2", "3"]


@pytest.mark.parametrize("number", range(3, 12))
def test_working_directory_in_a_leaked_descriptor(engine: EngineUnderTest, image: str, number: int) -> None:
    """CVE-2024-21626, second half: nowhere does such a directory lead out of the root."""
    for path in (f"/proc/self/fd/{number}", f"/proc/self/fd/{number}/../../.."):
        result = engine.wherry("run", "--rm", "-w", path, image, "pwd", code=None)
        outside = engine.wherry("run", "--rm", "-w", path, image, "ls", str(engine.home), code=None)
        assert result.code != 0 or result.line.startswith("/"), result
        assert outside.code != 0


def test_symlinked_mount_targets_stay_inside(wherry: Command, image: str, tmp_path: Path) -> None:
    """CVE-2021-30465 and its kin: a mount's target that is a link, in an image or by another container."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").write_text("bound")
    (tmp_path / "volume").mkdir(mode=0o777)
    (tmp_path / "volume" / "link").symlink_to("/../../../../../../..")
    before = Path("/proc/self/mountinfo").read_text()
    volume, data = f"{tmp_path}/volume:/volume", f"{tmp_path}/data:/volume/link/inside"
    result = wherry("run", "--rm", "-v", volume, "-v", data, image, "cat", "/inside/mine", code=None)
    assert not Path("/inside").exists()
    assert result.code != 0 or result.line == "bound"
    assert Path("/proc/self/mountinfo").read_text() == before


@pytest.mark.parametrize(
    "path",
    [
        "/proc/sysrq-trigger",
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/hostname",
        "/proc/irq/default_smp_affinity",
        "/sys/kernel/uevent_helper",
    ],
)
def test_kernel_settings_are_read_only(wherry: Command, image: str, path: str) -> None:
    """CVE-2025-31133, -52565, -52881: nothing in /proc or /sys that reaches the machine can be written."""
    wherry("run", "--rm", image, "sh", "-c", f"echo x >{path}", code=None)
    result = wherry(
        "run", "--rm", image, "sh", "-c", f"echo x 2>/dev/null >{path} && echo WRITTEN", code=None
    )
    assert "WRITTEN" not in result.out


@pytest.mark.parametrize("path", ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"])
def test_masked_paths_show_nothing(wherry: Command, image: str, path: str) -> None:
    script = f"[ -e {path} ] || exit 0; if [ -d {path} ]; then ls {path}; else head -c 64 {path}; fi"
    assert wherry("run", "--rm", image, "sh", "-c", script, code=None).out == ""


def test_a_null_device_that_is_no_null_device(wherry: Command, image: str, tmp_path: Path) -> None:
    """CVE-2025-31133: the masks are laid with the real /dev/null, whatever stands there in the image."""
    script = "rm -f /dev/null; ln -s /etc/passwd /dev/null; exit 0"
    wherry("run", "--name", "linked", image, "sh", "-c", script)
    wherry("commit", "linked", "linked-null")
    result = wherry("run", "--rm", "linked-null", "sh", "-c", "head -c 64 /proc/kcore; ls -l /dev/null")
    assert result.out.startswith("crw-rw-rw-"), result.out
    wherry("rmi", "linked-null", code=None)


def test_root_inside_is_nobody_outside(wherry: Command, image: str) -> None:
    first = int(wherry("run", "--rm", image, "cat", "/proc/self/uid_map").out.split()[1])
    assert first != 0 or not have("root")


def test_mounting_a_cgroup_tree_is_denied(wherry: Command, image: str) -> None:
    """CVE-2022-0492: release_agent, with and without a user namespace of the attacker's own."""
    for kind in ("cgroup -o rdma", "cgroup -o memory", "cgroup2"):
        mount = f"mount -t {kind} none /tmp"
        wherry("run", "--rm", image, "sh", "-c", f"{mount} && echo MOUNTED", code=None)
        for prefix in ("", "unshare -UrCm "):
            script = f"{prefix}sh -c '{mount} && echo MOUNTED' 2>/dev/null"
            assert "MOUNTED" not in wherry("run", "--rm", image, "sh", "-c", script, code=None).out


def test_the_cgroup_tree_is_read_only(wherry: Command, image: str) -> None:
    script = (
        "for d in /sys/fs/cgroup /sys/fs/cgroup/*/; do mkdir $d/x 2>/dev/null && echo MADE $d; done; exit 0"
    )
    assert "MADE" not in wherry("run", "--rm", image, "sh", "-c", script).out


@pytest.mark.parametrize("name", ["passwd", "group"])
def test_account_files_that_are_no_files(wherry: Command, image: str, name: str) -> None:
    """CVE-2024-9676: /etc/passwd as a link to an endless device, a FIFO, a link to a file of the machine."""
    for number, make in enumerate(("ln -s /dev/zero", "mkfifo", "ln -s ../../../../../../etc/shadow")):
        container = f"odd-{name}-{number}"
        wherry("run", "--name", container, image, "sh", "-c", f"rm -f /etc/{name}; {make} /etc/{name}")
        wherry("commit", container, f"odd-{name}:{number}")
        user = "someone" if name == "passwd" else "0:somegroup"
        result = wherry("run", "--rm", "-u", user, f"odd-{name}:{number}", "true", code=None, timeout=20)
        assert result.code in (125, 126), result
        assert wherry("run", "--rm", "-u", "0", f"odd-{name}:{number}", "echo", "up", timeout=20).line == "up"
        wherry("rmi", f"odd-{name}:{number}", code=None)


def test_an_account_file_of_a_gigabyte(wherry: Command, image: str) -> None:
    script = "dd if=/dev/zero of=/etc/passwd bs=1M seek=1024 count=0 2>/dev/null; exit 0"
    wherry("run", "--name", "fat", image, "sh", "-c", script)
    wherry("start", "fat", timeout=20)
    wherry("commit", "fat", "fat-passwd")
    assert wherry("run", "--rm", "-u", "someone", "fat-passwd", "true", code=None, timeout=20).code in (
        125,
        126,
    )
    wherry("rmi", "fat-passwd", code=None)


@pytest.mark.parametrize(
    "call", ["kexec_load", "init_module", "bpf", "keyctl", "userfaultfd", "ptrace-parent"]
)
def test_calls_that_the_filter_blocks(wherry: Command, call: str) -> None:
    numbers = {"kexec_load": 246, "init_module": 175, "bpf": 321, "keyctl": 250, "userfaultfd": 323}
    if call not in numbers or os.uname().machine != "x86_64":
        code = "import os, ctypes; c = ctypes.CDLL(None, use_errno=True); print(c.ptrace(16, 1, 0, 0))"
    else:
        code = (
            "import ctypes; c = ctypes.CDLL(None, use_errno=True); "
            f"print(c.syscall({numbers[call]}, 0, 0, 0, 0, 0) and -1)"
        )
    assert wherry("run", "--rm", "host", "python3", "-c", code).line == "-1"


def test_no_device_but_the_standard_ones(wherry: Command, image: str) -> None:
    nodes = wherry(
        "run", "--rm", image, "sh", "-c", "find /dev -type b; mknod /tmp/sda b 8 0; cat /tmp/sda", code=None
    )
    assert "/dev/" not in nodes.out
    assert nodes.code != 0


def test_the_machines_secrets_are_not_in_the_host_image(wherry: Command) -> None:
    for path in ("/etc/shadow", "/etc/ssh", "/root/.ssh", "/home", "/var/lib", "/var/log"):
        script = f"[ ! -e {path} ] || [ ! -r {path} ] || ls -A {path} 2>/dev/null | head -n 1; exit 0"
        found = wherry("run", "--rm", "host", "sh", "-c", script).out
        assert "root:" not in found, path
    real = subprocess.run(["ls", "-A", "/home"], capture_output=True, text=True, check=True).stdout.split()
    assert not set(real) & set(wherry("run", "--rm", "host", "ls", "-A", "/home").out.split())


def test_fork_bomb_leaves_the_engine_answering(wherry: Command, image: str) -> None:
    wherry("run", "-d", "--name", "neighbour", image, "sleep", "60")
    bomb = "bomb() { bomb | bomb & }; bomb; sleep 5"
    result = wherry("run", "-d", "--name", "bomb", "--pids-limit", "64", image, "sh", "-c", bomb)
    assert "limit" not in result.err.lower() or not have("root"), result.err
    if result.err:
        wherry("rm", "-f", "bomb")
        return
    assert wherry("exec", "neighbour", "echo", "alive", timeout=20).line == "alive"
    wherry("rm", "-f", "bomb", timeout=20)


def test_memory_hog_is_killed_and_told(wherry: Command, image: str) -> None:
    hog = "x=x; while true; do x=$x$x; done"
    if "memory" in wherry("run", "--rm", "--memory", "32m", image, "true").err.lower():
        assert not have("root")
        return  # the machine gives an ordinary user no memory limit, and says so
    result = wherry("run", "--name", "hog", "--memory", "32m", image, "sh", "-c", hog, code=None, timeout=60)
    assert result.code in (137, 2), result  # 2: the shell itself gave up
    if result.code == 137:
        assert wherry("inspect", "--format", "{{.State.OOMKilled}}", "hog").line == "true"


def test_log_flood_is_capped(engine: EngineUnderTest, image: str) -> None:
    flood = "head -c 40000000 /dev/zero | tr '\\0' x | fold -w 100"
    options = ["--log-opt", "max-size=1m", "--log-opt", "max-file=2"]
    container = engine.wherry("run", "-d", *options, image, "sh", "-c", flood).line
    engine.wherry("wait", container)
    folder = engine.home / "state" / "containers" / container
    size = sum(file.stat().st_size for file in folder.glob("container.log*"))
    assert 0 < size < 4 << 20
