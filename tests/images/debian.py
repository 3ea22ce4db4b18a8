"""Real Debian root filesystems, made from the machine's own package mirror by mmdebstrap."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

SUITE = "bookworm"

PYTHON = ("python3", "ca-certificates", "iproute2", "iputils-ping", "curl")
"""Enough for an HTTP server and for looking at a network from inside."""

SERVICES = ("nginx-light", "postgresql", "iperf3", "curl", "dnsutils", "iputils-ping")
"""Servers and clients for tests and benchmarks of networks."""

BIG = ("build-essential", "python3", "git", "ca-certificates")
"""About 530 MB in 16,500 files: the layer that the `load` and `pull` benchmarks unpack."""


def write_debian_tar(target: Path, packages: Sequence[str] = ()) -> None:
    """Write the archive to `target`, whole or not at all. Blocks for 15 to 40 seconds.

    Works as root, and as an ordinary user with subordinate ids. Raises CalledProcessError.
    """
    draft = target.with_name(f"{target.stem}.{os.getpid()}.tar")
    include = [f"--include={','.join(packages)}"] if packages else []
    mode = "root" if os.geteuid() == 0 else "unshare"
    command = ["mmdebstrap", "--quiet", f"--mode={mode}", "--variant=minbase", *include, SUITE, str(draft)]
    try:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def have_mmdebstrap() -> bool:
    """Whether this machine can make Debian root filesystems."""
    return shutil.which("mmdebstrap") is not None
