"""The files that benchmarks work on, made once and kept in .cache/benchmarks (or WHERRY_BENCH_FILES)."""

from __future__ import annotations

import os
from pathlib import Path

from tests.images.make import make

FOLDER = Path(
    os.environ.get("WHERRY_BENCH_FILES") or Path(__file__).resolve().parents[1] / ".cache" / "benchmarks"
)


def busybox_image() -> Path:
    """A root filesystem of 2 MB."""
    return make(FOLDER, "busybox.tar")


def debian_image() -> Path:
    """A small Debian with apt, 170 MB."""
    return make(FOLDER, "debian.tar")


def services_image() -> Path:
    """A root filesystem with nginx, PostgreSQL, iperf3 and their clients."""
    return make(FOLDER, "services.tar")


def big_archive() -> Path:
    """A Docker archive with one gzip layer of 535 MB in 16,500 files; a minute to make."""
    return make(FOLDER, "big-docker.tar")


def ten_layers() -> Path:
    """The same files in ten layers."""
    return make(FOLDER, "ten-docker.tar")


def lines() -> Path:
    """100 MB of lines of 100 bytes."""
    target = FOLDER / "lines"
    if not target.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        draft = target.with_name("lines.draft")
        draft.write_bytes(b"".join(b"%099d\n" % number for number in range(1_000_000)))
        draft.replace(target)
    return target
