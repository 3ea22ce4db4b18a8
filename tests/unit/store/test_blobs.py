"""Blobs: whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wherry.errors import Invalid, NotFound
from wherry.oci import sha256_of
from wherry.store.blobs import Blobs


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(str(tmp_path / "blobs"))


def test_put_and_read(blobs: Blobs) -> None:
    digest = blobs.put(b"hello")
    assert digest == sha256_of(b"hello") == blobs.put(b"hello")
    assert blobs.read(digest) == b"hello"
    assert blobs.size(digest) == 5
    assert blobs.digests() == [digest]
    assert blobs.remove(digest)
    assert not blobs.remove(digest)
    with pytest.raises(NotFound):
        blobs.read(digest)


def test_wrong_bytes_never_get_the_name(blobs: Blobs) -> None:
    digest = sha256_of(b"right")
    with pytest.raises(Invalid), blobs.writer(digest) as writer:
        writer.write(b"wrong")
        writer.commit()
    with pytest.raises(Invalid):
        blobs.put_chunks(digest, [b"wro", b"ng"])
    assert not blobs.has(digest)
    assert os.listdir(blobs.path(digest).rsplit("/", 2)[0] + "/partial") == []


def test_damage_on_disk_is_noticed(blobs: Blobs) -> None:
    digest = blobs.put(b"hello")
    Path(blobs.path(digest)).write_bytes(b"hellO")
    with pytest.raises(Invalid, match="damaged"):
        blobs.read(digest)


def test_names_that_are_no_digests_never_reach_the_disk(blobs: Blobs) -> None:
    for name in ("sha256:../../x", "../x", "sha256:" + "A" * 64, "md5:" + "0" * 32):
        with pytest.raises(Invalid):
            blobs.path(name)


def test_leftovers_of_a_crash_are_removed(blobs: Blobs, tmp_path: Path) -> None:
    leftover = tmp_path / "blobs" / "partial" / "sha256-abc.1.2.tmp"
    leftover.write_bytes(b"x")
    assert blobs.mend() == [leftover.name]
    assert not leftover.exists()
