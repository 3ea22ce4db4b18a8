"""What root tries in a container; run inside one, prints {attempt: "worked" or the error's name} as JSON.

Standard library only, and nothing of ours: it is piped into the container's own Python.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import stat
from collections.abc import Callable
from typing import Any

libc = ctypes.CDLL(None, use_errno=True)
answers: dict[str, Any] = {}

FILESYSTEMS = ("tmpfs", "proc", "sysfs", "cgroup", "cgroup2", "overlay", "ext4")
SETTINGS = (
    "/proc/1/oom_score_adj",
    "/proc/irq/default_smp_affinity",
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/vm/drop_caches",
    "/proc/sysrq-trigger",
    "/sys/fs/cgroup/cgroup.procs",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/kernel/uevent_helper",
    "/sys/power/state",
)
LIMITS = frozenset(
    (
        "cgroup.subtree_control",
        "devices.allow",
        "memory.limit_in_bytes",
        "memory.max",
        "notify_on_release",
        "pids.max",
        "release_agent",
    )
)
MASKED = ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware/dmi")
DEVICES = {
    "mem": (stat.S_IFCHR, 1, 1),
    "kmsg": (stat.S_IFCHR, 1, 11),
    "null": (stat.S_IFCHR, 1, 3),
    "sda": (stat.S_IFBLK, 8, 0),
    "vda": (stat.S_IFBLK, 254, 0),
}


def attempt(name: str, action: Callable[..., Any], *arguments: Any) -> None:
    """Note what comes of `action`; a C function's negative result is a failure too."""
    try:
        result = action(*arguments)
    except OSError as error:
        answers[name] = errno.errorcode.get(error.errno or 0, str(error))
        return
    failed = isinstance(result, int) and result < 0
    answers[name] = errno.errorcode[ctypes.get_errno()] if failed else "worked"


def write(path: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, b"-999" if "oom" in path else b"1")
    finally:
        os.close(fd)


def node(name: str) -> None:
    """Make a device and open it: a node without effect is worth nothing."""
    kind, major, minor = DEVICES[name]
    os.mknod(f"/tmp/{name}", kind | 0o600, os.makedev(major, minor))
    os.close(os.open(f"/tmp/{name}", os.O_RDONLY))


for filesystem in FILESYSTEMS:
    data = b"memory" if filesystem == "cgroup" else None
    attempt(f"mount {filesystem}", libc.mount, b"none", b"/tmp", filesystem.encode(), 0, data)
attempt("remount a read-only path", libc.mount, None, b"/proc/sys", None, 32 | 4096, None)
attempt("unmount a mask", libc.umount2, b"/proc/kcore", 2)
attempt("change the root", libc.pivot_root, b"/tmp", b"/tmp")
attempt("make a user namespace", libc.unshare, 0x10000000)
for path in SETTINGS:
    if os.path.exists(path):
        attempt(f"write {path}", write, path)
for folder, _, files in os.walk("/sys/fs/cgroup"):
    for file in LIMITS.intersection(files):
        attempt(f"write {folder}/{file}", write, f"{folder}/{file}")
attempt("make a cgroup", os.mkdir, "/sys/fs/cgroup/mine")
for device in DEVICES:
    attempt(f"device {device}", node, device)
attempt("use I/O ports", libc.iopl, 3)
attempt("set the clock", libc.settimeofday, b"\0" * 16, None)
attempt("set the host name", libc.sethostname, b"x", 1)
attempt("take swap away", libc.swapoff, b"/x")
attempt("read the kernel's log", libc.klogctl, 3, ctypes.create_string_buffer(9), 9)

answers["masked"] = {
    path: len(os.listdir(path))
    if os.path.isdir(path)
    else os.path.getsize(path) and len(open(path, "rb").read(9))
    for path in MASKED
    if os.path.exists(path)
}
answers["devices"] = sorted(os.listdir("/dev"))
answers["id map"] = open("/proc/self/uid_map").read().split()
answers["status"] = {line.split(":")[0]: line.partition(":")[2].strip() for line in open("/proc/self/status")}
try:
    answers["label"] = open("/proc/self/attr/current").read().strip("\0\n")
except OSError:  # no security module
    answers["label"] = ""
answers["descriptors"] = os.listdir("/proc/self/fd")
print(json.dumps(answers))  # noqa: T201
