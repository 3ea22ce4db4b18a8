"""Docker's frames, however the stream is cut into pieces."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.client.demux import Demultiplexer
from wherry.errors import Internal


def frame(stream: int, payload: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


@pytest.fixture
def files() -> Iterator[tuple[int, int]]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        yield out.fileno(), err.fileno()


def content(fd: int) -> bytes:
    return os.pread(fd, 1 << 20, 0)


@given(
    frames=st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=30),
    cuts=st.lists(st.integers(1, 60), min_size=1),
)
def test_any_cut(frames: list[tuple[int, bytes]], cuts: list[int]) -> None:
    stream = b"".join(frame(kind, payload) for kind, payload in frames)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        demultiplexer = Demultiplexer(out.fileno(), err.fileno())
        position, turn = 0, 0
        while position < len(stream):
            step = cuts[turn % len(cuts)]
            demultiplexer.feed(memoryview(stream[position : position + step]))
            position, turn = position + step, turn + 1
        assert content(out.fileno()) == b"".join(payload for kind, payload in frames if kind == 1)
        assert content(err.fileno()) == b"".join(payload for kind, payload in frames if kind == 2)


def test_more_frames_than_one_write_takes(files: tuple[int, int]) -> None:
    stream = b"".join(frame(1, b"%d\n" % number) for number in range(5000))
    Demultiplexer(*files).feed(memoryview(stream))
    assert content(files[0]) == b"".join(b"%d\n" % number for number in range(5000))


def test_full_pipe_that_does_not_block() -> None:
    """Standard output may be a non-blocking pipe that somebody else made so: every byte still arrives."""
    reading, writing = os.pipe2(os.O_NONBLOCK)
    os.set_blocking(reading, True)
    pid = os.fork()
    if not pid:
        os.close(writing)
        total = 0
        while data := os.read(reading, 65536):
            total += len(data)
        os._exit(0 if total == 500_000 else 1)
    os.close(reading)
    Demultiplexer(writing, writing).feed(memoryview(frame(1, b"x" * 500_000)))
    os.close(writing)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_not_frames(files: tuple[int, int]) -> None:
    with pytest.raises(Internal):
        Demultiplexer(*files).feed(memoryview(b"hello world, no frames"))
