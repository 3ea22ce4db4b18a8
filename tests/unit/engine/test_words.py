"""Moments, spans, signals, filters, users and defaults: the small translations, against Docker's spelling."""

from __future__ import annotations

import pytest

from wherry.engine.containers import users
from wherry.engine.containers.defaults import merged_environment, with_image_defaults
from wherry.engine.containers.ending import pause_before
from wherry.engine.containers.top import columns_of
from wherry.engine.events import Events, matches
from wherry.engine.filters import flag, matches_labels, parse
from wherry.engine.models import ContainerConfig, ContainerCreate, Event, from_wire, to_wire
from wherry.engine.moments import parse_instant, parse_moment, parse_span, rfc3339, span_in_words
from wherry.engine.signals import parse_signal
from wherry.errors import Invalid
from wherry.oci import RunConfig


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (150, "2 minutes"),
        (3600, "About an hour"),
        (47 * 3600, "47 hours"),
        (13 * 86400, "13 days"),
        (50 * 86400, "7 weeks"),
        (200 * 86400, "6 months"),
        (1000 * 86400, "2 years"),
    ],
)
def test_spans(seconds: float, words: str) -> None:
    assert span_in_words(seconds) == words


def test_moments() -> None:
    assert rfc3339(0) == "0001-01-01T00:00:00Z"
    assert rfc3339(1_700_000_000_120_000_000) == "2023-11-14T22:13:20.12Z"
    assert parse_moment("2023-11-14T22:13:20.5Z") == 1_700_000_000.5
    assert parse_moment("2023-11-14T23:13:20+01:00") == 1_700_000_000
    assert parse_moment("1700000000.25") == 1_700_000_000.25
    assert parse_instant("1700000000.123456789") == 1_700_000_000_123_456_789
    assert parse_instant("2023-11-14T22:13:20.123456789Z") == 1_700_000_000_123_456_789
    assert parse_instant("-1.5") == -1_500_000_000
    assert parse_span("1h30m") == 5400 and parse_span("250ms") == 0.25
    for wrong in ("", "soon", "10", "1x"):
        with pytest.raises(Invalid):
            parse_span(wrong)


def test_signals() -> None:
    assert [parse_signal(text) for text in ("9", "kill", "SIGKILL", "RTMIN+1")] == [9, 9, 9, 35]
    for wrong in ("0", "NOPE", "65", "RTMIN+99"):
        with pytest.raises(Invalid, match="Invalid signal"):
            parse_signal(wrong)


def test_filters() -> None:
    assert parse('{"a": {"x": true, "y": false}, "b": ["z"]}') == {"a": ["x"], "b": ["z"]}
    assert flag({"dangling": ["1"]}, "dangling") is True and flag({}, "dangling") is None
    assert matches_labels({"a": "1", "b": ""}, ["a", "b=", "a=1"])
    assert not matches_labels({"a": "1"}, ["a=2"])
    for wrong in ("[]", "{", '{"a": 1}'):
        with pytest.raises(Invalid):
            parse(wrong)


async def test_events_are_filtered_as_docker_does() -> None:
    events = Events()
    stream = events.subscribe(filters={"event": ["exec_create"], "container": ["abc"]})
    events.publish("container", "exec_create: ls", "abcdef", {"name": "n", "image": "img:1"})
    events.publish("container", "start", "abcdef", {"name": "n"})
    found = await anext(stream)
    assert found.action == "exec_create: ls" and found.status == found.action
    assert matches(found, {"image": ["img"]}) and not matches(found, {"image": ["other"]})
    await stream.aclose()
    assert [event async for event in stream] == []
    with pytest.raises(Invalid):
        events.subscribe(filters={"nonsense": ["1"]})


def test_user_lookup() -> None:
    files = {
        "/etc/passwd": b"root:x:0:0::/root:/bin/sh\nann:x:7:8::/home/ann:/bin/sh\nbad line\n",
        "/etc/group": b"root:x:0:\nstaff:x:50:ann,bob\nother:x:60:bob\n",
    }

    def read(path: str) -> bytes:
        return files[path]

    assert users.identify("", (), read) == users.Identity(0, 0, (0,), "/root")
    assert users.identify("ann", (), read) == users.Identity(7, 8, (8, 50), "/home/ann")
    assert users.identify("7:60", ("staff",), read) == users.Identity(7, 60, (60, 50), "/home/ann")
    assert users.identify("1234", (), read) == users.Identity(1234, 0, (0,), "/")
    with pytest.raises(Invalid, match="unable to find user eve"):
        users.identify("eve", (), read)
    with pytest.raises(Invalid, match="unable to find group nope"):
        users.identify("ann:nope", (), read)


def test_image_defaults() -> None:
    image = RunConfig(entrypoint=["/e"], cmd=["c"], env=["A=1", "B=2"], labels={"x": "1"})
    both = with_image_defaults(ContainerConfig(env=["B=3"], labels={"y": "2"}), image)
    assert (both.entrypoint, both.cmd, both.env) == (["/e"], ["c"], ["A=1", "B=3"])
    assert both.labels == {"x": "1", "y": "2"}
    mine = with_image_defaults(ContainerConfig(entrypoint=["/mine"]), image)
    assert (mine.entrypoint, mine.cmd) == (["/mine"], None)
    none = with_image_defaults(ContainerConfig(entrypoint=[""], cmd=["z"]), image)
    assert (none.entrypoint, none.cmd) == (None, ["z"])
    with pytest.raises(Invalid, match="no command specified"):
        with_image_defaults(ContainerConfig(), RunConfig())
    assert merged_environment(["A=1", "B=2"], ["A"]) == ["A", "B=2"]


def test_bodies_are_read_as_docker_reads_them() -> None:
    text = '{"Image": "i", "Cmd": "ls", "Tty": null, "HostConfig": {"Memory": null, "Nonsense": 1}}'
    body = from_wire(ContainerCreate, text)
    assert (body.image, body.cmd, body.tty, body.host_config.memory) == ("i", ["ls"], False, 0)
    for wrong in ('{"Tty": "yes"}', '{"Env": "A=1"}', "[]", "{"):
        with pytest.raises(Invalid):
            from_wire(ContainerCreate, wrong)
    assert "StopTimeout" not in to_wire(ContainerConfig())
    assert to_wire(ContainerConfig(stop_timeout=0))["StopTimeout"] == 0
    assert to_wire(Event(from_="x"))["from"] == "x"


def test_restart_pauses_double() -> None:
    assert [pause_before(n, 0) for n in (1, 2, 3, 20)] == [0.1, 0.2, 0.4, 60.0]
    assert pause_before(9, 11) == 0.1


def test_ps_columns() -> None:
    assert [heading for heading, _ in columns_of("-ef")][:3] == ["UID", "PID", "PPID"]
    assert [heading for heading, _ in columns_of("aux")][-1] == "COMMAND"
    assert columns_of("-o pid,cmd=WHAT") == [("PID", "pid"), ("WHAT", "cmd")]
    with pytest.raises(Invalid, match="PID"):
        columns_of("-o comm")
