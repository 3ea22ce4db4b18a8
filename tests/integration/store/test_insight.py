"""What images say of themselves: hidden bytes, differences, and squashing that loses nothing."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from wherry.errors import Invalid
from wherry.oci import History, ImageConfig, RootFS, RunConfig, encode_image_config, parse_reference
from wherry.store import Store
from wherry.store.images import Image
from wherry.store.images.difference import compare
from wherry.store.images.explain import explain
from wherry.store.images.squash import squash
from wherry.store.snapshots.merged import Merged

Files = dict[str, bytes | None]  # None: a directory


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(str(tmp_path / "store"), driver="copy")
    yield made
    made.close()


def layer(files: Files, *, modes: dict[str, int] | None = None, links: dict[str, str] | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.mode = (modes or {}).get(name, 0o755 if data is None else 0o644)
            if data is None:
                member.type = tarfile.DIRTYPE
                tar.addfile(member)
            else:
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.LNKTYPE, target
            tar.addfile(member)
    return out.getvalue()


def image(store: Store, name: str, *layers: bytes, **config: object) -> Image:
    with store.layers.lease() as lease:
        diff_ids = [store.layers.unpack([one], lease).diff_id for one in layers]
        made = ImageConfig(
            architecture="amd64",
            rootfs=RootFS(diff_ids=diff_ids),
            config=RunConfig(**config),  # type: ignore[arg-type]
            history=[
                History(created_by="ENV a=b", empty_layer=True),
                *(History(created_by=f"step {number}") for number in range(len(layers))),
            ],
        )
        return store.images.add(encode_image_config(made), lease=lease, tags=[parse_reference(name).tagged])


BASE = layer({"d": None, "d/big": b"B" * 5000, "d/kept": b"k" * 10, "e": None, "e/x": b"x" * 300, "f": b"f"})
DELETES = layer({"d/.wh.big": b"", "f": b"replaced"})
OPAQUE = layer({"e": None, "e/.wh..wh..opq": b"", "e/y": b"y"})
FILE_OVER_DIRECTORY = layer({"d": b"now a file"})


def seen(store: Store, one: Image) -> dict[str, bytes | None]:
    """Every file of an image with its content."""
    with Merged([store.layers.path(diff_id) for diff_id in reversed(one.layers)]) as merged:
        found: dict[str, bytes | None] = {}
        for member in merged.walk():
            path = Path(member.root.path) / member.path
            found[member.path] = path.read_bytes() if path.is_file() else None
        return found


def test_hidden_bytes_are_charged_to_the_layer_they_came_with(store: Store) -> None:
    image(store, "x", BASE, DELETES, OPAQUE)
    found = explain(store, "x")
    assert [one.created_by for one in found.layers] == ["step 0", "step 1", "step 2"]
    assert [one.hidden for one in found.layers] == [5000 + 1 + 300, 0, 0]
    assert [(one.path, one.size, one.layer, one.by, one.deleted) for one in found.largest] == [
        ("/d/big", 5000, 0, 1, True),
        ("/e/x", 300, 0, 2, True),
        ("/f", 1, 0, 1, False),
    ]


def test_a_file_where_a_directory_was_hides_all_of_it(store: Store) -> None:
    image(store, "x", BASE, DELETES, FILE_OVER_DIRECTORY)
    found = explain(store, "x")
    assert found.layers[0].hidden == 5000 + 10 + 1
    assert {one.path: one.by for one in found.largest} == {"/d/big": 2, "/d/kept": 2, "/f": 1}


def test_a_file_with_two_names_is_hidden_when_both_are(store: Store) -> None:
    base = layer({"a": b"1" * 100}, links={"b": "a"})
    image(store, "one", base, layer({".wh.a": b""}))
    assert explain(store, "one").hidden == 0
    image(store, "both", base, layer({".wh.a": b"", ".wh.b": b""}))
    assert explain(store, "both").hidden == 100


@pytest.mark.parametrize(
    "layers",
    [
        (BASE,),
        (BASE, DELETES),
        (BASE, DELETES, OPAQUE),
        (BASE, DELETES, FILE_OVER_DIRECTORY),
        (BASE, FILE_OVER_DIRECTORY, layer({"d": None, "d/new": b"n"})),
        (BASE, layer({".wh.d": b""}), layer({"d": None, "d/again": b"a"})),
    ],
)
def test_squashing_keeps_what_is_seen_and_nothing_else(store: Store, layers: tuple[bytes, ...]) -> None:
    made = image(store, "x", *layers, env=["A=b"], cmd=["/f"])
    before = explain(store, "x")
    small = squash(store, "x", "y:1")
    assert seen(store, small) == seen(store, made)
    assert len(small.layers) == 1 and small.config.config == made.config.config
    assert small.size == made.size - before.hidden
    assert explain(store, "y:1").hidden == 0
    assert store.images.history("y:1")[0].size == small.size
    for kept in range(1, len(layers)):
        image(store, "base", *layers[:kept])
        over = squash(store, "x", above="base")
        assert over.layers[:kept] == made.layers[:kept]
        assert len(over.layers) == kept + 1
        assert seen(store, over) == seen(store, made)


def test_squashing_keeps_the_roots_mode(store: Store) -> None:
    base = layer({".": None, "a": b"a"}, modes={".": 0o1777})
    image(store, "x", base, layer({"b": b"b"}))
    small = squash(store, "x")
    root = store.layers.get(small.layers[0]).root
    assert root is not None and json.loads(root)[0] == 0o1777


def test_squashing_over_a_stranger_is_refused(store: Store) -> None:
    image(store, "x", BASE, DELETES)
    image(store, "other", OPAQUE)
    with pytest.raises(Invalid, match="was not made from other"):
        squash(store, "x", above="other")


# outside a user namespace an ordinary user's own id owns what an archive only implies
@pytest.mark.needs("root")
def test_differences_of_files_and_configuration(store: Store) -> None:
    image(store, "a", BASE, env=["A=1"])
    image(store, "b", BASE, DELETES, layer({"new": b"12"}), env=["A=2"])
    found = compare(store, "a", "b")
    assert [(one.kind, one.path, one.what, one.before, one.after) for one in found.files] == [
        ("D", "/d/big", (), 5000, 0),
        ("C", "/f", ("content",), 1, 8),
        ("A", "/new", (), 0, 2),
    ]
    assert found.config == [("Env", ["A=1"], ["A=2"])]


def test_the_same_content_in_other_layers_is_no_difference(store: Store) -> None:
    image(store, "a", layer({"f": b"same", "g": b"1234"}))
    image(store, "b", layer({"f": b"same"}), layer({"g": b"4321"}), layer({"h": b""}, modes={"h": 0o600}))
    assert [(one.kind, one.path, one.what) for one in compare(store, "a", "b").files] == [
        ("C", "/g", ("content",)),
        ("A", "/h", ()),
    ]
