"""Bodies: lengths and chunks undone, whatever pieces they arrive in."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.api.http.body import ChunkedDecoder, Decoder, LengthDecoder
from wherry.api.http.head import BadRequest


def _drain(decoder: Decoder, pieces: list[bytes], limit: int) -> tuple[bytes, bytes]:
    buffer = bytearray()
    out = b""
    for piece in pieces:
        buffer += piece
        while not decoder.done and (taken := decoder.take(buffer, limit)):
            assert len(taken) <= limit
            out += taken
    if not decoder.done:
        out += decoder.take(buffer, limit)
    return out, bytes(buffer)


def _split(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(
    st.lists(st.binary(min_size=1, max_size=50), max_size=6),
    st.lists(st.integers(0, 1000), max_size=8),
    st.integers(1, 64),
)
def test_chunks_come_back_however_they_are_cut(chunks: list[bytes], cuts: list[int], limit: int) -> None:
    wire = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    wire += b"0\r\nTrailer: x\r\n\r\nNEXT"
    decoder = ChunkedDecoder()
    body, rest = _drain(decoder, _split(wire, cuts), limit)
    assert decoder.done
    assert body == b"".join(chunks)
    assert b"".join((rest,)).endswith(b"NEXT"[-len(rest) :]) if rest else True


@given(st.binary(max_size=100), st.lists(st.integers(0, 1000), max_size=5), st.integers(1, 64))
def test_a_length_is_kept(body: bytes, cuts: list[int], limit: int) -> None:
    decoder = LengthDecoder(len(body))
    out, rest = _drain(decoder, [*_split(body, cuts), b"NEXT"], limit)
    assert decoder.done
    assert out == body
    assert rest == b"NEXT"


@pytest.mark.parametrize(
    "wire", [b"x\r\n", b"-1\r\n", b"0x5\r\n", b"\r\n", b"3\r\nabcd\r\n", b"f" * 5000, b"1" * 17 + b"\r\n"]
)
def test_malformed_chunks(wire: bytes) -> None:
    with pytest.raises(BadRequest):
        _drain(ChunkedDecoder(), [wire], 1000)


def test_endless_trailers_are_cut_off() -> None:
    with pytest.raises(BadRequest):
        _drain(ChunkedDecoder(), [b"0\r\n" + b"A: b\r\n" * 10_000], 1000)
