"""Processes exec'd in running containers."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.integration.supervisor.station import Station, process, read_all, streams, until
from wherry.errors import Conflict, NotFound

pytestmark = pytest.mark.needs("root", "busybox")


@pytest.fixture
async def running(station: Station) -> Station:
    await station.start("c", "echo main; exec sleep 1000")
    return station


async def test_output_and_exit(running: Station) -> None:
    executed = await running.supervisor.exec("c", "e1", process=process("echo out; echo err >&2; exit 7"))
    assert executed.connection is not None
    assert streams(await read_all(executed.connection)) == (b"out\n", b"err\n")
    ended = await running.ended()
    assert (ended.container, ended.exec_id, ended.code) == ("c", "e1", 7)
    assert running.log("c") == b"main\n"  # only the container's own output is logged
    states = {one.exec_id: one.status for one in await running.supervisor.processes()}
    assert states == {"": "running", "e1": "exited"}


async def test_input(running: Station) -> None:
    executed = await running.supervisor.exec("c", "e1", process=process("cat"), open_stdin=True)
    assert executed.connection is not None
    await asyncio.get_running_loop().sock_sendall(executed.connection, b"to and fro")
    executed.connection.shutdown(socket.SHUT_WR)
    assert streams(await read_all(executed.connection))[0] == b"to and fro"
    assert (await running.ended()).code == 0


async def test_terminal(running: Station) -> None:
    executed = await running.supervisor.exec(
        "c", "e1", process=process("tty; read a; stty size", terminal=True), open_stdin=True
    )
    assert executed.connection is not None
    await until(executed.connection, b"/dev/pts/")
    await running.supervisor.resize("c", exec_id="e1", rows=11, columns=77)
    await asyncio.get_running_loop().sock_sendall(executed.connection, b"\n")
    assert b"11 77\r\n" in await read_all(executed.connection)


async def test_detached(running: Station) -> None:
    executed = await running.supervisor.exec(
        "c", "e1", process=process("echo nobody hears; exit 3"), attach=False
    )
    assert executed.connection is None
    assert (await running.ended()).code == 3


async def test_a_connection_handed_in(running: Station) -> None:
    near, far = socket.socketpair()
    far.setblocking(False)
    executed = await running.supervisor.exec(
        "c", "e1", process=process("cat"), open_stdin=True, connection=near, early=b"early "
    )
    near.close()
    assert executed.connection is None
    await asyncio.get_running_loop().sock_sendall(far, b"late")
    far.shutdown(socket.SHUT_WR)
    assert streams(await read_all(far))[0] == b"early late"


async def test_children_that_go_on_do_not_hold_the_client(running: Station) -> None:
    executed = await running.supervisor.exec("c", "e1", process=process("sleep 1000 & echo started"))
    assert executed.connection is not None
    assert (await running.ended(1)).code == 0
    assert streams(await read_all(executed.connection, 4))[0] == b"started\n"


async def test_signals(running: Station) -> None:
    executed = await running.supervisor.exec("c", "e1", process=process("exec sleep 1000"))
    assert executed.connection is not None
    await running.supervisor.kill("c", 15, exec_id="e1")
    assert (await running.ended()).signal == 15
    assert await read_all(executed.connection) == b""
    with pytest.raises(NotFound):
        await running.supervisor.kill("c", 15, exec_id="e2")


async def test_the_end_of_the_container_ends_them(running: Station) -> None:
    executed = await running.supervisor.exec("c", "e1", process=process("echo x; exec sleep 1000"))
    assert executed.connection is not None
    await until(executed.connection, b"x\n")
    await running.supervisor.kill("c")
    ends = {(await running.ended()).exec_id, (await running.ended()).exec_id}
    assert ends == {"", "e1"}
    await read_all(executed.connection)
    with pytest.raises(Conflict, match="not running"):
        await running.supervisor.exec("c", "e2", process=process("true"))


async def test_many_at_once(running: Station) -> None:
    async def one(number: int) -> bytes:
        executed = await running.supervisor.exec("c", f"e{number}", process=process(f"echo {number}"))
        assert executed.connection is not None
        return streams(await read_all(executed.connection))[0]

    outputs = await asyncio.gather(*(one(number) for number in range(40)))
    assert outputs == [b"%d\n" % number for number in range(40)]
