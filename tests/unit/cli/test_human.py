"""Sizes, times, tables and ports in Docker's words; the expectations come from Docker's command line."""

from __future__ import annotations

import time

import pytest

from wherry.cli.console import visible
from wherry.cli.container.row import container_row, ports
from wherry.cli.container.usage import usage_row
from wherry.cli.format.human import binary_size, duration, ellipsis, short_id, size
from wherry.cli.format.table import aligned
from wherry.cli.format.times import parse_rfc3339, query_time
from wherry.errors import Invalid

HOUR, DAY = 3600, 86400
ANY = "0.0.0.0"  # noqa: S104 — shown, not bound


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0B"), (999, "999B"), (1000, "1kB"), (1958, "1.96kB"), (1_985_600, "1.99MB"), (123_456_789, "123MB"),
     (1_500_000_000, "1.5GB"), (999_999, "1e+03kB")],
)  # fmt: skip
def test_size(count: int, text: str) -> None:
    assert size(count) == text


def test_other_sizes() -> None:
    assert size(1_985_600, 4) == "1.986MB"
    assert binary_size(25276502016) == "23.54GiB"
    assert binary_size(331776) == "324KiB"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (60, "About a minute"),
     (179, "2 minutes"), (3599, "59 minutes"), (HOUR, "About an hour"), (2 * HOUR, "2 hours"),
     (47 * HOUR, "47 hours"),
     (2 * DAY, "2 days"), (14 * DAY, "2 weeks"), (60 * DAY, "2 months"), (800 * DAY, "2 years")],
)  # fmt: skip
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_ellipsis_and_ids() -> None:
    assert ellipsis("sleep 500", 20) == "sleep 500"
    assert ellipsis("0123456789abcdefghijk", 20) == "0123456789abcdefghi…"
    assert ellipsis("漢字漢字", 5) == "漢字…"
    assert short_id("sha256:0123456789abcdef") == "0123456789ab"


def test_table() -> None:
    text = aligned("A\tBB\tC\n1\ta long cell here\t2\nno cells\nx\ty")
    assert text.split("\n") == [
        "A         BB                 C",
        "1         a long cell here   2",
        "no cells",
        "x         y",
    ]


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ([], ""),
        ([(80, 0, "")], "80/tcp"),
        ([(80, 8080, ANY)], "0.0.0.0:8080->80/tcp"),
        ([(80, 80, ANY), (81, 81, ANY), (82, 82, ANY)], "0.0.0.0:80-82->80-82/tcp"),
        ([(80, 0, ""), (81, 0, ""), (90, 0, "")], "80-81/tcp, 90/tcp"),
        ([(80, 8080, "::"), (80, 8080, ANY)], "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"),
    ],
)
def test_ports(entries: list[tuple[int, int, str]], text: str) -> None:
    found = [
        {"PrivatePort": private, "Type": "tcp", **({"PublicPort": public, "IP": ip} if ip else {})}
        for private, public, ip in entries
    ]
    assert ports(found) == text


def test_container_row() -> None:
    entry = {
        "Id": "c" * 64,
        "Names": ["/web", "/other/alias"],
        "Image": "sha256:" + "1" * 64,
        "ImageID": "sha256:" + "1" * 64,
        "Command": "a very long command line 'with quotes\"'",
        "Created": int(time.time()) - 7200,
        "Labels": {"b": "2", "a": "1"},
        "SizeRw": 10,
        "SizeRootFs": 2000,
        "Mounts": [{"Type": "volume", "Name": "0123456789abcdef0", "Driver": "local"}, {"Source": "/a"}],
    }
    row = container_row(entry, truncate=True)
    assert row["ID"] == "c" * 12
    assert row["Names"] == "web"
    assert row["Image"] == "1" * 12
    assert row["Command"] == '"a very long command…"'
    assert row["RunningFor"]() == "2 hours ago"
    assert row["Labels"] == "a=1,b=2"
    assert row["Size"]() == "10B (virtual 2kB)"
    assert row["Mounts"] == "0123456789abcd…,/a"
    assert row["LocalVolumes"] == "1"
    whole = container_row(entry, truncate=False)
    assert whole["Names"] == "web,other/alias"
    assert whole["Command"] == '"a very long command line \'with quotes\\"\'"'


def test_usage() -> None:
    sample = {
        "name": "/web",
        "id": "c" * 64,
        "cpu_stats": {"cpu_usage": {"total_usage": 3_000}, "system_cpu_usage": 20_000, "online_cpus": 2},
        "precpu_stats": {"cpu_usage": {"total_usage": 1_000}, "system_cpu_usage": 10_000},
        "memory_stats": {"usage": 3 << 20, "limit": 100 << 20, "stats": {"inactive_file": 1 << 20}},
        "networks": {"eth0": {"rx_bytes": 1500, "tx_bytes": 10}},
        "blkio_stats": {
            "io_service_bytes_recursive": [{"op": "Read", "value": 4096}, {"op": "write", "value": 1}]
        },
        "pids_stats": {"current": 3},
    }
    assert usage_row("web", "c" * 64, sample, truncate=True) == {
        "Container": "web",
        "ID": "c" * 12,
        "Name": "web",
        "CPUPerc": "40.00%",
        "MemUsage": "2MiB / 100MiB",
        "MemPerc": "2.00%",
        "NetIO": "1.5kB / 10B",
        "BlockIO": "4.1kB / 1B",
        "PIDs": "3",
    }
    assert usage_row("web", "x", None, truncate=True)["CPUPerc"] == "--"


def test_times(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_rfc3339("1970-01-01T00:01:00.500000001Z") == pytest.approx(60.5)
    assert parse_rfc3339("1970-01-01T02:00:00+02:00") == 0
    assert float(query_time("10m")) == pytest.approx(time.time() - 600, abs=5)
    assert query_time("1795519409.5") == "1795519409.5"
    assert query_time("1970-01-01T00:00:10Z") == "10.000000000"
    assert query_time("") == ""
    with pytest.raises(Invalid):
        query_time("yesterday")


def test_control_characters_are_not_obeyed() -> None:
    assert visible("plain ü\n") == "plain ü\n"
    assert visible("a\x1b[2Jb\x07") == "a\ufffd[2Jb\ufffd"
