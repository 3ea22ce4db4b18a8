"""The default seccomp filter on real calls: what it must refuse, however asked, and what must go on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.filtered import answers, execute

pytestmark = pytest.mark.needs("x86-64")

_NOWHERE = 8  # no mapped address

# name → number on x86-64, arguments that do nothing if the call gets through
DANGEROUS: dict[str, tuple[int, ...]] = {
    "acct": (163, _NOWHERE),
    "add_key": (248, _NOWHERE, _NOWHERE, 0, 0, 0),
    "bpf": (321, 0xFFFF, 0, 0),
    "clock_settime": (227, 0, _NOWHERE),
    "delete_module": (176, _NOWHERE, 0),
    "fanotify_init": (300, 0xFFFFFFFF, 0),
    "finit_module": (313, 0xFFFFFFFF, _NOWHERE, 0),
    "fsconfig": (431, 0xFFFFFFFF, 0, 0, 0, 0),
    "fsmount": (432, 0xFFFFFFFF, 0, 0),
    "fsopen": (430, _NOWHERE, 0),
    "fspick": (433, 0xFFFFFFFF, _NOWHERE, 0),
    "init_module": (175, _NOWHERE, 0, _NOWHERE),
    "io_uring_enter": (426, 0xFFFFFFFF, 0, 0, 0, 0),
    "io_uring_register": (427, 0xFFFFFFFF, 0, 0, 0),
    "io_uring_setup": (425, 0, _NOWHERE),
    "ioperm": (173, 0xFFFFFFFF, 1, 1),
    "iopl": (172, 7),
    "kcmp": (312, 0, 0, 99, 0, 0),
    "kexec_file_load": (320, 0xFFFFFFFF, 0xFFFFFFFF, 0, 0, 0xFF),
    "kexec_load": (246, 0, 99, 0, 0xFFFF),
    "keyctl": (250, 0xFFFF, 0, 0, 0, 0),
    "lookup_dcookie": (212, 0, 0, 0),
    "mbind": (237, 0, 0, 99, 0, 0, 0),
    "mount": (165, _NOWHERE, _NOWHERE, _NOWHERE, 0, 0),
    "mount_setattr": (442, 0xFFFFFFFF, _NOWHERE, 0, 0, 0),
    "move_mount": (429, 0xFFFFFFFF, _NOWHERE, 0xFFFFFFFF, _NOWHERE, 0),
    "move_pages": (279, 0, 0, 0, 0, 0, 0xFF),
    "open_by_handle_at": (304, 0xFFFFFFFF, _NOWHERE, 0),
    "open_tree": (428, 0xFFFFFFFF, _NOWHERE, 0),
    "perf_event_open": (298, _NOWHERE, 0, 0, 0, 0),
    "pidfd_getfd": (438, 0xFFFFFFFF, 0, 0),
    "pivot_root": (155, _NOWHERE, _NOWHERE),
    "process_madvise": (440, 0xFFFFFFFF, 0, 0, 0, 0),
    "quotactl": (179, 0xFFFFFFFF, _NOWHERE, 0, 0),
    "reboot": (169, 1, 2, 3, 0),
    "request_key": (249, _NOWHERE, _NOWHERE, 0, 0),
    "setdomainname": (171, _NOWHERE, 99),
    "sethostname": (170, _NOWHERE, 99),
    "setns": (308, 0xFFFFFFFF, 0),
    "settimeofday": (164, _NOWHERE, 0),
    "swapoff": (168, _NOWHERE),
    "swapon": (167, _NOWHERE, 0),
    "sysfs": (139, 99, 0, 0),
    "syslog": (103, 99, 0, 0),
    "umount2": (166, _NOWHERE, 0),
    "unshare a mount namespace": (272, 0x20000),
    "unshare a user namespace": (272, 0x10000000),
    "uselib": (134, _NOWHERE),
    "userfaultfd": (323, 0xFFFF),
    "ustat": (136, 99, _NOWHERE),
    # arguments that make a call another one
    "clone into a new user namespace": (56, 0x10000000 | 17, 0, 0, 0, 0),
    "clone into a new mount namespace, high bits set": (56, 1 << 40 | 0x20000 | 17, 0, 0, 0, 0),
    "personality without address randomization": (135, 0x40000),
    "personality, high bits set": (135, 1 << 32),
    "AF_VSOCK": (41, 40, 1, 0),
    "AF_VSOCK, high bits set": (41, 1 << 32 | 40, 1, 0),
    "AF_ALG": (41, 38, 5, 0),
    "AF_ALG, high bits set": (41, 1 << 63 | 38, 5, 0),
}


@pytest.fixture(scope="module")
def refused() -> Any:
    return answers(f"answer = {{name: call(*call_) for name, call_ in {DANGEROUS!r}.items()}}")


@pytest.mark.parametrize("name", sorted(DANGEROUS))
def test_refused(refused: dict[str, Any], name: str) -> None:
    assert refused[name] == "EPERM"


def test_the_list_means_something() -> None:
    """Most of them get further without the filter, so it is the filter that refuses."""
    harmless = {
        name: call for name, call in DANGEROUS.items() if "namespace" not in name and name != "reboot"
    }
    free = answers(f"answer = {{name: call(*call_) for name, call_ in {harmless!r}.items()}}", confined=False)
    assert sum(answer != "EPERM" for answer in free.values()) > len(harmless) / 2


def test_clone3_and_calls_of_newer_kernels_look_missing() -> None:
    assert answers("answer = [call(435, 8, 0), call(499), call(700)]") == ["ENOSYS"] * 3


def test_the_same_calls_by_way_of_32_bits() -> None:
    """int 0x80 makes i386 calls in a 64-bit program: mount, unshare, setns, keyctl, bpf, socket(AF_VSOCK)."""
    code = """
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
# push rbx; mov eax, edi; mov ebx, esi; mov ecx, edx; xor edx, edx; int 0x80; pop rbx; ret
page.write(bytes.fromhex("5389f889f389d131d2cd805bc3"))
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
old = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int)(address)
answer = [old(20, 0, 0) == os.getpid(), *[old(number, 40, 1) for number in (21, 310, 346, 288, 357, 359)]]
"""
    assert answers(code) == [True, *[-1] * 6]


def test_the_same_calls_by_way_of_x32() -> None:
    assert (
        answers("answer = [call(0x40000000 | number, 0x20000) for number in (165, 272, 308)]")
        == ["EPERM"] * 3
    )


def test_a_capability_brings_its_calls_back() -> None:
    code = "answer = [call(165, 8, 8, 8, 0, 0), call(272, 0), call(169, 1, 2, 3, 0)]"
    assert answers(code, capabilities=["CAP_SYS_ADMIN"])[:2] in (["EFAULT", 0], ["EPERM", 0])
    assert answers(code, capabilities=["CAP_SYS_ADMIN"])[2] == "EPERM"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["sh", "-c", "echo one; (exit 3); echo $?"], "one\n3\n"),
        (["bash", "-c", "ls / | head -n 1 >/dev/null && echo fine"], "fine\n"),
        (["setarch", "x86_64", "echo", "fine"], "fine\n"),
        (["apt-get", "--version"], "apt "),
    ],
)
def test_everyday_programs_work(command: list[str], expected: str) -> None:
    done = execute(*command)
    assert (done.returncode, done.stderr) == (0, "")
    assert expected in done.stdout


def test_everyday_python_works() -> None:
    code = """
import multiprocessing, select, signal, socket, subprocess, tempfile, threading
thread = threading.Thread(target=lambda: None); thread.start(); thread.join()
here, there = socket.socketpair()
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK, socket.AF_PACKET):
    try: socket.socket(family, socket.SOCK_RAW if family in (16, 17) else socket.SOCK_STREAM).close()
    except PermissionError: assert os.geteuid() != 0 and family == 17
poll = select.epoll(); poll.register(here)
with tempfile.TemporaryFile() as file: file.write(b"x"); os.fsync(file.fileno())
memory = os.memfd_create("x"); os.ftruncate(memory, 10); mmap.mmap(memory, 10)
assert subprocess.run(["true"]).returncode == 0
process = multiprocessing.get_context("fork").Process(target=lambda: None); process.start(); process.join()
signal.setitimer(signal.ITIMER_REAL, 0)
os.sched_getaffinity(0)
os.statvfs("/"); os.pidfd_open(os.getpid()); os.getrandom(8)
answer = "fine"
"""
    assert answers(code) == "fine"
