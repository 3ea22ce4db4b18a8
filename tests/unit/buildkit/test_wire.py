"""Protocol buffers: what is written is read again, and what is none is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.build.sources import File
from wherry.buildkit import messages as m
from wherry.buildkit.modes import go_mode, kind_of, mode_of
from wherry.buildkit.wire import decode, encode
from wherry.store.tar import Kind

_INTEGERS = st.integers(-(1 << 63), (1 << 63) - 1)
_STATS = st.builds(
    m.Stat,
    path=st.text(),
    mode=st.integers(0, (1 << 32) - 1),
    size=_INTEGERS,
    mtime=_INTEGERS,
    xattrs=st.dictionaries(st.text(), st.binary()),
)


@given(
    st.builds(
        m.Packet, type=st.integers(0, 4), stat=st.none() | _STATS, id=st.integers(0, 9), data=st.binary()
    )
)
def test_round_trip(packet: m.Packet) -> None:
    assert decode(encode(packet), m.Packet) == packet


@given(
    st.builds(
        m.Solve,
        ref=st.text(),
        attrs=st.dictionaries(st.text(), st.text()),
        entitlements=st.lists(st.text()),
        exporters=st.lists(st.builds(m.Entry, type=st.text(), attrs=st.dictionaries(st.text(), st.text()))),
        session_exporter=st.booleans(),
    )
)
def test_round_trip_with_maps_and_lists(solve: m.Solve) -> None:
    assert decode(encode(solve), m.Solve) == solve


@given(st.binary())
def test_anything_is_read_or_refused(data: bytes) -> None:
    try:
        decode(data, m.Solve)
    except (ValueError, RecursionError):
        pass


def test_bytes_of_others() -> None:
    """As protoc writes them; a field that nobody knows is skipped."""
    assert encode(m.Timestamp(150, -1)) == b"\x08\x96\x01\x10" + b"\xff" * 9 + b"\x01"
    assert decode(b"\x08\x96\x01\x9a\x06\x03abc\xa1\x06" + bytes(8), m.Timestamp) == m.Timestamp(150)
    assert decode(b"", m.Result) == m.Result()
    assert encode(m.SolveBridgeResponse(result=m.Result(m.Ref()))) == b"\x1a\x02\x1a\x00"


@pytest.mark.parametrize("data", [b"\x08", b"\x0a\x05abc", b"\x0f\x00", b"\x08" + b"\xff" * 11])
def test_what_is_cut_short(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode(data, m.Timestamp)


@pytest.mark.parametrize("kind", [Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK, Kind.FIFO])
@pytest.mark.parametrize("mode", [0o644, 0o4755, 0o2755, 0o1777, 0])
def test_modes(kind: int, mode: int) -> None:
    written = go_mode(File("x", kind, mode, 0, 0, 0, 0))
    assert (kind_of(written), mode_of(written)) == (kind, mode)
