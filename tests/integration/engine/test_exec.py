"""Further processes: streams, exit codes, refusals, health checks."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.integration.engine.conftest import Inside, unframed
from wherry.engine.models import ExecConfig, Healthcheck
from wherry.errors import Conflict, Invalid, NotFound
from wherry.supervisor.records import LaunchFailed

pytestmark = [pytest.mark.needs("root"), pytest.mark.asyncio(loop_scope="module")]


async def everything(stream: object) -> bytes:
    loop = asyncio.get_running_loop()
    data = b""
    while piece := await loop.sock_recv(stream, 65536):  # type: ignore[arg-type]
        data += piece
    return data


async def test_exec_has_streams_and_an_exit_code(inside: Inside) -> None:
    execs = inside.engine.execs
    one = await inside.run("sleep", "100", env=["A=1"], working_dir="/tmp")
    config = ExecConfig(cmd=["sh", "-c", "read x; echo $x $A $B; pwd; exit 6"], env=["B=2"])
    config.attach_stdin = config.attach_stdout = True
    identifier = await execs.create(one, config)
    assert (await execs.inspect(identifier)).exit_code is None
    attachment = await execs.start(identifier)
    assert attachment is not None
    with attachment.socket as stream:
        stream.setblocking(False)
        await asyncio.get_running_loop().sock_sendall(stream, b"hey\n")
        assert unframed(await everything(stream)) == b"hey 1 2\n/tmp\n"
    assert (await execs.inspect(identifier)).exit_code == 6
    with pytest.raises(Conflict, match="already run"):
        await execs.start(identifier)
    await inside.engine.containers.remove(one, force=True)


async def test_exec_refusals(inside: Inside) -> None:
    execs, containers = inside.engine.execs, inside.engine.containers
    one = await inside.create("sleep", "100")
    with pytest.raises(Conflict, match="is not running"):
        await execs.create(one, ExecConfig(cmd=["true"]))
    await containers.start(one)
    with pytest.raises(Invalid, match="No exec command specified"):
        await execs.create(one, ExecConfig())
    identifier = await execs.create(one, ExecConfig(cmd=["nosuchthing"]))
    with pytest.raises(LaunchFailed) as raised:
        await execs.start(identifier, detach=True)
    assert raised.value.exit_code == 127
    with pytest.raises(Invalid, match="unable to find user nobody-here"):
        await execs.start(await execs.create(one, ExecConfig(cmd=["true"], user="nobody-here")))
    with pytest.raises(NotFound, match="No such exec instance"):
        await execs.inspect("0" * 64)
    await containers.remove(one, force=True)


async def test_health_check_turns_with_its_command(inside: Inside) -> None:
    check = Healthcheck(test=["CMD-SHELL", "cat /tmp/well"], interval=50_000_000, retries=2)
    one = await inside.run("sleep", "100", healthcheck=check)
    await _until(inside, one, "unhealthy")
    execs = inside.engine.execs
    await execs.start(await execs.create(one, ExecConfig(cmd=["touch", "/tmp/well"])), detach=True)
    await _until(inside, one, "healthy")
    shown = (await inside.engine.containers.list(filters={"health": ["healthy"]}))[0]
    assert shown.id == one and shown.status.endswith("(healthy)")
    await inside.engine.containers.remove(one, force=True)


async def _until(inside: Inside, container: str, status: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        health = (await inside.engine.containers.inspect(container)).state.health
        assert health is not None
        if health.status == status:
            return
        assert time.monotonic() < deadline, health
        await asyncio.sleep(0.05)
