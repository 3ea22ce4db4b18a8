"""Images to and from the other engines: what they save is loaded, what is saved here they load and run."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.dockerd import Dockerd
from tests.integration.store.conftest import file_chunks
from wherry.store import Store
from wherry.store.images import Image

_ID = "a" * 64


@pytest.fixture
def image(store: Store, busybox_tar: Path) -> Image:
    """Two layers, the second with a whiteout, a changed file and a label."""
    changes = ['CMD ["/bin/cat", "/greeting"]', "ENV A=1", "LABEL x=y", "EXPOSE 80"]
    base = store.import_image(file_chunks(busybox_tar), "base", changes=changes)
    snapshot = store.snapshots.prepare(_ID, base)
    upper = Path(snapshot.place.directory) / "upper"
    (upper / "greeting").write_text("hello from the second layer\n")
    committed = store.commit(snapshot, base.config.config, "exchange/two:v1", message="second", author="me")
    snapshot.remove()
    return committed


@pytest.fixture
def saved(store: Store, image: Image, tmp_path: Path) -> Path:
    path = tmp_path / "saved.tar"
    with path.open("wb") as file:
        for chunk in store.save(["exchange/two:v1", "base"]):
            file.write(chunk)
    return path


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    opened = Store(str(tmp_path / "other"))
    yield opened
    opened.close()


def _load(store: Store, path: Path) -> dict[str, Image]:
    return {name: loaded.image for loaded in store.load(file_chunks(path)) for name in loaded.names or ("",)}


@pytest.mark.needs("busybox")
def test_a_saved_image_comes_back_as_it_was(image: Image, saved: Path, other: Store) -> None:
    loaded = _load(other, saved)
    assert set(loaded) == {"exchange/two:v1", "base:latest"}
    back = loaded["exchange/two:v1"]
    assert (back.id, back.layers, back.size) == (image.id, image.layers, image.size)
    assert b"".join(other.save(["exchange/two:v1", "base"])) == saved.read_bytes()
    assert _load(other, saved) == loaded, "loading again changes nothing"


@pytest.mark.needs("dockerd", "busybox")
def test_docker_loads_runs_and_gives_it_back(
    image: Image, saved: Path, other: Store, dockerd: Dockerd, tmp_path: Path
) -> None:
    said = dockerd.docker("load", "-i", str(saved)).stdout.decode()
    assert "Loaded image: exchange/two:v1" in said
    facts = json.loads(dockerd.docker("image", "inspect", "exchange/two:v1").stdout)[0]
    assert facts["Id"] == image.id
    assert facts["RootFS"]["Layers"] == list(image.layers)
    assert facts["Config"]["Env"] == ["A=1"]
    output = dockerd.docker("run", "--rm", "--network", "none", "exchange/two:v1").stdout
    assert output == b"hello from the second layer\n"
    sizes = dockerd.docker("history", "--format", "{{.Size}} {{.Comment}}", "exchange/two:v1").stdout.decode()
    assert sizes.splitlines()[0] == "28B second"

    back = tmp_path / "docker.tar"
    dockerd.docker("save", "-o", str(back), "exchange/two:v1", "base")
    loaded = _load(other, back)
    assert loaded["exchange/two:v1"].id == image.id
    assert set(loaded) == {"exchange/two:v1", "base:latest"}
    dockerd.docker("rmi", "exchange/two:v1", "base")


@pytest.mark.needs("dockerd", "busybox")
def test_what_docker_imports_and_commits_is_loaded(
    other: Store, dockerd: Dockerd, busybox_tar: Path, tmp_path: Path
) -> None:
    dockerd.docker("import", str(busybox_tar), "made:by-docker")
    command = "mkdir /d && echo 1 > /d/f && rm /etc/group && ln /d/f /d/g && chown 7:8 /d"
    run = ["run", "--name", "made", "--network", "none", "made:by-docker", "/bin/sh", "-c", command]
    dockerd.docker(*run)
    dockerd.docker("commit", "-c", "USER 7", "made", "made:twice")
    dockerd.docker("rm", "made")
    archive = tmp_path / "docker.tar"
    dockerd.docker("save", "-o", str(archive), "made:twice")
    packed = tmp_path / "docker.tar.zst"
    subprocess.run(["zstd", "-q", str(archive), "-o", str(packed)], check=True)
    facts = json.loads(dockerd.docker("image", "inspect", "made:twice").stdout)[0]
    for path in (archive, packed):
        loaded = _load(other, path)["made:twice"]
        assert loaded.id == facts["Id"]
        assert loaded.config.config.user == "7"
    dockerd.docker("rmi", "made:twice", "made:by-docker")


@pytest.mark.needs("podman", "busybox", "root")
@pytest.mark.parametrize("layout", ["docker-archive", "oci-archive"])
def test_podman_loads_it_and_gives_it_back(
    image: Image, saved: Path, other: Store, layout: str, tmp_path: Path
) -> None:
    root = tempfile.mkdtemp(prefix="podman-", dir="/tmp")  # it wants short paths
    podman = ["podman", "--root", f"{root}/root", "--runroot", f"{root}/run", "--storage-driver=vfs"]
    subprocess.run([*podman, "load", "-i", str(saved)], check=True, capture_output=True)
    try:
        command = [*podman, "image", "inspect", "--format", "{{.Id}}", "exchange/two:v1"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        assert image.id == f"sha256:{said}"
        back = tmp_path / "podman.tar"
        command = [*podman, "save", "--format", layout, "-o", str(back), "exchange/two:v1"]
        subprocess.run(command, check=True, capture_output=True)
        (loaded,) = _load(other, back).values()
        assert loaded.layers == image.layers
        if layout == "docker-archive":
            assert loaded.id == image.id
            assert loaded.tags[0].endswith("exchange/two:v1")
    finally:
        subprocess.run([*podman, "rmi", "-af"], check=False, capture_output=True)
        shutil.rmtree(root)


@pytest.mark.needs("skopeo", "busybox")
@pytest.mark.parametrize(
    ("target", "compress"), [("docker-archive:{0}:exchange/two:v1", ""), ("oci-archive:{0}:v1", "gzip")]
)
def test_skopeo_reads_it_and_writes_what_is_loaded(
    image: Image, saved: Path, other: Store, target: str, compress: str, tmp_path: Path
) -> None:
    back = tmp_path / "skopeo.tar"
    options = ["--dest-compress-format", compress] if compress else []
    source = f"docker-archive:{saved}:docker.io/exchange/two:v1"
    command = ["skopeo", "copy", "-q", "--insecure-policy", *options, source, target.format(back)]
    subprocess.run(command, check=True, capture_output=True)
    (loaded,) = _load(other, back).values()
    assert loaded.layers == image.layers


@pytest.mark.needs("skopeo", "busybox")
def test_the_oci_layout_in_a_saved_archive_is_valid(image: Image, saved: Path, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    layout.mkdir()
    subprocess.run(["tar", "xf", str(saved), "-C", str(layout)], check=True)
    index = json.loads((layout / "index.json").read_text())
    assert [entry["annotations"]["io.containerd.image.name"] for entry in index["manifests"]] == [
        "docker.io/exchange/two:v1",
        "docker.io/library/base:latest",
    ]
    said = subprocess.run(
        ["skopeo", "inspect", "--config", f"oci:{layout}:v1"], check=True, capture_output=True, text=True
    )
    assert json.loads(said.stdout)["rootfs"]["diff_ids"] == list(image.layers)
