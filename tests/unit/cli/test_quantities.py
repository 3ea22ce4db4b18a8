"""Sizes, durations and fractions."""

from __future__ import annotations

import pytest

from wherry.cli.options.quantities import parse_duration, parse_nano, parse_size

MINUTE = 60_000_000_000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("512", 512),
        ("1k", 1024),
        ("1kb", 1024),
        ("1KiB", 1024),
        ("1.5m", 1_572_864),
        ("10 MB", 10 << 20),
        ("2g", 2 << 30),
        ("1T", 1 << 40),
        ("32b", 32),
        ("-1", -1),
    ],
)
def test_size(text: str, value: int) -> None:
    assert parse_size(text) == value


@pytest.mark.parametrize("text", ["", "m", "1x", "1mm", "-2", "1,5g", "abc", "1e3", "k1", "ib"])
def test_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="invalid size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("5s", 5_000_000_000),
        ("1m30s", MINUTE * 3 // 2),
        ("1.5h", 90 * MINUTE),
        ("250ms", 250_000_000),
        ("10us", 10_000),
        ("10µs", 10_000),
        ("7ns", 7),
        ("-5s", -5_000_000_000),
        (".5s", 500_000_000),
    ],
)
def test_duration(text: str, value: int) -> None:
    assert parse_duration(text) == value


@pytest.mark.parametrize("text", ["", "5", "s", "5x", "--5s", "1h2", ".s", "1.2.3s"])
def test_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="time: "):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "value"), [("1", 10**9), ("0.5", 5 * 10**8), ("1.25", 1_250_000_000), ("3/2", 1_500_000_000)]
)
def test_nano(text: str, value: int) -> None:
    assert parse_nano(text) == value


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "1/0", "0.0000000001", "1/3", "1/x"])
def test_no_nano(text: str) -> None:
    with pytest.raises(ValueError):
        parse_nano(text)
