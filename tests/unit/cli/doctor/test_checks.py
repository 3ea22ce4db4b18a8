"""What the doctor says of machines made of files: what is lacking, and the command of that distribution."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from wherry.cli.doctor.finding import GOOD, LACK, NOTE, Finding
from wherry.cli.doctor.kernel import check_kernel
from wherry.cli.doctor.limits import check_limits
from wherry.cli.doctor.machine import Machine
from wherry.cli.doctor.network import check_network
from wherry.cli.doctor.users import check_user

SOUND = {
    "/etc/os-release": "ID=debian\n",
    "/etc/passwd": "rower:x:1000:1000::/home/rower:/bin/sh\n",
    "/etc/subuid": "rower:100000:65536\n",
    "/etc/subgid": "rower:100000:65536\n",
    "/proc/filesystems": "nodev\toverlay\n",
    "/proc/version": "Linux version 6.1\n",
    "/proc/sys/user/max_user_namespaces": "1000\n",
    "/proc/sys/kernel/seccomp/actions_avail": "kill\n",
    "/run/systemd/system/": "",
    "/var/lib/systemd/linger/rower": "",
    "/sys/fs/cgroup/cgroup.controllers": "cpu io memory pids\n",
    "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers": "cpu memory pids\n",
    "/usr/bin/sudo": "program",
    "/usr/bin/usermod": "program",
    "/usr/bin/pasta": "program",
    "/usr/bin/newuidmap": "set-uid",
    "/usr/bin/newgidmap": "set-uid",
}
DISTRIBUTIONS = (
    "ID=debian",
    "ID=fedora",
    'ID="rhel"',
    "ID=arch",
    "ID=alpine",
    'ID="opensuse-leap"',
    "ID=mine",
)


class Made(Machine):
    """A machine of files. What is tried out works unless the test says otherwise."""

    lacking: tuple[str, ...] = ()
    works = True
    overlay = True
    filter = True

    def missing_calls(self, wanted: Mapping[str, int]) -> list[str]:
        return [name for name in wanted if name in self.lacking]

    def namespaces_work(self) -> bool:
        return self.works

    def overlay_works(self) -> bool:
        return self.overlay

    def packet_filter_works(self) -> bool:
        return self.filter


@pytest.fixture
def make(tmp_path: Path) -> object:
    def build(changes: Mapping[str, str | None] | None = None, *, uid: int = 1000) -> Made:
        for path, text in {**SOUND, **(changes or {})}.items():
            place = tmp_path / path.lstrip("/")
            if text is None:
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if path.endswith("/"):
                place.mkdir(exist_ok=True)
                continue
            place.write_text(text)
            if text in ("program", "set-uid"):
                place.chmod(0o755 if text == "program" else 0o4755)
        machine = Made(str(tmp_path), environment={"PATH": "/usr/bin", "XDG_RUNTIME_DIR": str(tmp_path)})
        machine.uid = uid
        return machine

    return build


def lacking(found: list[Finding]) -> list[Finding]:
    return [finding for finding in found if finding.state != GOOD]


def everything(machine: Machine) -> list[Finding]:
    return [
        *check_kernel(machine),
        *check_user(machine),
        *check_limits(machine),
        *[finding for finding in check_network(machine) if "/dev/net/tun" not in finding.what],
    ]


def test_a_sound_machine_lacks_nothing(make) -> None:  # type: ignore[no-untyped-def]
    assert lacking(everything(make())) == []
    assert lacking(everything(make(uid=0))) == []


@pytest.mark.parametrize(
    ("changes", "state", "what", "mend"),
    [
        ({"/proc/sys/user/max_user_namespaces": None}, LACK, "no user namespaces", "CONFIG_USER_NS"),
        (
            {"/proc/sys/user/max_user_namespaces": "0"},
            LACK,
            "user namespaces are turned off",
            "sudo sysctl -w user.max_user_namespaces=28633",
        ),
        (
            {"/proc/sys/kernel/unprivileged_userns_clone": "0"},
            LACK,
            "user namespaces are only for root here",
            "sudo sysctl -w kernel.unprivileged_userns_clone=1",
        ),
        (
            {"/proc/filesystems": "ext4"},
            NOTE,
            "no overlayfs",
            "sudo modprobe overlay && echo 'overlay' | sudo tee",
        ),
        ({"/proc/sys/kernel/seccomp/actions_avail": None}, NOTE, "no system call filters", "CONFIG_SECCOMP"),
        (
            {"/etc/subuid": "other:100000:65536\nthird:165536:65536\n"},
            NOTE,
            "no subordinate ids for rower",
            "sudo usermod --add-subuids 231072-296607 --add-subgids 231072-296607 rower",
        ),
        ({"/etc/subgid": "rower:100000:1000\n"}, NOTE, "only 1000 subordinate ids", "165536-231071"),
        (
            {"/etc/subuid": "", "/etc/subgid": "", "/usr/bin/usermod": None},
            NOTE,
            "no subordinate ids",
            "echo 'rower:100000:65536' | sudo tee -a /etc/subuid /etc/subgid",
        ),
        ({"/usr/bin/newuidmap": None}, NOTE, "no newuidmap", "sudo apt-get install uidmap"),
        ({"/usr/bin/newgidmap": "program"}, NOTE, "has no rights", "sudo chmod u+s /usr/bin/newgidmap"),
        ({"/usr/bin/pasta": None}, NOTE, "neither pasta nor slirp4netns", "sudo apt-get install passt"),
        (
            {"/var/lib/systemd/linger/rower": None},
            NOTE,
            "containers end when you log out",
            "enable-linger rower",
        ),
        (
            {"/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers": "memory pids"},
            NOTE,
            "not delegated to you: cpu",
            "Delegate=cpu cpuset io memory pids",
        ),
        (
            {"/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers": None},
            NOTE,
            "no cgroup of your own",
            "sudo loginctl enable-linger rower",
        ),
        (
            {
                "/sys/fs/cgroup/cgroup.controllers": None,
                "/proc/cgroups": "#name\nmemory 0 1 1\n",
                "/sys/fs/cgroup/memory/": "",
            },
            NOTE,
            "cgroup v1 gives ordinary users no limits",
            "systemd.unified_cgroup_hierarchy=1",
        ),
        (
            {"/proc/version": "Linux version 4.4.0-Microsoft"},
            LACK,
            "WSL 1",
            "wsl --set-version DISTRIBUTION 2",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else None,
)
def test_what_lacks_is_named_with_its_mend(  # type: ignore[no-untyped-def]
    make, changes: dict[str, str | None], state: str, what: str, mend: str
) -> None:
    found = lacking(everything(make(changes)))
    assert [finding.state for finding in found] == [state]
    assert what in found[0].what
    assert mend in found[0].mend
    assert found[0].means


def test_what_is_tried_out_counts(make) -> None:  # type: ignore[no-untyped-def]
    machine = make({"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"})
    assert lacking(check_kernel(machine)) == []  # a profile allows it already
    machine.works = machine.overlay = machine.filter = False
    machine.lacking = ("openat2",)
    found = {finding.what: finding for finding in lacking([*check_kernel(machine), *check_network(machine)])}
    assert "since 5.6" in found[f"Linux {machine.release} is too old"].means
    profile = found["AppArmor keeps ordinary users from user namespaces"].mend
    assert "userns," in profile
    assert "sudo apparmor_parser -r /etc/apparmor.d/wherry" in profile
    assert "modprobe nf_tables" in found["no packet filter"].mend
    machine.works = True
    found = {finding.what: finding for finding in lacking(check_kernel(machine))}
    assert "overlayfs can't be mounted in user namespaces" in found


@pytest.mark.parametrize("release", DISTRIBUTIONS)
def test_every_distribution_has_its_own_commands(make, release: str) -> None:  # type: ignore[no-untyped-def]
    changes = {"/etc/os-release": release, "/usr/bin/pasta": None, "/usr/bin/newuidmap": None}
    mended = " ".join(finding.mend for finding in lacking(everything(make(changes))))
    words = {
        "debian": ("apt-get install passt", "apt-get install uidmap"),
        "fedora": ("dnf install passt", "dnf install shadow-utils"),
        "arch": ("pacman -S passt", "pacman -S shadow"),
        "alpine": ("apk add passt", "apk add shadow-uidmap"),
        "suse": ("zypper install passt", "zypper install shadow"),
        "": ("install passt with the distribution's package manager",),
    }[make(changes).family]
    assert all(word in mended for word in words)


def test_root_gives_commands_without_sudo_and_others_with_what_is_there(make) -> None:  # type: ignore[no-untyped-def]
    changes: dict[str, str | None] = {"/proc/filesystems": ""}
    assert check_kernel(make(changes, uid=0))[2].mend == (
        "modprobe overlay && echo 'overlay' > /etc/modules-load.d/overlay.conf"
    )
    machine = make({**changes, "/usr/bin/doas": "program", "/etc/os-release": "ID=alpine"})
    os.unlink(machine.path("/usr/bin/sudo"))
    assert (
        check_kernel(machine)[2].mend == "doas modprobe overlay && echo 'overlay' | doas tee -a /etc/modules"
    )
