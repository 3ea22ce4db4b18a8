"""Output that is delivered to log services: each protocol, a service that goes, an engine that is killed."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.harness.engine import EngineUnderTest
from tests.harness.waiting import until

LINES = "for n in 1 2 3; do echo out $n; done; echo problem >&2"


class Service:
    """A log service on a socket of this machine: keeps what comes, a piece of bytes for each `recv`."""

    def __init__(self, family: int, kind: int, place: Any = ("127.0.0.1", 0)) -> None:
        self.kind = kind
        self.listening = socket.socket(family, kind)
        self.listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listening.bind(place)
        self.port = self.listening.getsockname()[1] if family == socket.AF_INET else 0
        self.pieces: list[bytes] = []
        self.clients: list[socket.socket] = []
        self.acknowledge = False
        if kind == socket.SOCK_STREAM:
            self.listening.listen()
        threading.Thread(
            target=self._accept if kind == socket.SOCK_STREAM else self._take, daemon=True
        ).start()

    @property
    def text(self) -> str:
        return b"".join(self.pieces).decode(errors="replace")

    def close(self) -> None:
        for sock in (self.listening, *self.clients):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listening.accept()
                self.clients.append(client)
                threading.Thread(target=self._take, args=(client,), daemon=True).start()

    def _take(self, sock: socket.socket | None = None) -> None:
        sock = sock or self.listening
        with contextlib.suppress(OSError):
            while data := sock.recv(1 << 20):
                self.pieces.append(data)
                if self.acknowledge:
                    chunk = msgspec.msgpack.decode(data)[2]["chunk"]
                    sock.sendall(msgspec.msgpack.encode({"ack": chunk}))


@pytest.fixture
def services() -> Iterator[list[Service]]:
    made: list[Service] = []
    yield made
    for one in made:
        one.close()


def tcp(services: list[Service], port: int = 0) -> Service:
    services.append(Service(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)))
    return services[-1]


def run(engine: EngineUnderTest, name: str, driver: str, *options: str, script: str = LINES) -> str:
    words = [word for option in options for word in ("--log-opt", option)]
    image = "busybox" if engine.wherry("images", "-q", "busybox").line else "host"
    command = ("run", "-d", "--name", name, "--network", "none", "--log-driver", driver)
    return engine.wherry(*command, *words, image, "sh", "-c", script).line


@pytest.mark.parametrize("form", ["", "rfc3164", "rfc5424", "rfc5424micro"])
def test_syslog_over_tcp(engine: EngineUnderTest, services: list[Service], form: str) -> None:
    service = tcp(services)
    options = [f"syslog-address=tcp://127.0.0.1:{service.port}", "syslog-facility=local3", "tag={{.Name}}/x"]
    run(engine, "talker", "syslog", *options, f"syslog-format={form}")
    until(lambda: "problem" in service.text and "out 3" in service.text)
    out = [line for line in service.text.splitlines() if "out " in line]
    assert [line[-5:] for line in out] == ["out 1", "out 2", "out 3"]
    assert all(line.startswith("<158>") and "talker/x" in line for line in out), out  # local3, information
    assert any(line.startswith("<155>") and "problem" in line for line in service.text.splitlines())
    assert (form.startswith("rfc5424")) == out[0].startswith("<158>1 ")
    assert "out 1\nout 2\nout 3\n" in engine.wherry("logs", "talker").out


@pytest.mark.parametrize("scheme", ["udp", "unix", "unixgram"])
def test_syslog_elsewhere(
    engine: EngineUnderTest, services: list[Service], tmp_path: Path, scheme: str
) -> None:
    kind = socket.SOCK_STREAM if scheme == "unix" else socket.SOCK_DGRAM
    if scheme == "udp":
        service = Service(socket.AF_INET, kind)
        address = f"udp://127.0.0.1:{service.port}"
    else:
        place = engine.home / f"{scheme}.sock"
        place.unlink(missing_ok=True)
        service = Service(socket.AF_UNIX, kind, str(place))
        address = f"{scheme}://{place}"
    services.append(service)
    run(engine, "talker", "syslog", f"syslog-address={address}")
    until(lambda: "out 3" in service.text and "problem" in service.text)


def test_fluentd(engine: EngineUnderTest, services: list[Service]) -> None:
    service = tcp(services)
    service.acknowledge = True
    options = [f"fluentd-address=127.0.0.1:{service.port}", "fluentd-request-ack=true", "tag=app.{{.ID}}"]
    identity = run(engine, "talker", "fluentd", *options, "fluentd-sub-second-precision=true")

    def records() -> list[dict[str, str]]:
        return [record for piece in service.pieces for _, record in msgspec.msgpack.decode(piece)[1]]

    until(lambda: len(records()) == 4)
    first = next(record for record in records() if record["log"] == "out 1")
    assert first == {
        "container_id": identity,
        "container_name": "/talker",
        "source": "stdout",
        "log": "out 1",
    }
    assert msgspec.msgpack.decode(service.pieces[0])[0] == f"app.{identity[:12]}"
    assert [record["source"] for record in records() if record["log"] == "problem"] == ["stderr"]


def test_gelf(engine: EngineUnderTest, services: list[Service]) -> None:
    service = Service(socket.AF_INET, socket.SOCK_DGRAM)
    services.append(service)
    run(engine, "talker", "gelf", f"gelf-address=udp://127.0.0.1:{service.port}", "labels=team")
    until(lambda: len(service.pieces) == 4)
    found = [json.loads(zlib.decompress(piece, 31)) for piece in service.pieces]
    assert [one["short_message"] for one in found if one["level"] == 6] == ["out 1", "out 2", "out 3"]
    assert {one["_container_name"] for one in found} == {"talker"}


def test_a_service_that_is_not_there(engine: EngineUnderTest, image: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        words = ("run", "--rm", "--network", "none", "--log-driver", "syslog")
        done = engine.wherry(*words, "--log-opt", f"syslog-address={address}", image, "true", code=None)
    assert done.code == 125
    assert "failed to initialize logging driver" in done.err
    assert "refused" in done.err


def test_all_of_a_container_that_is_removed_at_its_end(
    engine: EngineUnderTest, services: list[Service], image: str
) -> None:
    service = tcp(services)
    words = ("run", "--rm", "--network", "none", "--log-driver", "syslog")
    address = f"syslog-address=tcp://127.0.0.1:{service.port}"
    engine.wherry(*words, "--log-opt", address, image, "sh", "-c", "seq 1 2000; printf end")
    until(lambda: service.text.endswith("end\n"))
    assert service.text.count("\n") == 2001


def test_nothing_is_lost_when_service_and_engine_go(
    own_engine: EngineUnderTest, services: list[Service]
) -> None:
    service = tcp(services)
    script = "n=0; while test $n -lt 100; do n=$((n+1)); echo line $n.; sleep 0.02; done"
    run(own_engine, "talker", "syslog", f"syslog-address=tcp://127.0.0.1:{service.port}", script=script)
    until(lambda: "line 5." in service.text)
    service.close()
    own_engine.kill()
    own_engine.start()
    again = tcp(services, service.port)
    until(lambda: "line 100." in again.text)
    lines = (service.text + again.text).splitlines()
    got = {int(line.rpartition(" ")[2][:-1]) for line in lines if line.endswith(".")}
    # A stream that breaks takes with it what was on its way, as with any syslog over TCP: one gap, no more.
    missing = sorted(set(range(1, 101)) - got)
    assert not missing or missing == list(range(missing[0], missing[-1] + 1))


def test_the_cache_may_be_left_out(engine: EngineUnderTest, services: list[Service]) -> None:
    service = tcp(services)
    run(engine, "talker", "syslog", f"syslog-address=tcp://127.0.0.1:{service.port}", "cache-disabled=true")
    done = engine.wherry("logs", "talker", code=None)
    assert done.code == 1
    assert "configured logging driver does not support reading" in done.err
