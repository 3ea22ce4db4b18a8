"""Write a Docker archive (the `docker save` format) around layers that are already tar files."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import shutil
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def write_docker_archive(
    target: Path, *, layers: Sequence[Path], name: str, command: Sequence[str] = ("/bin/sh",)
) -> None:
    """Write `target` with `layers` (bottom first; plain tar or gzip) as the image `name`.

    Blocks for as long as hashing and copying the layers takes.
    """
    config = {
        "architecture": MACHINES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "created": "2024-01-01T00:00:00Z",
        "config": {
            "Cmd": list(command),
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        },
        "rootfs": {"type": "layers", "diff_ids": [_diff_id(layer) for layer in layers]},
        "history": [
            {"created": "2024-01-01T00:00:00Z", "created_by": f"layer {n}"} for n in range(len(layers))
        ],
    }
    raw = json.dumps(config).encode()
    image_id = hashlib.sha256(raw).hexdigest()
    members = [f"{number:02d}/layer.tar" for number in range(len(layers))]
    manifest = [{"Config": f"{image_id}.json", "RepoTags": [name], "Layers": members}]
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, "manifest.json", json.dumps(manifest).encode())
        _add(archive, f"{image_id}.json", raw)
        for member, layer in zip(members, layers, strict=True):
            archive.add(layer, arcname=member, recursive=False)


def compress(source: Path, target: Path, level: int = 6) -> None:
    """Gzip `source` into `target`, the same bytes every time."""
    with (
        source.open("rb") as plain,
        target.open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=level, mtime=0) as packed,
    ):
        shutil.copyfileobj(plain, packed, 1 << 20)


def _diff_id(layer: Path) -> str:
    digest = hashlib.sha256()
    with layer.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        with gzip.open(stream) if packed else stream as plain:
            while chunk := plain.read(1 << 20):
                digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime = len(content), int(time.time())
    archive.addfile(entry, io.BytesIO(content))


def split_tar(source: Path, folder: Path, count: int) -> list[Path]:
    """The members of a tar archive in `count` archives of about the same size, in their order.

    A hard link whose target went into an earlier archive becomes a file of its own.
    """
    share = source.stat().st_size // count + 1
    made: list[Path] = []
    with tarfile.open(source) as tar:
        out: tarfile.TarFile | None = None
        here: set[str] = set()
        for member in tar:
            if out is None or (out.offset >= share and len(made) < count):
                if out is not None:
                    out.close()
                made.append(folder / f"{source.stem}-part-{len(made)}.tar")
                out, here = tarfile.open(made[-1], "w"), set()
            data = None
            if member.islnk() and member.linkname not in here:
                data = tar.extractfile(member)
                target = tar.getmember(member.linkname)
                member.type, member.size, member.linkname = tarfile.REGTYPE, target.size, ""
            elif member.isreg():
                data = tar.extractfile(member)
            out.addfile(member, data)
            here.add(member.name)
        if out is not None:
            out.close()
    return made
