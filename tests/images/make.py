"""Make the root filesystems that tests and benchmarks use: `python -m tests.images.make INTO NAME...`.

Nothing but the machine's package mirror is asked. What is there already is kept.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tests.images import debian
from tests.images.busybox import find_busybox, write_busybox_tar
from tests.images.docker_archive import compress, split_tar, write_docker_archive


def make_busybox(target: Path) -> None:
    """Raises FileNotFoundError when the machine has no static busybox."""
    busybox = find_busybox()
    if busybox is None:
        raise FileNotFoundError("a static busybox (Debian's package busybox-static)")
    write_busybox_tar(target, busybox)


def make_big_archive(target: Path) -> None:
    """A Docker archive whose only layer is gzip-compressed, as a registry hands it out."""
    plain = make(target.parent, "big.tar")
    packed = target.with_name("big.tar.gz")
    compress(plain, packed)
    write_docker_archive(target, layers=[packed], name="big:latest")


def make_ten_layers(target: Path) -> None:
    """A Docker archive with the big one's files in ten layers of about the same size."""
    plain = make(target.parent, "big.tar")
    layers = split_tar(plain, target.parent, 10)
    try:
        write_docker_archive(target, layers=layers, name="ten:latest")
    finally:
        for layer in layers:
            layer.unlink()


MAKERS: dict[str, Callable[[Path], None]] = {
    "busybox.tar": make_busybox,
    "debian.tar": debian.write_debian_tar,
    "debian-python.tar": lambda target: debian.write_debian_tar(target, debian.PYTHON),
    "services.tar": lambda target: debian.write_debian_tar(target, debian.SERVICES),
    "big.tar": lambda target: debian.write_debian_tar(target, debian.BIG),
    "big-docker.tar": make_big_archive,
    "ten-docker.tar": make_ten_layers,
}


def make(folder: Path, name: str) -> Path:
    """The file `name` in `folder`, made if it is not there yet. Raises KeyError for an unknown name."""
    target = folder / name
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        MAKERS[name](target)
        target.chmod(0o644)
    return target


def main(arguments: list[str]) -> int:
    if len(arguments) < 2 or any(name not in MAKERS for name in arguments[1:]):
        sys.stderr.write(f"usage: python -m tests.images.make INTO NAME...\nnames: {' '.join(MAKERS)}\n")
        return 2
    for name in arguments[1:]:
        sys.stdout.write(f"{make(Path(arguments[0]), name)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
