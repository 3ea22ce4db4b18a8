"""An image of more than a hundred layers, run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.store.test_snapshot_drivers import directory, make_image, member
from tests.harness.command import Command
from tests.integration.store.conftest import file_chunks
from wherry.store import Store
from wherry.store.tar import end_of_archive


@pytest.mark.needs("busybox")
def test_an_image_of_130_layers_runs(
    wherry: Command, busybox_tar: Path, store: Store, tmp_path: Path
) -> None:
    layers = [b"".join(file_chunks(busybox_tar))]
    for number in range(129):
        text = b"%d\n" % number
        layers.append(
            directory("many")
            + member(f"many/{number}", data=text)
            + member("last", data=text)
            + end_of_archive()
        )
    make_image(store, *layers)
    archive = tmp_path / "many.tar"
    with archive.open("wb") as file:
        for chunk in store.save(["test"]):
            file.write(chunk)
    wherry("load", "-i", str(archive))
    try:
        done = wherry(
            "run", "--rm", "--network", "none", "test", "/bin/sh", "-c", "ls /many | wc -l; cat /last"
        )
        assert done.out.split() == ["129", "128"]
    finally:
        wherry("rmi", "test")
