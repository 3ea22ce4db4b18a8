"""The kernel: calls, file systems, user namespaces, and what hardens it against them."""

from __future__ import annotations

import ctypes
import errno
import os

from wherry.cli.doctor.finding import GOOD, LACK, NOTE, Finding, read

_AREA = "Kernel"
_SYSCALLS = (
    (434, "pidfd_open", "5.3", "knowing when a process has ended"),
    (437, "openat2", "5.6", "opening paths that a container controls"),
    (442, "mount_setattr", "5.12", "an id range of its own for every container"),
)
_NEW_USER, _NEW_MOUNTS = 0x10000000, 0x00020000


def check_kernel(root: bool) -> list[Finding]:
    """Version, system calls, overlayfs, user namespaces, seccomp, AppArmor."""
    release = os.uname().release
    found = [*_calls(release), *_namespaces(root)]
    found.append(_overlay(root))
    if os.path.exists("/proc/sys/kernel/seccomp/actions_avail"):
        found.append(Finding(_AREA, "system call filters (seccomp)"))
    else:
        found.append(
            Finding(
                _AREA,
                "no system call filters (seccomp)",
                NOTE,
                "containers see more of the kernel than they should",
            )
        )
    if read("/sys/module/apparmor/parameters/enabled") == "Y":
        found.append(Finding(_AREA, "AppArmor is on: containers get a profile of their own"))
    return found


def _calls(release: str) -> list[Finding]:
    libc = ctypes.CDLL(None, use_errno=True)
    missing = []
    for number, name, since, use in _SYSCALLS:
        if os.uname().machine not in ("x86_64", "aarch64"):
            break  # these numbers are the same on all newer architectures, but only these two are tried
        if libc.syscall(number, -1, 0, 0, 0, 0) < 0 and ctypes.get_errno() == errno.ENOSYS:
            missing.append(f"{name} (since {since}: {use})")
    if missing:
        return [
            Finding(
                _AREA,
                f"Linux {release} is too old",
                LACK,
                f"it lacks {', '.join(missing)}",
                "install a kernel of 5.15 or newer, e.g. the distribution's newest, and restart the machine",
            )
        ]
    return [Finding(_AREA, f"Linux {release}")]


def _overlay(root: bool) -> Finding:
    systems = read("/proc/filesystems") or ""
    if "overlay" in systems.split():
        return Finding(_AREA, "overlayfs")
    modules = f"/lib/modules/{os.uname().release}"
    if os.path.exists(f"{modules}/kernel/fs/overlayfs") and root:
        return Finding(_AREA, "overlayfs (a module, loaded on first use)")
    return Finding(
        _AREA,
        "no overlayfs",
        NOTE,
        "each container gets a copy of its image, which takes time and space",
        "sudo modprobe overlay && echo overlay | sudo tee /etc/modules-load.d/overlay.conf",
    )


def _namespaces(root: bool) -> list[Finding]:
    most = read("/proc/sys/user/max_user_namespaces")
    if most is None:
        return [
            Finding(
                _AREA,
                "no user namespaces",
                LACK,
                "root in a container would be root on the machine",
                "install a kernel with CONFIG_USER_NS",
            )
        ]
    if most == "0":
        return [
            Finding(
                _AREA,
                "user namespaces are turned off",
                LACK,
                "user.max_user_namespaces is 0",
                "echo user.max_user_namespaces=28633 | sudo tee /etc/sysctl.d/60-containers.conf"
                " && sudo sysctl --system",
            )
        ]
    if root:
        return [Finding(_AREA, "user namespaces")]
    if read("/proc/sys/kernel/unprivileged_userns_clone") == "0":
        return [
            Finding(
                _AREA,
                "user namespaces are only for root here",
                LACK,
                "kernel.unprivileged_userns_clone is 0",
                "echo kernel.unprivileged_userns_clone=1 | sudo tee /etc/sysctl.d/60-containers.conf"
                " && sudo sysctl --system",
            )
        ]
    restricted = read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1"
    if restricted and not _works_here():
        return [
            Finding(
                _AREA,
                "AppArmor keeps ordinary users from user namespaces",
                LACK,
                "kernel.apparmor_restrict_unprivileged_userns is 1, and no profile allows this Python",
                _profile_command(),
            )
        ]
    if not _works_here():
        return [
            Finding(
                _AREA,
                "user namespaces are refused here",
                LACK,
                "a security policy, or the container that this runs in, forbids them",
            )
        ]
    return [Finding(_AREA, "user namespaces for ordinary users", GOOD)]


def _profile_command() -> str:
    import sys

    python = os.path.realpath(sys.executable)
    text = f"abi <abi/4.0>,\\nprofile wherry {python} flags=(unconfined) {{\\n  userns,\\n}}\\n"
    return (
        f"printf '{text}' | sudo tee /etc/apparmor.d/wherry && sudo apparmor_parser -r /etc/apparmor.d/wherry"
    )


def _works_here() -> bool:
    """Try it: a child that makes a user and a mount namespace, and ends."""
    child = os.fork()
    if not child:
        libc = ctypes.CDLL(None, use_errno=True)
        os._exit(0 if libc.unshare(_NEW_USER | _NEW_MOUNTS) == 0 else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
