"""The same containers made by other OCI runtimes."""

from __future__ import annotations

import asyncio
import os
import shutil

import pytest

from tests.integration.supervisor.station import Station, exists, process, read_all, streams, until
from wherry.supervisor.records import LaunchFailed

pytestmark = pytest.mark.needs("root", "busybox")

RUNTIMES = [
    pytest.param("crun", marks=pytest.mark.needs("crun", "crun-cgroups")),
    pytest.param("runc", marks=pytest.mark.needs("runc")),
]


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> str:
    return shutil.which(request.param) or ""


async def test_output_exit_and_exec(station: Station, runtime: str) -> None:
    await station.create("c", "echo out; read a; exit 3", runtime=runtime, open_stdin=True)
    attached = await station.supervisor.attach("c", stdin=True)
    assert attached.connection is not None
    await station.supervisor.start("c")
    await until(attached.connection, b"out\n")
    executed = await station.supervisor.exec("c", "e", process=process("echo in exec; exit 4"))
    assert executed.connection is not None
    assert streams(await read_all(executed.connection))[0] == b"in exec\n"
    assert (await station.ended()).code == 4
    await asyncio.get_running_loop().sock_sendall(attached.connection, b"go\n")
    await read_all(attached.connection)
    assert (await station.ended()).code == 3
    assert station.log("c") == b"out\n"
    await station.supervisor.forget("c")
    assert not exists(f"{station.run}/containers/c")
    state = f"{station.run}/runtimes/{os.path.basename(runtime)}/c"
    for _ in range(3000):
        if not exists(state):
            break
        await asyncio.sleep(0.02)
    assert not exists(state)


async def test_terminal(station: Station, runtime: str) -> None:
    await station.create("c", "read a; stty size; echo got $a", runtime=runtime, terminal=True)
    attached = await station.supervisor.attach("c", stdin=True)
    assert attached.connection is not None
    await station.supervisor.start("c")
    await station.supervisor.resize("c", rows=12, columns=34)
    await asyncio.get_running_loop().sock_sendall(attached.connection, b"hello\n")
    assert b"12 34\r\ngot hello\r\n" in await read_all(attached.connection)
    assert (await station.ended()).code == 0


async def test_a_program_that_is_not_there(station: Station, runtime: str) -> None:
    with pytest.raises(LaunchFailed) as raised:
        await station.start("c", "", arguments=["nope"], runtime=runtime)
    assert raised.value.exit_code == 127
    assert await station.supervisor.processes() == []


async def test_killed_and_taken_over(station: Station, runtime: str) -> None:
    await station.start("c", "echo begin; sleep 1000", runtime=runtime)
    await station.kill_supervisor()
    await station.supervisor.kill("c", everyone=True)
    assert (await station.ended()).code == 137
    assert station.log("c") == b"begin\n"
