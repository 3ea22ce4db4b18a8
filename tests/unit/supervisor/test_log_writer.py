"""The log on disk: rotation, caps, a spool that a crash leaves at any point."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherry.errors import Invalid, Unsupported
from wherry.supervisor.logs import spool as spools
from wherry.supervisor.logs.format import STDERR, STDOUT, timestamp
from wherry.supervisor.logs.options import LogConfig, parse
from wherry.supervisor.logs.reader import read
from wherry.supervisor.logs.recorder import Recorder
from wherry.supervisor.logs.selection import Selection
from wherry.supervisor.logs.writer import LogWriter

SMALL = LogConfig("cri", 4096, 1000)


class Crash(BaseException):
    """Stands for SIGKILL: nothing catches it, nothing runs after it."""


def output(path: Path, stream: int = STDOUT) -> bytes:
    return b"".join(
        run.content for runs in read(str(path), Selection()) for run in runs if run.stream == stream
    )


LINES = st.lists(
    st.sampled_from([b"\n", b"short\n", b"y" * 150 + b"\n", b"z" * 3000, b"no end", b"w" * 9000 + b"\n"]),
    min_size=1,
    max_size=60,
).map(b"".join)


@given(batches=st.lists(LINES, max_size=6))
@settings(max_examples=60, deadline=None)
def test_files_stay_below_the_limit_and_lose_nothing(
    tmp_path_factory: pytest.TempPathFactory, batches: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("log") / "container.log"
    writer = LogWriter(str(path), SMALL)
    for number, data in enumerate(batches):
        writer.write(STDOUT, timestamp(number), data)
    assert output(path) == b"".join(batches)
    assert all(file.stat().st_size <= 4096 for file in path.parent.iterdir())
    writer.close()


def test_only_so_many_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "container.log"
    writer = LogWriter(str(path), LogConfig("cri", 4096, 3))
    for number in range(1000):
        writer.write(STDOUT, timestamp(number), b"line %d\n" % number)
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["container.log", "container.log.1", "container.log.2"]
    assert output(path).endswith(b"line 998\nline 999\n")
    writer.close()


def test_a_single_file_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "container.log"
    writer = LogWriter(str(path), LogConfig("cri", 4096, 1))
    for number in range(1000):
        writer.write(STDOUT, timestamp(number), b"line %d\n" % number)
    assert [file.name for file in tmp_path.iterdir()] == ["container.log"]
    assert output(path).endswith(b"line 999\n")
    writer.close()


def test_the_log_is_private(tmp_path: Path) -> None:
    path = tmp_path / "container.log"
    LogWriter(str(path), LogConfig()).close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    yield reading, writing
    os.close(reading)
    os.close(writing)


CRASHES = {
    "before the batch is taken": "splice",
    "before it is read back": "pread",
    "before it is written": "writev",
    "before a file is rotated": "rename",
    "before the spool is emptied": "ftruncate",
    "before the next part is announced": "pwrite",
}


@pytest.mark.parametrize("moment", CRASHES)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("nth", [1, 2, 5])
def test_a_crash_at_any_moment_loses_and_repeats_nothing(
    tmp_path: Path,
    pipe: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    after: bool,
    nth: int,
) -> None:
    """`nth` call of one system call never returns (or is never made): a new recorder mends it."""
    reading, writing = pipe
    log, spool = tmp_path / "log" / "container.log", tmp_path / "spool"
    log.parent.mkdir()
    data = b"".join(b"line %05d %s\n" % (number, b"." * (number % 90)) for number in range(500))
    data += b"unfinished"
    pieces = [data[start : start + 4500] for start in range(0, len(data), 4500)]
    name = CRASHES[moment]
    real, count = getattr(os, name), 0

    def dying(*arguments: object, **keywords: object) -> object:
        nonlocal count
        count += 1
        if count != nth:
            return real(*arguments, **keywords)
        if after:
            real(*arguments, **keywords)
        raise Crash

    if name == "ftruncate":
        monkeypatch.setattr(spools, "IDLE_LIMIT", 0)
    recorder = Recorder(str(log), str(spool), SMALL)
    monkeypatch.setattr(os, name, dying)
    crashed = False
    for piece in pieces:
        os.write(writing, piece)
        try:
            recorder.record(STDOUT, reading)
        except Crash:
            crashed = True
            monkeypatch.undo()
            recorder = Recorder(str(log), str(spool), SMALL)
            try:
                recorder.record(STDOUT, reading)
            except BlockingIOError:
                pass  # it was in the spool already
    monkeypatch.undo()
    assert output(log) == data
    assert crashed
    recorder.close()


def test_the_spool_does_not_grow(tmp_path: Path, pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    recorder = Recorder(str(tmp_path / "container.log"), str(tmp_path / "spool"), LogConfig())
    for _ in range(200):
        os.write(writing, b"x" * 1999 + b"\n")
        recorder.record(STDOUT, reading)
        assert (tmp_path / "spool").stat().st_size <= spools.DATA + spools.IDLE_LIMIT
    recorder.close()


def test_a_write_that_was_cut_short_by_a_crash_is_completed(tmp_path: Path, pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    log, spool = tmp_path / "container.log", tmp_path / "spool"
    recorder = Recorder(str(log), str(spool), LogConfig())
    os.write(writing, b"first\n")
    recorder.record(STDERR, reading)
    whole = log.read_bytes()
    # The log as it is in the middle of the second write, the spool as it is then.
    os.write(writing, b"second\nthird\n")
    recorder._spool.announce(STDERR, 99, log.stat().st_ino, len(whole))
    recorder._spool.take(reading)
    with log.open("ab") as file:
        file.write(b"1970-01-01T00:00:00.000000099Z stderr F sec")
    again = Recorder(str(log), str(spool), LogConfig())
    assert output(log, STDERR) == b"first\nsecond\nthird\n"
    os.write(writing, b"fourth\n")
    again.record(STDERR, reading)
    assert output(log, STDERR) == b"first\nsecond\nthird\nfourth\n"
    recorder.close()
    again.close()


def test_a_full_disk_costs_records_but_nothing_else(
    tmp_path: Path, pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = pipe
    log = tmp_path / "container.log"
    recorder = Recorder(str(log), str(tmp_path / "spool"), LogConfig())
    real = os.writev
    room = 100

    def full(file: int, buffers: list[bytes]) -> int:
        return os.write(file, b"".join(buffers)[:room])

    for piece, write in ((b"a\n", real), (b"b\n" * 50, full), (b"c\n", real)):
        monkeypatch.setattr(os, "writev", write)
        os.write(writing, piece)
        assert recorder.record(STDOUT, reading) == piece
        monkeypatch.undo()
    assert output(log) == b"a\n" + b"b\n" * 2 + b"c\n"
    assert output(log, STDERR) == b"wherry: 96 bytes of output are missing here: the disk was full\n"
    recorder.close()


def test_options() -> None:
    assert parse("", {}) == LogConfig("cri", 20 << 20, 5)
    assert parse("json-file", {"max-size": "10m", "max-file": "3"}) == LogConfig("json-file", 10 << 20, 3)
    assert parse("local", {"max-size": "1.5kb"}).max_size == 4096
    assert parse("none", {}).keeps is False
    assert parse("cri", {"max-size": "-1"}).max_size == 0
    assert parse("cri", {"tag": "x", "labels": "a,b", "env": "c"}) == LogConfig()


@pytest.mark.parametrize(
    ("driver", "options", "kind"),
    [
        ("syslog", {}, Unsupported),
        ("cri", {"max-size": "ten"}, Invalid),
        ("cri", {"max-size": "-5"}, Invalid),
        ("cri", {"max-size": "0"}, Invalid),
        ("cri", {"max-size": "inf"}, Invalid),
        ("cri", {"max-file": "0"}, Invalid),
        ("cri", {"max-file": "many"}, Invalid),
        ("cri", {"nonsense": "1"}, Invalid),
        ("cri", {"compress": "true"}, Unsupported),
    ],
)
def test_options_that_are_refused(driver: str, options: dict[str, str], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        parse(driver, options)
