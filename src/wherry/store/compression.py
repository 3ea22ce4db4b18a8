"""Compressed streams, recognised by their first bytes: gzip (isal where the machine has it, about twice as
fast as zlib), zstd, bzip2, xz."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import zstandard

from wherry.errors import Invalid
from wherry.store.tar.source import ByteSource

igzip_lib: Any
isal_zlib: Any
try:
    from isal import igzip_lib, isal_zlib
except ImportError:  # no isal for this architecture
    igzip_lib = isal_zlib = None

__all__ = ["compress", "compression_of", "decompress"]

_OUTPUT = 512 * 1024  # bytes a chunk: large against the cost of a step in Python, small against the cache
RATIO = 1200  # gzip can do 1032 at the most; zstd, bzip2 and xz have hardly any bound
RATIO_FROM = 1 << 30  # bytes of output; below that nobody is hurt
_ZSTD_INPUT = 4096
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
}


class _Stepwise(Protocol):
    eof: bool
    needs_input: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def compression_of(head: bytes) -> str:
    """`gzip`, `zstd`, `bzip2`, `xz`, or empty, judged by the first six bytes of a stream."""
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    # zstd streams may begin with a skippable frame (RFC 8878, 3.1.2).
    if len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50:
        return "zstd"
    return ""


def decompress(chunks: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """What `chunks` hold, decompressed if they are compressed. Raises Invalid for damaged or cut streams."""
    source = ByteSource(chunks)
    kind = compression_of(source.peek(6))
    if not kind:
        return source.rest()
    output = _zstd(source.rest()) if kind == "zstd" else _members(source.rest(), kind)
    return _bounded(output, source)


def _bounded(output: Iterator[bytes], source: ByteSource) -> Iterator[bytes]:
    size = 0
    for chunk in output:
        size += len(chunk)
        if size > RATIO_FROM and size > RATIO * source.position:
            raise Invalid(
                f"compressed stream that grows more than {RATIO}-fold",
                hint="that is an attack, or a file of nothing but zeros",
            )
        yield chunk


def compress(
    chunks: Iterable[bytes | memoryview], kind: str = "gzip", level: int | None = None
) -> Iterator[bytes]:
    """The same bytes as one gzip member or zstd frame (or, with an empty `kind`, as they are), always the
    same for the same input on the same machine.

    Without a level gzip has the one where isal is as fast as at its lowest and files are smallest (about
    450 MB/s), zstd its own default. Raises Invalid for a level that there isn't (gzip 0 to 9, zstd 0 to 22).
    """
    state: Any
    if not kind:
        yield from (bytes(chunk) for chunk in chunks)
        return
    if level is not None and not 0 <= level <= (22 if kind == "zstd" else 9):
        raise Invalid(f"{kind} has no compression level {level}")
    if kind == "zstd":
        state = zstandard.ZstdCompressor(level=3 if level is None else level).compressobj()
    elif level is None and isal_zlib is not None:
        state = isal_zlib.compressobj(2, isal_zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    else:
        state = zlib.compressobj(4 if level is None else level, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    for chunk in chunks:
        if packed := state.compress(chunk):
            yield packed
    yield state.flush()


def _members(chunks: Iterator[memoryview], kind: str) -> Iterator[bytes]:
    # gzip, bzip2 and xz streams may be several, one after the other.
    state = _decompressor(kind)
    started = False
    for chunk in chunks:
        data = bytes(chunk)
        while data or not state.needs_input:
            try:
                output = state.decompress(data, _OUTPUT)
            except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, _IsalError) as error:
                if kind == "gzip" and not started and not data.strip(b"\0"):
                    return  # padding after the last member, as tapes have it
                raise Invalid(f"damaged {kind} stream: {error}") from error
            started = True
            data = b""
            if output:
                yield output
            if state.eof:
                data = state.unused_data
                state, started = _decompressor(kind), False
                if not data:
                    break
    if started:
        raise Invalid(f"unexpected end of a {kind} stream", hint="the file was cut short")


def _zstd(chunks: Iterator[memoryview]) -> Iterator[bytes]:
    # Its decompressor has no bound on output, so the input comes in slices: one gives 128 MiB at the worst.
    context = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    state = context.decompressobj()
    started = False
    ready: list[bytes] = []
    size = 0
    for chunk in chunks:
        for start in range(0, len(chunk), _ZSTD_INPUT):
            data = bytes(chunk[start : start + _ZSTD_INPUT])
            while data:
                try:
                    output = state.decompress(data)
                except zstandard.ZstdError as error:
                    raise Invalid(f"damaged zstd stream: {error}") from error
                ready.append(output)
                size += len(output)
                started, data = True, b""
                if state.eof:
                    data = state.unused_data
                    state, started = context.decompressobj(), False
            if size >= _OUTPUT:
                yield b"".join(ready)
                ready.clear()
                size = 0
    if started:
        raise Invalid("unexpected end of a zstd stream", hint="the file was cut short")
    yield b"".join(ready)


def _decompressor(kind: str) -> _Stepwise:
    made: Any
    if kind == "bzip2":
        made = bz2.BZ2Decompressor()
    elif kind == "xz":
        made = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=256 << 20)
    elif igzip_lib is not None:
        made = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    else:
        made = _PlainGzip()
    stepwise: _Stepwise = made
    return stepwise


class _PlainGzip:
    """zlib's decompressor in the shape of bz2's."""

    def __init__(self) -> None:
        self._state = zlib.decompressobj(31)
        self._pending = b""

    @property
    def eof(self) -> bool:
        return self._state.eof

    @property
    def needs_input(self) -> bool:
        return not self._pending and not self._state.eof

    @property
    def unused_data(self) -> bytes:
        return self._state.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        output = self._state.decompress(self._pending + data, max(max_length, 0))
        self._pending = self._state.unconsumed_tail
        return output


_IsalError: type[Exception] = isal_zlib.error if isal_zlib is not None else zlib.error
