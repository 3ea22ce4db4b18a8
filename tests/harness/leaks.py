"""What an engine left behind: mounts, processes, cgroups, files, networks. Used after it has stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from tests.harness.leaks_network import network_traces


def mounts_below(directory: Path) -> list[str]:
    """The mount points of this namespace at or below `directory`."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4].replace("\\040", " ")
        if point == str(directory) or point.startswith(f"{directory}/"):
            found.append(point)
    return found


def processes_of(home: Path) -> dict[int, str]:
    """Living processes that carry WHERRY_HOME=`home`, or have something of it mounted: pid → command line."""
    marker = f"WHERRY_HOME={home}\0".encode()
    found: dict[int, str] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            environment = Path(f"/proc/{name}/environ").read_bytes() + b"\0"
            command = Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            mounted = f"{home}/" in Path(f"/proc/{name}/mountinfo").read_text()
        except OSError:  # gone, a kernel thread, or another user's
            continue
        if (marker in environment or mounted) and command:
            found[int(name)] = command.strip()
    return found


def end_lingering(home: Path) -> None:
    """End what waits half a minute for the next engine after one that was killed or did not come up."""
    for pid, line in processes_of(home).items():
        if any(name in line for name in ("wherry.network.keeper", "pasta", "slirp4netns")):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def cgroups_of(container_ids: Iterable[str]) -> list[str]:
    """Cgroup directories, of either version, named after one of the containers."""
    ids = tuple(container_ids)
    if not ids:
        return []
    return [
        os.path.join(folder, child)
        for folder, children, _ in os.walk("/sys/fs/cgroup")
        for child in children
        if any(container_id in child for container_id in ids)
    ]


def files_of(home: Path) -> list[str]:
    """What there is of containers below `home`, and of work that was not finished."""
    folders = ("state/containers", "state/trash", "run/containers")
    found = [file for folder in folders for file in (home / folder).glob("*")]
    unfinished = [file for kind in ("layers", "blobs/sha256") for file in (home / "state" / kind).glob(".*")]
    return [str(file) for file in (*found, *unfinished)]


def left_behind(
    home: Path,
    container_ids: Iterable[str],
    interfaces: Iterable[str] = (),
    *,
    files: bool = False,
    patience: float = 20.0,
) -> list[str]:
    """Everything still there after at most `patience` seconds, one line each; empty when all is clean.

    `files`: every container was removed, so none may have left any.
    """
    ids = tuple(container_ids)
    names = set(interfaces)
    deadline = time.monotonic() + patience
    while True:
        lines = [f"mount {point}" for point in mounts_below(home)]
        lines += [f"process {pid}: {command}" for pid, command in processes_of(home).items()]
        lines += [f"cgroup {path}" for path in cgroups_of(ids)]
        lines += network_traces(home, names)
        if files:
            lines += [f"file {path}" for path in files_of(home)]
        if not lines or time.monotonic() > deadline:
            return lines
        time.sleep(0.05)
