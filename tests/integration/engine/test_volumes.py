"""Volumes and bind mounts: owners, first content, who may remove what."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from tests.integration.engine.conftest import Inside
from wherry.engine.models import BindOptions, Mount, VolumeCreate
from wherry.errors import Conflict, Invalid, NotFound, Unsupported

pytestmark = [pytest.mark.needs("root"), pytest.mark.asyncio(loop_scope="module")]


async def test_owners_are_right_on_both_sides(inside: Inside, tmp_path: Path) -> None:
    script = "touch /b/f /v/f && chown 5:6 /b/f /v/f && stat -c %u:%g /b/f /v/f"
    code, text = await inside.output("sh", "-c", script, host={"binds": [f"{tmp_path}:/b", "vol:/v"]})
    assert (code, text) == (0, "5:6\n5:6\n")
    assert os.stat(tmp_path / "f").st_uid == 5
    assert os.stat(f"{inside.engine.volumes.path('vol')}/f").st_gid == 6
    await inside.engine.volumes.remove("vol")


async def test_a_new_volume_begins_with_the_images_content(inside: Inside) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind in (("data", tarfile.DIRTYPE), ("data/sub", tarfile.DIRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.uid = kind, 0o750, 11
            tar.addfile(info)
        info = tarfile.TarInfo("data/sub/f")
        info.size, info.uid = 3, 12
        tar.addfile(info, io.BytesIO(b"abc"))
        info = tarfile.TarInfo("link")
        info.type, info.linkname = tarfile.SYMTYPE, "data"
        tar.addfile(info)
    store = inside.engine.store
    store.import_image(iter([buffer.getvalue()]), "withdata:1", changes=["VOLUME /data", "CMD x"])
    before, inside.image = inside.image, "withdata:1"
    try:
        one = await inside.create("x", host={"binds": ["named:/link"]})
    finally:
        inside.image = before
    mounts = {mount.destination: mount for mount in (await inside.engine.containers.inspect(one)).mounts}
    for target in ("/data", "/link"):
        place = mounts[target].source
        assert (os.stat(place).st_uid, os.stat(place).st_mode & 0o777) == (11, 0o750)
        assert (os.stat(f"{place}/sub/f").st_uid, os.stat(f"{place}/sub/f").st_size) == (12, 3)
    anonymous = mounts["/data"].name
    with pytest.raises(Conflict, match="volume is in use"):
        await inside.engine.volumes.remove("named")
    await inside.engine.containers.remove(one, volumes=True)
    with pytest.raises(NotFound, match=f"get {anonymous}: no such volume"):
        await inside.engine.volumes.inspect(anonymous)
    await inside.engine.volumes.remove("named")
    await inside.engine.images.remove("withdata:1")


async def test_missing_sources(inside: Inside, tmp_path: Path) -> None:
    missing = tmp_path / "a" / "b"
    mount = Mount(type="bind", source=str(missing), target="/x")
    with pytest.raises(
        Invalid, match='invalid mount config for type "bind": bind source path does not exist'
    ):
        await inside.create("true", host={"mounts": [mount]})
    assert await inside.output("ls", "/x", host={"binds": [f"{missing}:/x"]}) == (0, "")
    assert os.stat(missing).st_uid == 0
    wished = Mount(
        type="bind",
        source=str(tmp_path / "c"),
        target="/x",
        bind_options=BindOptions(create_mountpoint=True),
    )
    assert await inside.output("ls", "/x", host={"mounts": [wished]}) == (0, "")


@pytest.mark.parametrize(
    ("bind", "words"),
    [
        ("/a:relative", "mount path must be absolute"),
        ("x y:/z", "invalid characters for a local volume name"),
        ("/a:/b:bad", "invalid mode: bad"),
        ("a:b:c:d", "invalid volume specification"),
        ("/a:/", "destination can't be '/'"),
    ],
)
async def test_malformed_binds(inside: Inside, bind: str, words: str) -> None:
    with pytest.raises(Invalid) as raised:
        await inside.create("true", host={"binds": [bind]})
    assert words in raised.value.message


async def test_volumes_from(inside: Inside) -> None:
    one = await inside.create("true", host={"binds": ["shared:/s"]})
    code, _ = await inside.output("sh", "-c", "touch /s/f", host={"volumes_from": [one]})
    assert code == 0
    code, _ = await inside.output("sh", "-c", "touch /s/g", host={"volumes_from": [f"{one}:ro"]})
    assert code != 0
    await inside.engine.containers.remove(one)
    await inside.engine.volumes.remove("shared")


async def test_create_list_prune(inside: Inside) -> None:
    volumes = inside.engine.volumes
    made = await volumes.create(VolumeCreate(name="keep", labels={"k": "v"}))
    assert (await volumes.create(VolumeCreate(name="keep"))).created_at == made.created_at
    anonymous = await volumes.create(VolumeCreate())
    listed = await volumes.list({"dangling": ["true"]})
    assert {"keep", anonymous.name} <= {volume.name for volume in listed.volumes}
    assert [v.name for v in (await volumes.list({"label": ["k=v"]})).volumes] == ["keep"]
    assert (await volumes.prune()).volumes_deleted == [anonymous.name]
    assert (await volumes.prune({"all": ["true"]})).volumes_deleted == ["keep"]
    with pytest.raises(NotFound, match="no such volume"):
        await volumes.remove("keep")


async def test_a_volume_in_memory(inside: Inside) -> None:
    """`type=tmpfs`: shared while anything that runs uses it, empty and unmounted afterwards."""
    volumes = inside.engine.volumes
    options = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m,uid=3,nosuid"}
    await volumes.create(VolumeCreate(name="memory", driver_opts=options))
    one = await inside.run("sleep", "100", host={"binds": ["memory:/m"]})
    script = "stat -c %u /m; df -k /m | tail -1 | awk '{print $2}'; touch /m/f"
    assert await inside.output("sh", "-c", script, host={"binds": ["memory:/m"]}) == (0, "3\n1024\n")
    assert os.listdir(volumes.path("memory")) == ["f"]
    await inside.engine.containers.remove(one, force=True)
    assert os.listdir(volumes.path("memory")) == []
    await volumes.remove("memory")


def mounted(place: str) -> bool:
    return f" {place} " in Path("/proc/self/mounts").read_text()


async def test_a_volume_of_any_file_system(inside: Inside) -> None:
    """What `type`, `device` and `o` say is mounted as mount(8) would; the last user's end unmounts it."""
    volumes = inside.engine.volumes
    options = {"type": "ramfs", "device": "none", "o": "mode=0711,noexec,rw"}
    await volumes.create(VolumeCreate(name="any", driver_opts=options))
    script = "stat -c %a /m; grep ' /m ' /proc/mounts"
    code, text = await inside.output("sh", "-c", script, host={"binds": ["any:/m"]})
    assert code == 0
    assert text.startswith("711\nnone /m ramfs rw")
    assert "noexec" in text
    assert not mounted(volumes.path("any"))
    await volumes.remove("any")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"type": "nosuchfs", "device": "none"}, r"mount none:/.*/_data: no such device"),
        (
            {"type": "nfs", "device": ":/x", "o": "addr=127.0.0.1,ro"},
            r"failed to mount local volume: mount :/x:",
        ),
    ],
)
async def test_a_file_system_that_can_not_be_mounted(
    inside: Inside, options: dict[str, str], words: str
) -> None:
    await inside.engine.volumes.create(VolumeCreate(name="far", driver_opts=options))
    with pytest.raises((Unsupported, Invalid), match=words):
        await inside.run("true", host={"binds": ["far:/m"]})
    for container in await inside.engine.containers.list(show_all=True):
        await inside.engine.containers.remove(container.id, force=True)
    await inside.engine.volumes.remove("far")


async def test_options_that_can_not_be_meant(inside: Inside) -> None:
    for options in ({"type": "nfs"}, {"device": "/dev/x"}, {"o": "bind"}, {"colour": "red"}):
        with pytest.raises(Invalid, match=r"create bad: (missing|invalid)"):
            await inside.engine.volumes.create(VolumeCreate(name="bad", driver_opts=options))
