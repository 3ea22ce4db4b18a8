"""Reading logs: tail, since, until, streams, positions, following over rotation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherry.supervisor.logs.format import STDERR, STDOUT, Run, timestamp
from wherry.supervisor.logs.options import LogConfig
from wherry.supervisor.logs.reader import follow, read
from wherry.supervisor.logs.selection import Selection
from wherry.supervisor.logs.watch import LogWatcher
from wherry.supervisor.logs.writer import LogWriter
from wherry.supervisor.records import LogPosition


def content(runs: list[Run]) -> bytes:
    return b"".join(run.content for run in runs)


def text(path: Path, selection: Selection, stop: LogPosition | None = None) -> bytes:
    return b"".join(content(runs) for runs in read(str(path), selection, stop))


@pytest.fixture
def writer(tmp_path: Path) -> LogWriter:
    return LogWriter(str(tmp_path / "container.log"), LogConfig("cri", 4096, 100))


def numbered(count: int, first: int = 0) -> list[bytes]:
    return [b"line %d\n" % number for number in range(first, first + count)]


@pytest.mark.parametrize("tail", [0, 1, 2, 70, 299, 300, 5000])
def test_tail_counts_lines_over_rotated_files(writer: LogWriter, tail: int) -> None:
    lines = numbered(300)
    for number, line in enumerate(lines):
        writer.write(STDOUT, timestamp(number), line)
    assert text(Path(writer.path), Selection(tail=tail)) == b"".join(
        lines[300 - tail :] if tail < 300 else lines
    )


def test_tail_of_a_line_in_parts(writer: LogWriter) -> None:
    for number, data in enumerate([b"one\n", b"tw", b"o", b"\n", b"thr", b"ee"]):
        writer.write(STDOUT, timestamp(number), data)
    assert text(Path(writer.path), Selection(tail=1)) == b"three"
    assert text(Path(writer.path), Selection(tail=2)) == b"two\nthree"
    assert text(Path(writer.path), Selection(tail=3)) == b"one\ntwo\nthree"


def test_tail_counts_only_the_streams_that_are_wanted(writer: LogWriter) -> None:
    for number in range(100):
        writer.write(STDERR if number % 10 else STDOUT, timestamp(number), b"line %d\n" % number)
    path = Path(writer.path)
    assert text(path, Selection(stderr=False, tail=2)) == b"line 80\nline 90\n"
    assert text(path, Selection(stdout=False, tail=2)) == b"line 98\nline 99\n"


@given(
    records=st.lists(
        st.tuples(st.sampled_from([STDOUT, STDERR]), st.sampled_from([b"a\n", b"b", b"c" * 9000, b"d\ne\n"])),
        max_size=30,
    ),
    tail=st.integers(0, 12),
)
@settings(max_examples=100, deadline=None)
def test_tail_is_the_end_of_everything(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[int, bytes]], tail: int
) -> None:
    """For one stream, the tail is what splitting the whole output into lines gives."""
    path = tmp_path_factory.mktemp("log") / "container.log"
    writer = LogWriter(str(path), LogConfig("cri", 0, 1))
    for number, (stream, data) in enumerate(records):
        writer.write(stream, timestamp(number), data)
    writer.close()
    whole = b"".join(data for stream, data in records if stream == STDOUT)
    lines = whole.splitlines(keepends=True)
    expected = b"".join(lines[-tail:] if tail else [])
    assert text(path, Selection(stderr=False, tail=tail)) == expected


def test_since_and_until_include_their_own_moment(writer: LogWriter) -> None:
    for number, line in enumerate(numbered(10)):
        writer.write(STDOUT, timestamp(1000 + number), line)
    path = Path(writer.path)
    assert text(path, Selection(since=1007)) == b"line 7\nline 8\nline 9\n"
    assert text(path, Selection(until=1001)) == b"line 0\nline 1\n"
    assert text(path, Selection(since=1002, until=1003)) == b"line 2\nline 3\n"


def test_a_position_divides_the_log_exactly(writer: LogWriter) -> None:
    path = Path(writer.path)
    for number, line in enumerate(numbered(150)):
        writer.write(STDOUT, timestamp(number), line)
    position = LogPosition(writer.inode, writer.size)
    for number, line in enumerate(numbered(200, 150)):
        writer.write(STDOUT, timestamp(150 + number), line)
    assert text(path, Selection(), position) == b"".join(numbered(150))
    assert text(path, Selection(tail=2), position) == b"line 148\nline 149\n"


def test_no_log_is_an_empty_log(tmp_path: Path) -> None:
    assert text(tmp_path / "no" / "container.log", Selection(tail=3)) == b""


def test_a_record_being_written_is_left_for_later(writer: LogWriter) -> None:
    path = Path(writer.path)
    writer.write(STDOUT, timestamp(1), b"whole\n")
    with path.open("ab") as file:
        file.write(b"1970-01-01T00:00:00.000000002Z stdout F ha")
    assert text(path, Selection()) == b"whole\n"
    assert text(path, Selection(tail=1)) == b"whole\n"


@pytest.fixture
async def watcher() -> AsyncIterator[LogWatcher]:
    watcher = LogWatcher()
    yield watcher
    watcher.close()


async def test_following_sees_every_line_once_over_many_rotations(
    writer: LogWriter, watcher: LogWatcher
) -> None:
    ended = asyncio.Event()
    followers = 3
    seen = [bytearray() for _ in range(followers)]

    async def collect(index: int) -> None:
        async for runs in follow(writer.path, Selection(), watcher, ended):
            seen[index] += content(runs)

    tasks = [asyncio.create_task(collect(index)) for index in range(followers)]
    lines = numbered(5000)
    for number in range(0, 5000, 50):
        writer.write(STDOUT, timestamp(number), b"".join(lines[number : number + 50]))
        if number % 500 == 0:
            await asyncio.sleep(0.001)
    ended.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 60)
    assert all(bytes(one) == b"".join(lines) for one in seen)


async def test_following_waits_without_polling(
    writer: LogWriter, watcher: LogWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = asyncio.Event()
    reads = 0
    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def collect() -> None:
        async for runs in follow(writer.path, Selection(tail=0), watcher, ended):
            arrived.put_nowait(content(runs))

    from wherry.supervisor.logs.cursor import Cursor

    real = Cursor.read

    def counting(self: Cursor, stop: LogPosition | None = None) -> bytes:
        nonlocal reads
        reads += 1
        return real(self, stop)

    writer.write(STDOUT, timestamp(1), b"before\n")
    monkeypatch.setattr(Cursor, "read", counting)
    task = asyncio.create_task(collect())
    await asyncio.sleep(0.3)
    assert reads == 1
    writer.write(STDOUT, timestamp(2), b"after\n")
    assert await asyncio.wait_for(arrived.get(), 60) == b"after\n"
    ended.set()
    await asyncio.wait_for(task, 60)


async def test_following_a_log_that_begins_later(tmp_path: Path, watcher: LogWatcher) -> None:
    ended = asyncio.Event()
    arrived: asyncio.Queue[bytes] = asyncio.Queue()
    path = tmp_path / "container.log"

    async def collect() -> None:
        async for runs in follow(str(path), Selection(), watcher, ended):
            arrived.put_nowait(content(runs))

    task = asyncio.create_task(collect())
    await asyncio.sleep(0.02)
    writer = LogWriter(str(path), LogConfig())
    writer.write(STDOUT, timestamp(1), b"hello\n")
    assert await asyncio.wait_for(arrived.get(), 60) == b"hello\n"
    ended.set()
    await asyncio.wait_for(task, 60)
    writer.close()


async def test_following_until_a_time_ends_by_itself(writer: LogWriter, watcher: LogWatcher) -> None:
    import time

    until = time.time_ns() + 100_000_000
    writer.write(STDOUT, timestamp(until - 1_000_000_000), b"early\n")
    got = b""
    async for runs in follow(writer.path, Selection(until=until), watcher, asyncio.Event()):
        got += content(runs)
    assert got == b"early\n"
    assert time.time_ns() >= until
