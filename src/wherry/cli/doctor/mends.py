"""The commands that mend a machine, as its distribution wants them and as this user may give them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wherry.cli.doctor.machine import Machine

_INSTALL = {
    "debian": "apt-get install",
    "fedora": "dnf install",
    "arch": "pacman -S",
    "alpine": "apk add",
    "suse": "zypper install",
}
_PACKAGES = {
    "newuidmap": {
        "debian": "uidmap",
        "fedora": "shadow-utils",
        "arch": "shadow",
        "alpine": "shadow-uidmap",
        "suse": "shadow",
    },
    "pasta": dict.fromkeys(_INSTALL, "passt"),
}


def install(machine: Machine, program: str) -> str:
    """Install what brings a program."""
    packages = _PACKAGES[program]
    if machine.family in packages:
        return f"{as_root(machine)}{_INSTALL[machine.family]} {packages[machine.family]}"
    known = dict.fromkeys(packages.values())
    return f"install {' or '.join(known)} with the distribution's package manager"


def as_root(machine: Machine) -> str:
    """What goes before a command that only root may give."""
    if machine.root:
        return ""
    return "doas " if machine.which("doas") and not machine.which("sudo") else "sudo "


def write(machine: Machine, text: str, path: str, *, add: bool = False) -> str:
    """Put a line into a file of the machine's."""
    if machine.root:
        return f"echo '{text}' {'>>' if add else '>'} {path}"
    return f"echo '{text}' | {as_root(machine)}tee {'-a ' if add else ''}{path}"


def load_module(machine: Machine, name: str) -> str:
    """Load a kernel module now and at every boot."""
    keep = (
        write(machine, name, "/etc/modules", add=True)
        if machine.family == "alpine"
        else write(machine, name, f"/etc/modules-load.d/{name}.conf")
    )
    return f"{as_root(machine)}modprobe {name} && {keep}"


def set_kernel(machine: Machine, setting: str) -> str:
    """Set a kernel parameter now and at every boot."""
    return (
        f"{write(machine, setting, '/etc/sysctl.d/60-containers.conf', add=True)}"
        f" && {as_root(machine)}sysctl -w {setting}"
    )


def kernel_words(machine: Machine, words: str) -> str:
    """Add words to the kernel's command line; they count after a restart."""
    if machine.family == "fedora":
        return f"{as_root(machine)}grubby --update-kernel=ALL --args='{words}'   (then restart)"
    update = {
        "debian": "update-grub",
        "arch": "grub-mkconfig -o /boot/grub/grub.cfg",
        "alpine": "update-extlinux",
        "suse": "grub2-mkconfig -o /boot/grub2/grub.cfg",
    }.get(machine.family, "")
    if machine.family == "alpine":
        file = "default_kernel_opts in /etc/update-extlinux.conf"
    else:
        file = "GRUB_CMDLINE_LINUX in /etc/default/grub"
    return f"add {words} to {file}, {as_root(machine)}{update or 'make its boot loader read it'}, restart"


def linger(machine: Machine) -> str:
    """Let a user's own systemd run without a session."""
    return f"{as_root(machine)}loginctl enable-linger {machine.user}"
