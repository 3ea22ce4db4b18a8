"""Options of log drivers as Docker checks them, tags, lines put together, and the journal's own form."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from wherry.engine.logdrivers import gelf, journald
from wherry.engine.logdrivers.messages import LONGEST, Lines, Message
from wherry.engine.logdrivers.options import parse
from wherry.engine.logdrivers.tags import About, extra, tag_of
from wherry.errors import Invalid, Unsupported, WherryError
from wherry.supervisor.logs.format import STDERR, STDOUT, Run, timestamp

ABOUT = About(
    "a" * 64, "talker", "sha256:" + "b" * 64, "app:1", {"team": "blue", "tier": "2"}, ("A=1", "PATH=/bin")
)


@pytest.mark.parametrize(
    ("driver", "options", "error", "words"),
    [
        ("awslogs", {}, Unsupported, "no log driver named 'awslogs' is registered"),
        ("syslog", {"nope": "1"}, Invalid, "unknown log opt 'nope' for syslog log driver"),
        ("json-file", {"syslog-address": "x"}, Invalid, "unknown log opt 'syslog-address' for json-file"),
        ("syslog", {"syslog-address": "127.0.0.1"}, Invalid, "should be in form proto://address"),
        ("syslog", {"syslog-address": "ftp://x"}, Invalid, "should be in form proto://address"),
        ("syslog", {"syslog-address": "unix:///no/such"}, Invalid, "no such file or directory"),
        ("syslog", {"syslog-address": "tcp://x:99999999"}, Invalid, "syslog-address"),
        ("syslog", {"syslog-facility": "nope"}, Invalid, "invalid syslog facility"),
        ("syslog", {"syslog-format": "nope"}, Invalid, "Invalid syslog format"),
        ("syslog", {"tag": "{{.Nope}}"}, Invalid, "can't evaluate field Nope"),
        ("syslog", {"tag": "{{if .Name}}x{{end}}"}, Invalid, "template parsing error"),
        ("fluentd", {"fluentd-async": "maybe"}, Invalid, "fluentd-async"),
        ("gelf", {}, Invalid, "gelf-address is a required parameter"),
        ("json-file", {"mode": "sometimes"}, Invalid, "logger: logging mode not supported: sometimes"),
        ("json-file", {"max-buffer-size": "1m"}, Invalid, "only supported with 'mode=non-blocking'"),
        ("json-file", {"labels-regex": "("}, Invalid, "labels-regex"),
        (
            "local",
            {"mode": "non-blocking", "max-buffer-size": "x"},
            Invalid,
            "error parsing option max-buffer-size",
        ),
    ],
)
def test_refused(driver: str, options: dict[str, str], error: type[WherryError], words: str) -> None:
    with pytest.raises(error) as raised:
        parse(driver, options)
    assert words in raised.value.message


def test_accepted() -> None:
    assert parse("", {}).readable
    assert not parse("none", {"max-size": "nonsense"}).readable
    found = parse("json-file", {"mode": "non-blocking", "max-buffer-size": "4m", "max-size": "1m"})
    assert (found.file.max_size, found.remote) == (1 << 20, "")
    cached = parse("journald", {"cache-max-size": "5m", "cache-max-file": "2", "tag": "{{ .ImageName }}"})
    assert (cached.file.max_size, cached.file.max_file, cached.remote) == (5 << 20, 2, "journald")
    assert not parse("journald", {"cache-disabled": "true"}).readable


def test_tags_and_what_goes_with_them() -> None:
    assert tag_of(ABOUT, {}) == "a" * 12
    assert tag_of(ABOUT, {"tag": "{{.ImageName}}/{{ .Name }}/{{.ImageID}}"}) == "app:1/talker/" + "b" * 12
    assert extra(ABOUT, {"labels": "team,none", "env": "A"}) == {"team": "blue", "A": "1"}
    assert extra(ABOUT, {"labels-regex": "^ti", "env-regex": "A"}) == {"tier": "2", "A": "1", "PATH": "/bin"}


def test_lines_of_pieces() -> None:
    lines = Lines()
    stamp = timestamp(1_700_000_000_123_456_789)
    assert lines.feed([Run(STDOUT, stamp, b"one\ntw")]) == [
        Message(STDOUT, 1_700_000_000_123_456_789, b"one")
    ]
    assert lines.feed([Run(STDERR, stamp, b"other\n")])[0].text == b"other"
    again = Lines(lines.unfinished)
    assert [message.text for message in again.feed([Run(STDOUT, stamp, b"o\n\nend")])] == [b"two", b""]
    assert [message.text for message in again.finish()] == [b"end"]
    assert again.finish() == []
    long = Lines().feed([Run(STDOUT, stamp, b"x" * (2 * LONGEST + 1) + b"\n")])
    assert [(len(message.text), message.partial) for message in long] == [
        (LONGEST, True),
        (LONGEST, True),
        (1, False),
    ]


def test_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = str(tmp_path / "journal")
    monkeypatch.setattr(journald, "SOCKET", place)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(place)
        journal.settimeout(60)
        destination = journald.Destination(ABOUT, {"labels": "team"}, None)
        destination.connect()
        destination.send([Message(STDERR, 1, b"two\nlines")])
        entry = journal.recv(1 << 16)
        assert b"CONTAINER_NAME=talker\n" in entry
        assert b"TEAM=blue\n" in entry
        assert b"PRIORITY=3\n" in entry
        assert b"MESSAGE\n" + (9).to_bytes(8, "little") + b"two\nlines\n" in entry
        destination.send([Message(STDOUT, 1, b"x" * (4 << 20))])  # more than a datagram holds
        _, files, _, _ = socket.recv_fds(journal, 1, 1)
        assert b"MESSAGE=xxx" in os.pread(files[0], 1 << 16, 0)
        os.close(files[0])
        destination.close()


def test_gelf_in_pieces() -> None:
    document = os.urandom(5000)
    found = gelf.pieces(document)
    assert [piece[:2] for piece in found] == [b"\x1e\x0f"] * 4
    assert [tuple(piece[10:12]) for piece in found] == [(n, 4) for n in range(4)]
    assert b"".join(piece[12:] for piece in found) == document
    assert gelf.pieces(b"short") == [b"short"]
    assert gelf.pieces(b"x" * 1_000_000) == []
