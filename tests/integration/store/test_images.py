"""Images: finding, naming, removing, with Docker's words."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wherry.errors import Conflict, Invalid, NotFound
from wherry.oci import History, ImageConfig, RootFS, encode_image_config, parse_reference
from wherry.store import Store
from wherry.store.images import Image, ImageUser, Removal
from wherry.store.layers import departing
from wherry.store.removal import remove_tree
from wherry.store.tar import Kind, TarEntry, end_of_archive, header


def _archive(name: str) -> bytes:
    return header(TarEntry(name.encode(), Kind.FILE, size=0)) + end_of_archive()


def _add(store: Store, text: str, *names: str, parent: Image | None = None) -> Image:
    with store.layers.lease() as lease:
        layer = store.layers.unpack([_archive(text)], lease)
        below = list(parent.layers) if parent else []
        config = ImageConfig(
            architecture="amd64",
            created="2024-01-02T03:04:05.678901234Z",
            rootfs=RootFS(diff_ids=[*below, layer.diff_id]),
            history=[*(parent.config.history if parent else []), History(created_by=text)],
        )
        return store.images.add(
            encode_image_config(config),
            lease=lease,
            tags=[parse_reference(name).tagged for name in names],
            parent=parent.id if parent else "",
        )


def test_finding(store: Store) -> None:
    one, two = _add(store, "one", "app:1", "ghcr.io/x/app"), _add(store, "two", "other")
    for name in (
        "app:1",
        "docker.io/library/app:1",
        one.id,
        one.id[7:],
        one.id[7:19],
        "ghcr.io/x/app:latest",
    ):
        assert store.images.resolve(name).id == one.id
    assert store.images.resolve("other") == two
    assert store.images.find("app") is None
    with pytest.raises(NotFound, match="No such image: app:latest"):
        store.images.resolve("app")
    with pytest.raises(NotFound, match="No such image: feedbeef"):
        store.images.resolve("feedbeef")
    with pytest.raises(Invalid, match="invalid reference format"):
        store.images.resolve("a//b")


def test_an_image_added_in_a_transaction_and_layers_that_arrive_do_not_wait_for_each_other(
    store: Store,
) -> None:
    """Built-in images are added within a transaction, which asks for layers; pulls adopt some meanwhile."""
    within, done = threading.Event(), threading.Event()

    def arrive() -> None:
        within.wait(60)
        with store.layers.lease() as lease:
            for number in range(50):
                store.layers.unpack([_archive(f"arriving-{number}")], lease)
        done.set()

    thread = threading.Thread(target=arrive, daemon=True)
    thread.start()
    for number in range(50):
        with store.database.transaction():
            within.set()
            time.sleep(0.001)  # for the other to come as far as it can
            with store.layers.lease() as lease:
                lease.take(f"sha256:{number:064x}")
    assert done.wait(60)
    thread.join()


def test_an_id_that_begins_several_is_ambiguous(store: Store) -> None:
    images = [_add(store, f"i{number}") for number in range(40)]
    begins: dict[str, list[str]] = {}
    for image in images:
        begins.setdefault(image.id[7:8], []).append(image.id)
    prefix = next(prefix for prefix, ids in begins.items() if len(ids) > 1 and prefix in "0123456789")
    with pytest.raises(Invalid, match="ambiguous"):
        store.images.resolve(prefix)


def test_a_name_goes_before_an_id(store: Store) -> None:
    image = _add(store, "x")
    other = _add(store, "y", image.id[7:15])
    assert store.images.resolve(image.id[7:15]).id == other.id
    assert store.images.resolve(image.id[7:19]).id == image.id


def test_tagging_moves_names(store: Store) -> None:
    one, two = _add(store, "one", "app"), _add(store, "two", "b")
    store.images.tag("b", "app")
    assert store.images.resolve("app").id == two.id
    assert store.images.get(one.id).tags == ()
    with pytest.raises(Invalid, match="digest"):
        store.images.tag("b", "x@sha256:" + "0" * 64)
    with pytest.raises(NotFound):
        store.images.tag("nothing", "x")


def test_removing_the_last_name_removes_the_image(store: Store) -> None:
    image = _add(store, "one", "app:1", "app:2")
    assert store.images.remove("app:1") == [Removal(untagged="app:1")]
    removed = store.images.remove("app:2")
    assert removed == [
        Removal(untagged="app:2"),
        Removal(deleted=image.id),
        Removal(deleted=image.layers[0]),
    ]
    assert not store.blobs.has(image.id)
    assert store.layers.all() == []


def test_names_of_one_image_removed_at_the_same_time(store: Store) -> None:
    names = [f"app:{number}" for number in range(4)]
    for _ in range(25):
        image = _add(store, "one", *names)
        with ThreadPoolExecutor(len(names)) as pool:
            removed = [one for report in pool.map(store.images.remove, names) for one in report]
        assert sorted(one.untagged for one in removed if one.untagged) == names
        assert [one.deleted for one in removed if one.deleted] == [image.id, image.layers[0]]


def test_removing_by_id_takes_all_names_of_one_repository_only(store: Store) -> None:
    image = _add(store, "one", "app:1", "other:1")
    with pytest.raises(Conflict, match=r"delete [0-9a-f]{12} \(must be forced\) - image is referenced"):
        store.images.remove(image.id)
    removed = store.images.remove(image.id[7:19], force=True)
    assert {item.untagged for item in removed if item.untagged} == {"app:1", "other:1"}


def test_the_name_of_an_image_removed_by_id_is_reported_once(store: Store) -> None:
    image = _add(store, "one", "app:1")
    assert [item.untagged for item in store.images.remove(image.id)] == ["app:1", "", ""]


def test_containers_keep_images(store: Store) -> None:
    image = _add(store, "one", "app")
    users: Sequence[ImageUser] = [ImageUser("c" * 64, running=False)]
    store.images.users = lambda _: users
    with pytest.raises(Conflict) as caught:
        store.images.remove("app")
    assert caught.value.message == (
        'conflict: unable to remove repository reference "app" (must force) - container cccccccccccc is '
        f"using its referenced image {image.id[7:19]}"
    )
    with pytest.raises(
        Conflict, match=r"\(must be forced\) - image is being used by stopped container cccccc"
    ):
        store.images.remove(image.id)
    users = [ImageUser("c" * 64, running=True)]
    with pytest.raises(
        Conflict, match=r"\(cannot be forced\) - image is being used by running container ccc"
    ):
        store.images.remove(image.id, force=True)
    assert store.images.remove("app", force=True) == [Removal(untagged="app:latest")], "only its name goes"
    assert store.images.get(image.id).tags == ()
    users = [ImageUser("c" * 64, running=False)]
    assert store.images.remove(image.id, force=True)[0].deleted == image.id


def test_children_keep_parents_and_pruning_takes_them_along(store: Store) -> None:
    parent = _add(store, "base", "base")
    child = _add(store, "child", "child", parent=parent)
    with pytest.raises(Conflict, match=r"\(cannot be forced\) - image has dependent child images"):
        store.images.remove(parent.id, force=True)
    assert store.images.remove("base") == [Removal(untagged="base:latest")]
    deleted = [item.deleted for item in store.images.remove("child") if item.deleted]
    assert deleted == [child.id, child.layers[1], parent.id, parent.layers[0]]


def test_without_pruning_the_parent_stays(store: Store) -> None:
    parent = _add(store, "base")
    _add(store, "child", "child", parent=parent)
    store.images.remove("child", prune=False)
    assert store.images.get(parent.id).layers == parent.layers


def test_layers_are_shared(store: Store) -> None:
    parent = _add(store, "base", "base")
    child = _add(store, "child", "child", parent=parent)
    assert len(store.layers.all()) == 2
    assert [item.deleted for item in store.images.remove("child")] == ["", child.id, child.layers[1]]
    assert [layer.diff_id for layer in store.layers.all()] == list(parent.layers)


def test_blobs_are_kept_with_their_images(store: Store) -> None:
    one, two = _add(store, "one", "one"), _add(store, "two", "two")
    shared, own = store.blobs.put(b"shared"), store.blobs.put(b"own")
    store.images.keep_blobs(one.id, [(shared, "text/x"), (own, "text/x")])
    store.images.keep_blobs(two.id, [(shared, "text/x")])
    store.images.remove("one")
    assert (store.blobs.has(shared), store.blobs.has(own)) == (True, False)
    store.images.remove("two")
    assert store.blobs.digests() == []


def test_a_name_with_a_digest(store: Store) -> None:
    image = _add(store, "one", "app:1")
    digest = "sha256:" + "ab" * 32
    store.images.name(image.id, parse_reference(f"app:1@{digest}"))
    assert store.images.resolve(f"app@{digest}").id == image.id
    assert store.images.resolve(f"app:other@{digest}").digests == (f"docker.io/library/app@{digest}",)
    removed = store.images.remove("app:1")
    assert [item.untagged for item in removed if item.untagged] == ["app:1", f"app@{digest}"]


def test_history(store: Store) -> None:
    parent = _add(store, "base", "base:1")
    child = _add(store, "child", "child", parent=parent)
    steps = store.images.history("child")
    assert [(step.id, step.created_by, step.tags) for step in steps] == [
        (child.id, "child", ("child:latest",)),
        (parent.id, "base", ("base:1",)),
    ]
    assert [step.id for step in store.images.history("base:1")] == [parent.id]


def test_the_list_is_newest_first_and_has_the_built_in_ones(store: Store) -> None:
    _add(store, "one", "app")
    names = [image.tags[0].removeprefix("docker.io/library/") for image in store.images.list()]
    assert names == ["host:latest", "hello:latest", "app:latest"]


def test_a_built_in_image_that_was_removed_stays_away_until_asked_for(store: Store) -> None:
    store.images.resolve("hello")
    store.images.remove("hello")
    assert not [image for image in store.images.list() if "docker.io/library/hello:latest" in image.tags]
    assert store.images.resolve("hello").tags == ("docker.io/library/hello:latest",)


def test_a_user_s_own_hello_is_left_alone(store: Store) -> None:
    mine = _add(store, "mine", "hello", "host")
    assert store.images.resolve("hello").id == mine.id
    assert store.images.resolve("host").id == mine.id
    store.images.remove("hello")
    assert store.images.resolve("hello").id != mine.id


def test_disk_use_is_what_du_says(store: Store) -> None:
    for number in range(3):
        _add(store, f"file{number}" * 10, f"app:{number}")
    store.images.resolve("host")
    store.layers.close()
    first = store.layers.disk_usage()
    said = subprocess.run(
        ["du", "-sB1", f"{store.state_dir}/layers"], capture_output=True, text=True, check=True
    )
    own = Path(f"{store.state_dir}/layers").stat().st_blocks * 512
    assert first == int(said.stdout.split()[0]) - own
    assert store.layers.disk_usage() == first


def test_what_is_on_its_way_out_still_counts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    _add(store, "gone", "app:1")
    go = threading.Event()

    def later(path: str, *, stop: Callable[[], bool]) -> None:
        go.wait(60)
        remove_tree(path, stop=stop)

    monkeypatch.setattr(departing, "remove_tree", later)
    store.images.remove("app:1")
    assert store.layers.all() == []
    assert store.layers.disk_usage() > 0
    go.set()
    store.layers.settle()
    assert store.layers.disk_usage() == 0
    assert os.listdir(f"{store.state_dir}/layers") == []


def test_a_removal_that_was_cut_off_goes_on_at_the_next_start(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    _add(store, "gone", "app:1")
    (layer,) = store.layers.all()
    os.rename(store.layers.path(layer.diff_id), f"{tmp_path}/layers/{departing.MARK}1")
    store.images.remove("app:1")
    store.close()
    again = Store(str(tmp_path))
    again.layers.settle()
    assert os.listdir(f"{tmp_path}/layers") == []
    again.close()
