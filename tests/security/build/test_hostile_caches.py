"""What whoever writes a cache or an image layout can't do: nothing is read outside of it, nothing that it
says is believed without its digest, and nonsense in it is an error of one line."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.command import Command
from wherry.build.sharing.documents import Record, cache_documents, inlined, read_inlined, read_records
from wherry.errors import WherryError
from wherry.oci.manifest import Descriptor, Manifest, parse_manifest

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
_RECORD = Record("a" * 64, "sha256:" + "b" * 64, "2020-01-01T00:00:00Z", "RUN x", "regular", "")


def _manifest() -> tuple[dict[str, Any], Manifest]:
    blob = Descriptor(media_type="x/y", digest="sha256:" + "c" * 64, size=1)
    config, manifest = cache_documents([_RECORD], {_RECORD.diff_id: blob})
    fields: dict[str, Any] = json.loads(config)
    return fields, parse_manifest(manifest)


@given(place=st.integers(0, 5), value=ANYTHING)
def test_nonsense_in_a_cache_is_refused(place: int, value: Any) -> None:
    fields, manifest = _manifest()
    record = fields["records"][0]
    keys: list[Callable[[], None]] = [
        lambda: fields.update(records=value),
        lambda: fields.update(records=[value]),
        lambda: record.update(digest=value),
        lambda: record.update(wherry=value),
        lambda: record["wherry"].update(diff_id=value),
        lambda: record["wherry"].update(created=value, step=value, kind=value),
    ]
    keys[place]()
    try:
        records, _ = read_records(json.dumps(fields).encode(), manifest)
    except WherryError:
        return
    assert all(isinstance(one.step, str) and len(one.step) <= 500 for one in records)


@given(value=ANYTHING)
def test_nonsense_in_an_image_is_refused(value: Any) -> None:
    config = json.loads(inlined(b"{}", [_RECORD]))
    assert read_inlined(json.dumps(config).encode()) == [_RECORD]
    (name,) = config
    for said in ({name: value}, {name: [value]}, {name: [{**config[name][0], "key": value}]}, value):
        try:
            read_inlined(json.dumps(said).encode())
        except WherryError:
            pass


class _Layout:
    """A cache that says of a step that it came to whatever its author likes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "blobs" / "sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, data: bytes) -> Descriptor:
        digest = hashlib.sha256(data).hexdigest()
        (self.folder / "blobs" / "sha256" / digest).write_bytes(data)
        return Descriptor(media_type="application/octet-stream", digest=f"sha256:{digest}", size=len(data))

    def cache(self, key: str, layer: bytes, diff_id: str = "") -> None:
        packed = self.blob(gzip.compress(layer))
        diff_id = diff_id or f"sha256:{hashlib.sha256(layer).hexdigest()}"
        record = Record(key, diff_id, "2020-01-01T00:00:00Z", "RUN x", "regular", "")
        config, manifest = cache_documents([record], {diff_id: packed})
        self.blob(config)
        top = self.blob(manifest)
        kind = "application/vnd.oci.image.manifest.v1+json"
        index = {
            "schemaVersion": 2,
            "manifests": [{"mediaType": kind, "digest": top.digest, "size": top.size}],
        }
        (self.folder / "index.json").write_text(json.dumps(index))


def _tar(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _key_of(wherry: Command, context: Path) -> str:
    """The key of the only step that makes a layer."""
    wherry("builder", "prune", "-af")
    wherry("build", str(context))
    said = wherry("builder", "du", "--verbose").out
    blocks = [block for block in said.split("\n\n") if "RUN echo honest" in block]
    return blocks[0].partition("ID:")[2].split()[0]


@pytest.mark.needs("root")
@pytest.mark.parametrize("attack", ["other content", "traversal", "link out", "damaged"])
def test_a_layer_is_what_it_is_said_to_be_or_the_step_runs(
    wherry: Command, image: str, tmp_path: Path, attack: str
) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(f"FROM {image}\nRUN echo honest > /file\n")
    key = _key_of(wherry, context)
    wherry("builder", "prune", "-af")
    layout = _Layout(tmp_path / "cache")
    outside = tmp_path / "outside"
    if attack == "other content":
        layout.cache(key, _tar("file", b"evil\n"), diff_id="sha256:" + "d" * 64)
    elif attack == "traversal":
        layout.cache(key, _tar(f"../../../../../../..{outside}", b"evil\n"))
    else:
        layout.cache(key, _tar("file", b"evil\n" * 1000))
        blobs = (tmp_path / "cache" / "blobs" / "sha256").iterdir()
        (packed,) = [path for path in blobs if path.read_bytes().startswith(b"\x1f\x8b")]
        if attack == "link out":
            packed.rename(outside)
            packed.symlink_to(outside)
        else:
            packed.write_bytes(b"\x1f\x8b nothing")
    option = f"--cache-from=type=local,src={tmp_path / 'cache'}"
    done = wherry("build", "--progress=plain", option, str(context))
    assert "can't be used" in done.err
    said = wherry("run", "--rm", "--network=none", done.line, "cat", "/file").out
    assert said == "honest\n"
    assert attack == "link out" or not outside.exists()
