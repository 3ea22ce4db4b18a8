"""Attached clients: input, half-close, detach keys, terminals, slow readers, handed-in connections."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from tests.integration.supervisor.station import Station, read_all, streams, until
from wherry.errors import Conflict
from wherry.supervisor.logs.reader import read
from wherry.supervisor.logs.selection import Selection

pytestmark = pytest.mark.needs("root", "busybox")


async def attach(station: Station, name: str = "c", **options: object) -> socket.socket:
    attached = await station.supervisor.attach(name, **options)  # type: ignore[arg-type]
    assert attached.connection is not None
    return attached.connection


async def send(connection: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(connection, data)


async def test_half_close_is_end_of_file(station: Station) -> None:
    await station.create("c", "wc -c; cat", open_stdin=True, stdin_once=True)
    connection = await attach(station, stdin=True)
    await station.supervisor.start("c")
    data = b"x" * 3_000_000
    await send(connection, data)
    connection.shutdown(socket.SHUT_WR)
    assert streams(await read_all(connection))[0].strip() == b"3000000"
    assert (await station.ended()).code == 0


async def test_input_stays_open_for_the_next_client_unless_once(station: Station) -> None:
    await station.create("c", "read a; echo got $a; read b; echo got $b", open_stdin=True)
    await station.supervisor.start("c")
    for word in (b"one", b"two"):
        connection = await attach(station, stdin=True)
        await send(connection, word + b"\n")
        connection.shutdown(socket.SHUT_WR)
        await until(connection, b"got " + word)
        connection.close()
    assert (await station.ended()).code == 0


async def test_a_client_that_goes_away_closes_input_that_is_for_once(station: Station) -> None:
    await station.create("c", "cat; echo end", open_stdin=True, stdin_once=True)
    connection = await attach(station, stdin=True)
    await station.supervisor.start("c")
    await send(connection, b"hello\n")
    await until(connection, b"hello")
    connection.close()
    assert (await station.ended()).code == 0
    assert station.log("c") == b"hello\nend\n"


async def test_without_open_stdin_there_is_nothing_to_read(station: Station) -> None:
    await station.create("c", "cat; echo end")
    connection = await attach(station, stdin=True)
    await station.supervisor.start("c")
    assert streams(await read_all(connection))[0] == b"end\n"


async def test_a_terminal(station: Station) -> None:
    await station.create("c", "stty -echo; stty size; read a; echo got $a; stty size; read b", terminal=True)
    await station.supervisor.resize("c", rows=30, columns=100)
    connection = await attach(station, stdin=True)
    await station.supervisor.start("c")
    await until(connection, b"30 100\r\n")
    await station.supervisor.resize("c", rows=50, columns=120)
    await send(connection, b"hello\n")
    await until(connection, b"got hello\r\n50 120\r\n")
    await send(connection, b"\x04")
    await read_all(connection)
    await station.ended()
    assert station.log("c") == b"30 100\r\ngot hello\r\n50 120\r\n"


async def test_detach_keys(station: Station) -> None:
    await station.create(
        "c", "stty raw -echo; while :; do dd bs=1 count=1 2>/dev/null | od -An -tx1; done", terminal=True
    )
    connection = await attach(station, stdin=True)
    await station.supervisor.start("c")
    await send(connection, b"a\x10")
    await until(connection, b"61")
    await send(connection, b"b")  # control-P was not the beginning of the keys
    await until(connection, b"62")
    await send(connection, b"\x10")
    await send(connection, b"\x11ignored")
    await read_all(connection)
    detached = await asyncio.wait_for(station.detached.get(), 60)
    assert detached == ("c", "", True)
    again = await attach(station, stdin=True, detach_keys=b"z")
    await send(again, b"\x10\x11")
    await until(again, b"11")
    await send(again, b"z")
    await read_all(again)
    [state] = await station.supervisor.processes()
    assert state.status == "running"


async def test_only_the_streams_asked_for(station: Station) -> None:
    await station.create("c", "echo out; echo err >&2")
    out, err = await attach(station, stderr=False), await attach(station, stdout=False)
    await station.supervisor.start("c")
    assert streams(await read_all(out)) == (b"out\n", b"")
    assert streams(await read_all(err)) == (b"", b"err\n")


async def test_log_and_stream_meet_at_the_position(station: Station) -> None:
    script = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done"
    await station.start("c", script)
    attached = await station.supervisor.attach("c")
    assert attached.connection is not None
    rest = streams(await read_all(attached.connection))[0]
    path = f"{station.state}/containers/c/container.log"
    before = b"".join(run.content for runs in read(path, Selection(), attached.position) for run in runs)
    assert before + rest == b"".join(b"line %d\n" % number for number in range(3000))


async def test_a_client_that_does_not_read_holds_only_its_container(station: Station) -> None:
    flood = "yes 0123456789012345678901234567890123456789 | head -n 200000; echo done"
    await station.create("slow", flood)
    await station.create("free", flood)
    connection = await attach(station, "slow")
    await station.supervisor.start("slow")
    await station.supervisor.start("free")
    assert (await station.ended()).container == "free"
    await asyncio.sleep(0.2)
    [slow] = [one for one in await station.supervisor.processes() if one.container == "slow"]
    assert slow.status == "running"
    out, _ = streams(await read_all(connection))
    assert (await station.ended()).container == "slow"
    assert len(out) == 200_000 * 41 + 5
    assert station.log("slow") == out == station.log("free")


async def test_a_client_that_never_read_can_leave(station: Station) -> None:
    await station.create("c", "yes 0123456789 | head -n 1000000; echo done")
    connection = await attach(station)
    await station.supervisor.start("c")
    await asyncio.sleep(0.2)
    connection.close()
    assert (await station.ended()).code == 0
    assert station.log("c").count(b"\n") == 1_000_001


async def test_a_connection_handed_in_is_served_directly(station: Station) -> None:
    """As the engine does with a client's: what it had read already goes first, and its own copy is closed."""
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    client.setblocking(False)
    server, _ = listener.accept()
    listener.close()
    await station.create("c", "cat; echo end", open_stdin=True, stdin_once=True)
    await send(client, b" and late\n")
    attached = await station.supervisor.attach("c", stdin=True, connection=server, early=b"early")
    assert attached.connection is None
    server.close()
    await station.supervisor.start("c")
    client.shutdown(socket.SHUT_WR)
    assert streams(await read_all(client))[0] == b"early and late\nend\n"
    assert (await station.ended()).code == 0


async def test_an_ended_container_can_not_be_attached_to(station: Station) -> None:
    await station.start("c", "true")
    await station.ended()
    with pytest.raises(Conflict):
        await station.supervisor.attach("c")


async def test_requests_are_answered_during_floods(station: Station) -> None:
    for number in range(3):
        await station.start(f"c{number}", "yes 01234567890123456789012345678901234567890123456789")
    await asyncio.sleep(0.3)
    took = []
    for _ in range(30):
        began = time.monotonic()
        await station.supervisor.processes()
        took.append(time.monotonic() - began)
        await asyncio.sleep(0.01)
    # A batch takes some 2 ms; held is only that nobody waits for a flood to pass, for these have no end.
    assert sorted(took)[15] < 2


async def test_a_container_that_waits_to_start_keeps_nobody_elses_descriptors(station: Station) -> None:
    await station.create("c", "cat; echo end", open_stdin=True, stdin_once=True)
    connection = await attach(station, stdin=True)
    await station.supervisor.start("c")
    await station.create("waiting", "true")
    await send(connection, b"hello\n")
    connection.shutdown(socket.SHUT_WR)
    assert streams(await read_all(connection, 3))[0] == b"hello\nend\n"
    assert (await station.ended(3)).code == 0
