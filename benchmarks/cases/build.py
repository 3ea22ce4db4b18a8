"""Builds: stages side by side, a full cache, a large context of which one file changed, a large layer."""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from benchmarks.folder import debian_image
from benchmarks.measure import Case, milliseconds
from benchmarks.peers import Peer

_FILES = 50_000
_LAYER = 500  # MB
_STAGES = """FROM busybox AS base
RUN echo base > /base
FROM base AS one
RUN sleep 1 && echo one > /one
FROM base AS two
RUN sleep 1 && echo two > /two
FROM base
COPY --from=one /one /one
COPY --from=two /two /two
"""


_PROGRAM = """FROM debian AS build
COPY apt /etc/apt
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev zlib1g-dev libssl-dev
WORKDIR /src
COPY main.c .
RUN gcc -O2 -o /program main.c -lz
FROM debian
COPY --from=build /program /usr/local/bin/program
RUN program
CMD ["program"]
"""
_MAIN = """#include <stdio.h>
#include <zlib.h>
int main(void) { puts(zlibVersion()); return 0; }
"""


@cache
def _folder(name: str, dockerfile: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=f"wherry-bench-{name}-", dir="/tmp"))
    (folder / "Dockerfile").write_text(dockerfile)
    return folder


@cache
def _many() -> Path:
    folder = _folder("many", "FROM busybox\nCOPY files /files\n")
    for number in range(_FILES):
        path = folder / "files" / str(number % 100) / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"file {number}\n")
    return folder


def _build(peer: Peer, folder: Path, *options: str) -> float:
    environment = dict(peer.environment) | {"DOCKER_BUILDKIT": "0"}
    return milliseconds(peer.command("build", "-q", "-t", "bench", *options, str(folder)), environment)


def stages_cold(peer: Peer) -> float:
    return _build(peer, _folder("stages", _STAGES), "--no-cache") / 1000


def stages_cached(peer: Peer) -> float:
    folder = _folder("stages", _STAGES)
    _build(peer, folder)
    return _build(peer, folder)


def many_files_one_changed(peer: Peer) -> float:
    folder = _many()
    _build(peer, folder)
    changed = folder / "files" / "7" / "7.txt"
    changed.write_text(os.urandom(8).hex())
    os.sync()
    return _build(peer, folder) / 1000


def large_layer(peer: Peer) -> float:
    text = f"FROM busybox\nRUN dd if=/dev/urandom of=/large bs=1M count={_LAYER} 2>/dev/null\n"
    os.sync()
    return _build(peer, _folder("large", text), "--no-cache") / 1000


@cache
def _program() -> Path:
    """A C program, a Debian to build it in, and the machine's own package sources."""
    folder = _folder("program", _PROGRAM)
    (folder / "main.c").write_text(_MAIN)
    (folder / "apt").mkdir()
    for name in ("sources.list", "sources.list.d", "apt.conf.d", "trusted.gpg.d"):
        source = Path("/etc/apt", name)
        if source.is_dir():
            shutil.copytree(source, folder / "apt" / name)
        elif source.exists():
            shutil.copy(source, folder / "apt" / name)
    return folder


def program(peer: Peer) -> float:
    if peer not in _with_debian:
        peer.run("import", str(debian_image()), "debian:latest")
        _with_debian.append(peer)
    return _build(peer, _program(), "--no-cache", "--network=host") / 1000


_with_debian: list[Peer] = []
_PEERS = ("wherry", "docker")

CASES = [
    Case(
        "build-stages",
        "`build` of four stages, two of them `sleep 1`, nothing cached",
        "s",
        "≤ 1/2 of docker's classic builder",
        3,
        stages_cold,
        _PEERS,
    ),
    Case("build-cached", "the same, all of it cached", "ms", "< 66 ms", 10, stages_cached, _PEERS),
    Case(
        "build-program",
        "`build` of a C program on Debian: a compiler and libraries by apt, then a small stage",
        "s",
        "≤ 0.8 of docker's and buildah's (podman build)",
        2,
        program,
        ("wherry", "docker", "podman"),
        warm_up=0,
    ),
    Case(
        "build-context",
        "`build` with 50,000 small files, one of them changed",
        "s",
        "≤ 1/3 of docker's classic builder",
        3,
        many_files_one_changed,
        _PEERS,
        warm_up=0,
    ),
    Case(
        "build-layer",
        "`build` of a layer of 500 MB",
        "s",
        "≤ 1/2 of docker's classic builder",
        3,
        large_layer,
        _PEERS,
        warm_up=0,
    ),
]
