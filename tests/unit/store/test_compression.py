"""Compressed streams."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
from collections.abc import Callable

import pytest
import zstandard

from wherry.errors import Invalid
from wherry.store import compression
from wherry.store.compression import decompress
from wherry.store.pipeline import Hashing, read_ahead

_DATA = random.Random(7).randbytes(300_000) + bytes(3_000_000) + b"end"
_KINDS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": lambda data: gzip.compress(data, 6),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("size", [1000, 1 << 20])
def test_every_kind_is_recognised(kind: str, size: int) -> None:
    packed = _KINDS[kind](_DATA)
    assert b"".join(decompress(_pieces(packed, size))) == _DATA


@pytest.mark.parametrize("kind", ["gzip", "zstd", "bzip2", "xz"])
def test_several_members_are_one_stream(kind: str) -> None:
    pack = _KINDS[kind]
    packed = pack(b"one, ") + pack(b"two, ") + pack(_DATA)
    assert b"".join(decompress(_pieces(packed, 777))) == b"one, two, " + _DATA


def test_padding_after_gzip_is_no_damage() -> None:
    assert b"".join(decompress(_pieces(gzip.compress(b"x") + bytes(1024), 100))) == b"x"


@pytest.mark.parametrize("kind", ["gzip", "zstd", "bzip2", "xz"])
def test_a_stream_that_was_cut_is_refused(kind: str) -> None:
    packed = _KINDS[kind](_DATA)
    with pytest.raises(Invalid):
        b"".join(decompress(_pieces(packed[: len(packed) // 2], 4096)))


@pytest.mark.parametrize("kind", ["gzip", "zstd", "bzip2", "xz"])
def test_a_damaged_stream_is_refused(kind: str) -> None:
    packed = bytearray(_KINDS[kind](_DATA))
    middle = len(packed) // 2
    packed[middle : middle + 64] = bytes(64)
    with pytest.raises(Invalid):
        b"".join(decompress(_pieces(bytes(packed), 4096)))


def test_plain_zlib_serves_where_isal_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "igzip_lib", None)
    packed = gzip.compress(b"one, ") + gzip.compress(_DATA)
    assert b"".join(decompress(_pieces(packed, 5000))) == b"one, " + _DATA
    with pytest.raises(Invalid):
        b"".join(decompress([packed[:-20]]))


def test_output_comes_in_bounded_chunks() -> None:
    packed = gzip.compress(bytes(50 << 20))
    assert max(len(chunk) for chunk in decompress([packed])) <= 1 << 20


@pytest.mark.parametrize("kind", ["zstd", "bzip2", "xz"])
def test_a_bomb_is_refused(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "RATIO_FROM", 8 << 20)
    packed = _KINDS[kind](bytes(64 << 20))
    size = 0
    with pytest.raises(Invalid, match="1200-fold"):
        for chunk in decompress([packed]):
            size += len(chunk)
    assert size < 32 << 20
    assert sum(map(len, decompress([_KINDS["gzip"](bytes(64 << 20))]))) == 64 << 20


def test_reading_ahead_keeps_order_and_passes_errors_on() -> None:
    def failing() -> object:
        yield b"a"
        raise Invalid("broken")

    assert list(read_ahead(iter([b"1", b"2", b"3"]))) == [b"1", b"2", b"3"]
    with pytest.raises(Invalid, match="broken"):
        list(read_ahead(failing()))  # type: ignore[arg-type]


def test_a_reader_that_goes_away_stops_the_thread() -> None:
    taken = []

    def endless() -> object:
        while True:
            taken.append(1)
            yield b"x"

    ahead = read_ahead(endless(), depth=2)  # type: ignore[arg-type]
    next(ahead)
    ahead.close()
    count = len(taken)
    assert count < 10
    assert len(taken) == count


def test_hashing_beside_the_reader() -> None:
    with Hashing() as hashing:
        assert b"".join(hashing.through([b"ab", b"c"])) == b"abc"
        assert hashing.digest() == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
