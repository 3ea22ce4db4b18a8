"""The log format: encoding and decoding give the bytes back, whatever they are and however they are cut."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from wherry.supervisor.logs.format import (
    PREFIX_LENGTH,
    STDERR,
    STDOUT,
    decode,
    encode,
    encoded_length,
    timestamp,
)
from wherry.supervisor.logs.render import Renderer

CONTENT = st.lists(
    st.sampled_from([b"\n", b"a", b"bc\n", b"\r\n", b"x" * 300, b"\0", b"2025 stdout F "])
).map(b"".join)
BATCHES = st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), CONTENT.filter(bool)), max_size=20)


def log_of(batches: list[tuple[int, bytes]]) -> bytes:
    return b"".join(
        b"".join(encode(stream, timestamp(1_700_000_000_000_000_000 + number), data))
        for number, (stream, data) in enumerate(batches)
    )


def test_a_record_looks_as_the_cri_says() -> None:
    stamp = timestamp(1_763_981_823_123_456_789)
    assert stamp == b"2025-11-24T10:57:03.123456789Z"
    assert b"".join(encode(STDOUT, stamp, b"one\ntwo")) == (
        b"2025-11-24T10:57:03.123456789Z stdout F one\n2025-11-24T10:57:03.123456789Z stdout P two\n"
    )


def test_timestamps_compare_as_times_do() -> None:
    assert timestamp(999_999_999) < timestamp(1_000_000_000) < timestamp(1_700_000_000_000_000_001)
    assert len(timestamp(0)) == 30


@given(BATCHES)
@settings(max_examples=300, deadline=None)
def test_each_stream_comes_back_byte_for_byte(batches: list[tuple[int, bytes]]) -> None:
    runs = decode(log_of(batches))
    for wanted in (STDOUT, STDERR):
        written = b"".join(data for stream, data in batches if stream == wanted)
        assert b"".join(run.content for run in runs if run.stream == wanted) == written


@given(CONTENT.filter(bool))
@settings(max_examples=200, deadline=None)
def test_the_length_is_known_before_encoding(data: bytes) -> None:
    assert encoded_length(data) == len(b"".join(encode(STDOUT, timestamp(1), data)))


def test_a_long_run_is_one_run() -> None:
    data = b"".join(b"line %d\n" % number for number in range(50_000))
    [run] = decode(b"".join(encode(STDERR, timestamp(5), data)))
    assert run == (STDERR, timestamp(5), data)


def test_what_is_no_record_is_left_out() -> None:
    good = b"".join(encode(STDOUT, timestamp(7), b"good\n"))
    assert decode(b"rubbish\n" + good + b"\n" + b"x" * PREFIX_LENGTH + b"\n") == [
        (STDOUT, timestamp(7), b"good\n")
    ]


@given(BATCHES, st.booleans())
@settings(max_examples=200, deadline=None)
def test_rendered_frames_hold_every_byte_and_one_line_each(
    batches: list[tuple[int, bytes]], timestamps: bool
) -> None:
    rest = Renderer(framed=True, timestamps=timestamps).render(decode(log_of(batches)))
    streams: dict[int, bytes] = {STDOUT: b"", STDERR: b""}
    while rest:
        stream, length = rest[0], int.from_bytes(rest[4:8], "big")
        line, rest = rest[8 : 8 + length], rest[8 + length :]
        assert line.count(b"\n") <= 1 and b"\n" not in line[:-1]
        at_start = not streams[stream] or streams[stream].endswith(b"\n")
        if timestamps and at_start:
            assert line[29:31] == b"Z "
            line = line[31:]
        streams[stream] += line
    for wanted in (STDOUT, STDERR):
        assert streams[wanted] == b"".join(data for stream, data in batches if stream == wanted)


def test_bare_output_gets_a_timestamp_for_each_line() -> None:
    renderer = Renderer(framed=False, timestamps=True)
    stamp = timestamp(1)
    first = renderer.render(decode(log_of([(STDOUT, b"a\nb")])))
    second = renderer.render(decode(b"".join(encode(STDOUT, stamp, b"c\nd\n"))))
    assert [line[31:] for line in first.split(b"\n")] == [b"a", b"b"]
    assert second == b"c\n" + stamp + b" d\n"


def test_details_go_between_timestamp_and_line() -> None:
    runs = decode(log_of([(STDOUT, b"a\nb\n")]))
    marked = Renderer(framed=False, timestamps=True, details=b"k=v ").render(runs)
    assert [line[30:] for line in marked.splitlines()] == [b" k=v a", b" k=v b"]
    assert Renderer(framed=False, timestamps=False, details=b"k=v ").render(runs) == b"k=v a\nk=v b\n"
