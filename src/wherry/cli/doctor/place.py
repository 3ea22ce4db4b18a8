"""Where state lives, and the engine itself."""

from __future__ import annotations

import os
import sys

from wherry.cli.doctor.finding import LACK, NOTE, Finding
from wherry.cli.doctor.machine import Machine
from wherry.cli.engine.process import listening
from wherry.cli.format.human import size
from wherry.paths import api_socket, run_dir, state_dir

_LITTLE = 1_000_000_000  # bytes
_SOCKET_LIMIT = 107  # bytes of a unix socket's path
_NEEDED = ("wherry", "msgspec", "zstandard")


def check_place(machine: Machine) -> list[Finding]:
    """Room and rights for state, the modules of the engine, and whether it runs."""
    return [*_state(machine), *_modules(), _engine()]


def _state(machine: Machine) -> list[Finding]:
    area, folder = "State", state_dir()
    standing = folder
    while not os.path.exists(standing):
        standing = os.path.dirname(standing)
    found = []
    if not os.access(standing, os.W_OK | os.X_OK):
        found.append(
            Finding(
                area,
                f"{standing} can't be written",
                LACK,
                f"state would be in {folder}",
                "WHERRY_HOME=DIR chooses another place",
            )
        )
    room = os.statvfs(standing)
    free = room.f_bavail * room.f_frsize
    if free < _LITTLE:
        found.append(
            Finding(
                area,
                f"only {size(free)} free at {standing}",
                NOTE,
                "images need room",
                "wherry system prune -a",
            )
        )
    if room.f_files and room.f_favail * 100 < room.f_files:
        found.append(
            Finding(
                area,
                f"only {room.f_favail} files can be made at {standing}",
                NOTE,
                "images are of many small files",
                "wherry system prune -a",
            )
        )
    if not found:
        found.append(Finding(area, f"{folder}, {size(free)} free"))
    kind = _file_system(machine, standing)
    if kind in ("nfs", "nfs4", "cifs", "9p", "overlay", "aufs", "vfat", "exfat"):
        found.append(
            Finding(
                area,
                f"{standing} is on {kind}",
                NOTE,
                "overlayfs can't keep its changes there, so images are copied",
                "WHERRY_HOME=DIR chooses a place on ext4, xfs or btrfs",
            )
        )
    if len(os.fsencode(api_socket())) > _SOCKET_LIMIT:
        found.append(
            Finding(
                area, f"{run_dir()} is too long for a socket's path", LACK, "", "choose a shorter WHERRY_HOME"
            )
        )
    return found


def _file_system(machine: Machine, path: str) -> str:
    """The type of the file system that holds `path`, by the longest mount point above it."""
    best, kind = "", ""
    for line in (machine.read("/proc/self/mounts") or "").splitlines():
        _, point, name = line.split(" ")[:3]
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, name
    return kind


def _modules() -> list[Finding]:
    import subprocess

    # Asked of an interpreter as the engine has it: this one may have been started without its site packages.
    ask = (
        "import sys; from importlib.util import find_spec;"
        "print(*[name for name in sys.argv[1:] if not find_spec(name)])"
    )
    done = subprocess.run([sys.executable, "-c", ask, *_NEEDED], capture_output=True, text=True, check=False)
    missing = done.stdout.split() if done.returncode == 0 else list(_NEEDED)
    if missing:
        return [
            Finding(
                "Engine",
                f"Python modules are missing: {', '.join(missing)}",
                LACK,
                "the engine can't start",
                f"{sys.executable} -m pip install --force-reinstall wherry",
            )
        ]
    return [Finding("Engine", f"Python {sys.version.split()[0]} with all it needs")]


def _engine() -> Finding:
    path = api_socket()
    if listening(path):
        return Finding("Engine", f"listens on {path}")
    return Finding("Engine", "not running: the next command that needs it starts it")
