"""What has come of a blob whose way was cut off."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from wherry.oci import sha256_of
from wherry.store.arrivals import DAY, Arrivals

DATA = os.urandom(3_000_000)
DIGEST = sha256_of(DATA)


@pytest.fixture
def arrivals(tmp_path: Path) -> Arrivals:
    return Arrivals(str(tmp_path / "partial"))


def cut_at(arrivals: Arrivals, end: int) -> None:
    arrival = arrivals.open(DIGEST)
    assert arrival is not None
    start = arrival.offset
    pieces = [*arrival.chunks(), *(DATA[at : min(at + 100_000, end)] for at in range(start, end, 100_000))]
    assert b"".join(arrival.copying(pieces)) == DATA[:end]
    arrival.close(keep=True)


def test_it_goes_on_where_it_broke_off(arrivals: Arrivals) -> None:
    for end in (1_200_001, 1_200_001, 2_500_000):
        cut_at(arrivals, end)
    arrival = arrivals.open(DIGEST)
    assert arrival is not None
    assert arrival.offset == 2_500_000
    assert b"".join(arrival.chunks()) == DATA[:2_500_000]
    arrival.close(keep=False)
    arrival.close(keep=True)
    assert arrivals.usage() == 0


def test_one_reader_at_a_time_and_none_is_robbed(arrivals: Arrivals) -> None:
    arrival = arrivals.open(DIGEST)
    assert arrival is not None
    list(arrival.copying([DATA]))
    assert arrivals.open(DIGEST) is None
    assert arrivals.clear() == 0
    arrival.close(keep=True)
    assert arrivals.usage() >= len(DATA)
    assert arrivals.clear() >= len(DATA)
    assert arrivals.usage() == 0


def test_old_ones_go(arrivals: Arrivals, tmp_path: Path) -> None:
    cut_at(arrivals, 1000)
    assert arrivals.clear(older=DAY) == 0
    (path,) = (tmp_path / "partial").iterdir()
    os.utime(path, (0, 0))
    assert arrivals.clear(older=DAY) > 0
    assert not path.exists()


def test_a_disk_that_takes_no_more_is_no_failure(arrivals: Arrivals, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    arrival = arrivals.open(DIGEST)
    assert arrival is not None

    def pieces() -> Iterator[bytes]:
        yield DATA[:1_000_000]
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, before[1]))
        yield DATA[1_000_000:]

    try:
        assert b"".join(arrival.copying(pieces())) == DATA
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert list((tmp_path / "partial").iterdir()) == []
    arrival.close(keep=True)


def test_nothing_is_kept_of_nothing(arrivals: Arrivals, tmp_path: Path) -> None:
    arrival = arrivals.open(DIGEST)
    assert arrival is not None
    arrival.close(keep=True)
    assert list((tmp_path / "partial").iterdir()) == []
