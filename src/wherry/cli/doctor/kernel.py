"""The kernel: calls, file systems, user namespaces, and what hardens it against them."""

from __future__ import annotations

import os
import sys
import time

from wherry.cli.doctor import mends
from wherry.cli.doctor.finding import LACK, NOTE, Finding
from wherry.cli.doctor.machine import Machine

_AREA = "Kernel"
_CALLS = {"pidfd_open": 434, "openat2": 437, "mount_setattr": 442}
_USES = {
    "pidfd_open": "since 5.3: knowing when a process has ended",
    "openat2": "since 5.6: opening paths that a container controls",
    "mount_setattr": "since 5.12: an id range of its own for every container",
}
_RELEASED = 1_735_689_600  # 2025-01-01; a clock before that is wrong


def check_kernel(machine: Machine) -> list[Finding]:
    """Version, system calls, overlayfs, user namespaces, seccomp, AppArmor, and the clock."""
    if machine.wsl == 1:
        means = "Windows Subsystem for Linux 1 has no Linux kernel"
        return [Finding(_AREA, "WSL 1", LACK, means, "in Windows: wsl --set-version DISTRIBUTION 2")]
    found = [_version(machine), _namespaces(machine)]
    found.append(_overlay(machine, namespaces=found[-1].state != LACK))
    if machine.exists("/proc/sys/kernel/seccomp/actions_avail"):
        found.append(Finding(_AREA, "system call filters (seccomp)"))
    else:
        means = "containers see more of the kernel than they should"
        found.append(
            Finding(
                _AREA, "no system call filters (seccomp)", NOTE, means, "a kernel with CONFIG_SECCOMP_FILTER"
            )
        )
    if machine.read("/sys/module/apparmor/parameters/enabled") == "Y":
        found.append(Finding(_AREA, "AppArmor is on: containers get a profile of their own"))
    if machine.read("/sys/fs/selinux/enforce") == "1":
        found.append(Finding(_AREA, "SELinux is on: containers run in its domain of the engine"))
    if time.time() < _RELEASED:
        found.append(
            Finding(
                _AREA,
                f"the clock says {time.strftime('%Y-%m-%d', time.gmtime())}",
                NOTE,
                "certificates of registries seem not valid yet",
                f"{mends.as_root(machine)}timedatectl set-ntp true"
                if machine.systemd
                else f"{mends.as_root(machine)}date -s 'YYYY-MM-DD HH:MM'",
            )
        )
    return found


def _version(machine: Machine) -> Finding:
    missing = machine.missing_calls(_CALLS)
    if missing:
        lacks = ", ".join(f"{name} ({_USES[name]})" for name in missing)
        mend = "install a kernel of 5.15 or newer, e.g. the distribution's newest, and restart the machine"
        return Finding(_AREA, f"Linux {machine.release} is too old", LACK, f"it lacks {lacks}", mend)
    return Finding(_AREA, f"Linux {machine.release}" + (" (WSL 2)" if machine.wsl else ""))


def _overlay(machine: Machine, *, namespaces: bool) -> Finding:
    known = "overlay" in (machine.read("/proc/filesystems") or "").split()
    if not known and machine.root and machine.exists(f"/lib/modules/{machine.release}/kernel/fs/overlayfs"):
        return Finding(_AREA, "overlayfs (a module, loaded on first use)")
    copies = "each container gets a copy of its image, which takes time and space"
    if not known:
        return Finding(_AREA, "no overlayfs", NOTE, copies, mends.load_module(machine, "overlay"))
    if namespaces and not machine.overlay_works():
        mend = "install a kernel of 5.11 or newer, e.g. the distribution's newest, and restart the machine"
        return Finding(_AREA, "overlayfs can't be mounted in user namespaces", NOTE, copies, mend)
    return Finding(_AREA, "overlayfs")


def _namespaces(machine: Machine) -> Finding:
    most = machine.read("/proc/sys/user/max_user_namespaces")
    if most is None:
        means = "root in a container would be root on the machine"
        return Finding(_AREA, "no user namespaces", LACK, means, "install a kernel with CONFIG_USER_NS")
    if most == "0":
        mend = mends.set_kernel(machine, "user.max_user_namespaces=28633")
        return Finding(_AREA, "user namespaces are turned off", LACK, "user.max_user_namespaces is 0", mend)
    if machine.root:
        return Finding(_AREA, "user namespaces")
    if machine.read("/proc/sys/kernel/unprivileged_userns_clone") == "0":
        mend = mends.set_kernel(machine, "kernel.unprivileged_userns_clone=1")
        means = "kernel.unprivileged_userns_clone is 0"
        return Finding(_AREA, "user namespaces are only for root here", LACK, means, mend)
    if machine.namespaces_work():
        return Finding(_AREA, "user namespaces for ordinary users")
    if machine.read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
        return Finding(
            _AREA,
            "AppArmor keeps ordinary users from user namespaces",
            LACK,
            "kernel.apparmor_restrict_unprivileged_userns is 1, and no profile allows this Python",
            _profile_command(machine),
        )
    return Finding(
        _AREA,
        "user namespaces are refused here",
        LACK,
        "a security policy, or the container that this runs in, forbids them",
        "in a container of Docker's: docker run --security-opt seccomp=unconfined --security-opt"
        " apparmor=unconfined --security-opt systempaths=unconfined …",
    )


def _profile_command(machine: Machine) -> str:
    python, root = os.path.realpath(sys.executable), mends.as_root(machine)
    text = f"abi <abi/4.0>,\\nprofile wherry {python} flags=(unconfined) {{\\n  userns,\\n}}\\n"
    file = "/etc/apparmor.d/wherry"
    return f"printf '{text}' | {root}tee {file} && {root}apparmor_parser -r {file}"
