"""The archive reader and writer, against each other and against tarfile."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherry.errors import Invalid
from wherry.store.tar import ByteSource, Kind, TarEntry, end_of_archive, header, padding, read_entries

_name = st.text(
    st.characters(codec="utf-8", exclude_characters="\0/", exclude_categories=["Cs"]),
    min_size=1,
    max_size=120,
).filter(lambda text: text not in (".", ".."))
_path = st.lists(_name, min_size=1, max_size=4).map("/".join)


def _read(data: bytes, chunk: int = 1 << 20) -> list[tuple[TarEntry, bytes]]:
    pieces = [data[start : start + chunk] for start in range(0, len(data), chunk)]
    source = ByteSource(pieces)
    return [(entry, source.take(entry.stored)) for entry in read_entries(source)]


@st.composite
def _entries(draw: st.DrawFn) -> tuple[TarEntry, bytes]:
    kind = draw(
        st.sampled_from([Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK, Kind.HARDLINK, Kind.CHAR, Kind.FIFO])
    )
    content = draw(st.binary(max_size=1500)) if kind == Kind.FILE else b""
    name = draw(_path).encode() + (b"/" if kind == Kind.DIRECTORY else b"")
    keys = st.sampled_from([b"user.a", b"security.capability", b"user.caf\xc3\xa9"])
    entry = TarEntry(
        name,
        kind,
        mode=draw(st.integers(0, 0o7777)),
        uid=draw(st.integers(0, 2**32 - 2)),
        gid=draw(st.integers(0, 2**32 - 2)),
        size=len(content),
        mtime_ns=draw(st.integers(-(2**40) * 10**6, 2**33 * 10**9)),
        linkname=draw(_path).encode() if kind in (Kind.SYMLINK, Kind.HARDLINK) else b"",
        major=draw(st.integers(0, 4095)) if kind == Kind.CHAR else 0,
        minor=draw(st.integers(0, 2**20 - 1)) if kind == Kind.CHAR else 0,
        xattrs=draw(st.dictionaries(keys, st.binary(max_size=40), max_size=2)) or None,
    )
    return entry, content


@settings(max_examples=150, deadline=None)
@given(members=st.lists(_entries(), max_size=6), chunk=st.integers(1, 3000))
def test_what_is_written_is_read(members: list[tuple[TarEntry, bytes]], chunk: int) -> None:
    data = b"".join(header(entry) + content + padding(len(content)) for entry, content in members)
    found = _read(data + end_of_archive(), chunk)
    assert len(found) == len(members)
    for (entry, content), (expected, wanted) in zip(found, members, strict=True):
        assert content == wanted
        for field in TarEntry.__slots__:
            assert getattr(entry, field) == getattr(expected, field), field


@settings(max_examples=60, deadline=None)
@given(members=st.lists(_entries(), max_size=5))
def test_what_is_written_is_what_tarfile_reads(members: list[tuple[TarEntry, bytes]]) -> None:
    data = b"".join(header(entry) + content + padding(len(content)) for entry, content in members)
    with tarfile.open(fileobj=io.BytesIO(data + end_of_archive()), errors="surrogateescape") as archive:
        for info, (entry, content) in zip(archive.getmembers(), members, strict=True):
            assert info.name.encode("utf-8", "surrogateescape") == entry.name.rstrip(b"/")
            assert (info.mode, info.uid, info.gid) == (entry.mode, entry.uid, entry.gid)
            assert info.linkname.encode("utf-8", "surrogateescape") == entry.linkname
            if info.isfile():
                file = archive.extractfile(info)
                assert file is not None and file.read() == content


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_format_that_tarfile_writes_is_read(form: int) -> None:
    buffer = io.BytesIO()
    long_name = "d/" * 40 + "f" * 60
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        info = tarfile.TarInfo(long_name if form != tarfile.USTAR_FORMAT else "d/" * 40 + "f" * 20)
        info.size, info.mtime, info.mode = 5, 1_700_000_000, 0o4755
        archive.addfile(info, io.BytesIO(b"hello"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "t" * (90 if form == tarfile.USTAR_FORMAT else 300)
        archive.addfile(link)
        big = tarfile.TarInfo("big-id")
        big.uid = 3_000_000 if form != tarfile.USTAR_FORMAT else 300
        archive.addfile(big)
    found = _read(buffer.getvalue(), 700)
    assert found[0][0].name.decode() == info.name
    assert found[0][1] == b"hello"
    assert found[0][0].mtime_ns == 1_700_000_000 * 10**9
    assert found[0][0].mode == 0o4755
    assert found[1][0].linkname.decode() == link.linkname
    assert found[2][0].uid == big.uid


def test_global_pax_headers_hold_for_all_that_follow() -> None:
    buffer = io.BytesIO()
    with tarfile.open(
        fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"uid": "77", "comment": "x"}
    ) as archive:
        archive.addfile(tarfile.TarInfo("a"))
        archive.addfile(tarfile.TarInfo("b"))
    assert [entry.uid for entry, _ in _read(buffer.getvalue())] == [77, 77]


def test_names_that_are_no_utf_8_survive() -> None:
    entry = TarEntry(b"caf\xe9/" + b"x" * 150, Kind.FILE)
    ((found, _),) = _read(header(entry) + end_of_archive())
    assert found.name == entry.name


def test_kept_bytes_and_contents_make_up_the_archive() -> None:
    entry = TarEntry(b"n" * 200, Kind.FILE, size=700)
    data = header(entry) + b"c" * 700 + padding(700) + end_of_archive() + bytes(8192)
    kept: list[bytes] = []
    source = ByteSource([data])
    for found in read_entries(source, kept.append):
        kept.append(source.take(found.stored))
    assert b"".join(kept) == data


def _broken() -> Iterator[tuple[str, bytes]]:
    good = header(TarEntry(b"a", Kind.FILE, size=600))
    yield "cut in a header", good[:300]
    yield "cut in a content", good + b"x" * 100
    yield "checksum", good[:148] + b"0000000\0" + good[156:]
    yield "no archive", b"hello, world" * 100
    yield "unknown type", _typed(b"Z")
    yield "no name", header(TarEntry(b"", Kind.FILE))
    yield "huge pax", _extended(b"x" * ((1 << 20) + 1))
    for name, records in {
        "no length": b"path=x\n",
        "length beyond": b"99 path=x\n",
        "length zero": b"0 path=x\n",
        "no newline": b"8 path=x",
        "no key": b"5 =x\n",
        "negative size": b"11 size=-5\n",
        "huge size": b"32 size=99999999999999999999999\n",
        "zero in a path": b"10 path=\0\n",
        "empty path": b"8 path=\n",
        "time": b"13 mtime=1e9\n",
    }.items():
        yield f"pax: {name}", _extended(records)


def _typed(flag: bytes) -> bytes:
    block = bytearray(header(TarEntry(b"a", Kind.FILE)))
    block[156:157] = flag
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _extended(records: bytes) -> bytes:
    block = bytearray(header(TarEntry(b"x", Kind.FILE, size=len(records))))
    block[156:157] = b"x"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return (
        bytes(block) + records + padding(len(records)) + header(TarEntry(b"a", Kind.FILE)) + end_of_archive()
    )


@pytest.mark.parametrize(("what", "data"), list(_broken()))
def test_damaged_archives_are_refused(what: str, data: bytes) -> None:
    with pytest.raises(Invalid):
        _read(data)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2048), st.integers(0, 511))
def test_no_bytes_make_it_fail_in_another_way(noise: bytes, position: int) -> None:
    block = bytearray(header(TarEntry(b"name", Kind.FILE, size=10, xattrs={b"user.x": b"y"})))
    block[position : position + len(noise)] = noise
    for data in (noise, bytes(block) + bytes(2048)):
        try:
            _read(data)
        except Invalid:
            pass


def test_too_much_after_the_end_is_refused() -> None:
    def chunks() -> Iterator[bytes]:
        yield end_of_archive()
        for _ in range(80):
            yield bytes(1 << 20)

    with pytest.raises(Invalid, match="after the end"):
        list(read_entries(ByteSource(chunks())))
