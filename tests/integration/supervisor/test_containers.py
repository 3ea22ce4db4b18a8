"""The life of a container under a real supervisor."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.supervisor.station import (
    Station,
    content_of,
    exists,
    gone,
    groups_of,
    process,
    read_all,
    streams,
)
from wherry.errors import Conflict, Invalid, NotFound, WherryError
from wherry.supervisor.logs.options import LogConfig
from wherry.supervisor.records import LaunchFailed

pytestmark = pytest.mark.needs("root", "busybox")


async def test_output_exit_and_what_is_written_down(station: Station) -> None:
    await station.create("c", "echo out; echo err >&2; exit 3")
    attached = await station.supervisor.attach("c")
    assert attached.connection is not None
    await station.supervisor.start("c")
    ended = await station.ended()
    assert (ended.container, ended.exec_id, ended.code, ended.signal, ended.oom) == ("c", "", 3, 0, False)
    assert streams(await read_all(attached.connection)) == (b"out\n", b"err\n")
    # The log and exit.json are complete before the event.
    assert sorted(station.log("c").splitlines()) == [b"err", b"out"]
    written = json.loads(content_of(f"{station.state}/containers/c/exit.json"))
    assert written["code"] == 3 and written["finished_at"] == ended.finished_at
    [state] = await station.supervisor.processes()
    assert state.status == "exited" and state.exit == ended
    await station.supervisor.forget("c")
    await station.supervisor.forget("c")
    assert await station.supervisor.processes() == []
    assert os.listdir(Path(station.run, "containers")) == []


async def test_ended_by_a_signal(station: Station) -> None:
    await station.start("c", "sleep 100")
    await station.supervisor.kill("c", signal.SIGKILL)
    ended = await station.ended()
    assert (ended.code, ended.signal) == (137, 9)
    with pytest.raises(Conflict, match="not running"):
        await station.supervisor.kill("c", signal.SIGTERM)


async def test_a_signal_is_delivered(station: Station) -> None:
    await station.create("c", "trap 'echo got it; exit 5' TERM; echo ready; while :; do sleep 0.05; done")
    attached = await station.supervisor.attach("c")
    assert attached.connection is not None
    await station.supervisor.start("c")
    await asyncio.get_running_loop().sock_recv(attached.connection, 100)
    await station.supervisor.kill("c", signal.SIGTERM)
    assert (await station.ended()).code == 5
    assert b"got it" in await read_all(attached.connection)


@pytest.mark.parametrize(
    ("program", "code", "words"),
    [("nope", 127, "executable file not found in ."), ("/etc", 126, "permission denied|is a directory")],
)
async def test_a_program_that_can_not_be_executed(
    station: Station, program: str, code: int, words: str
) -> None:
    with pytest.raises(LaunchFailed, match=words) as raised:
        await station.start("c", "", arguments=[program])
    assert raised.value.exit_code == code
    assert await station.supervisor.processes() == []
    await station.start("c", "sleep 100")
    with pytest.raises(LaunchFailed, match=words) as raised:
        await station.supervisor.exec("c", "e", process={**process(""), "args": [program]})
    assert raised.value.exit_code == code
    assert len(await station.supervisor.processes()) == 1


async def test_nothing_is_left_of_a_container_that_could_not_be_made(station: Station) -> None:
    with pytest.raises((LaunchFailed, Invalid)):
        await station.create("c", "true", namespaces=("pid", "nonsense"))
    assert await station.supervisor.processes() == []
    await station.start("c", "exit 0")
    assert (await station.ended()).code == 0


async def test_what_is_refused(station: Station) -> None:
    with pytest.raises(NotFound):
        await station.supervisor.start("nobody")
    with pytest.raises(Invalid):
        await station.create("../up", "true")
    await station.start("c", "sleep 100")
    with pytest.raises(Conflict):
        await station.create("c", "true")
    with pytest.raises(Conflict):
        await station.supervisor.start("c")
    with pytest.raises(Conflict):
        await station.supervisor.forget("c")
    with pytest.raises(Conflict):
        await station.supervisor.shutdown()
    with pytest.raises(Conflict, match="no terminal"):
        await station.supervisor.resize("c", rows=1, columns=1)


@pytest.mark.parametrize("state", ["creating", "created", "starting", "running", "ended", "unknown"])
async def test_a_container_can_be_ended_and_forgotten_in_any_state(station: Station, state: str) -> None:
    """For the engine whose start failed somewhere, and who can't know how far it came."""
    pid = 0
    making: asyncio.Task[Any] | None = None
    if state == "creating":
        making = asyncio.create_task(station.create("c", "sleep 1000"))
    elif state != "unknown":
        pid = await station.create("c", "exit 3" if state == "ended" else "sleep 1000")
    if state == "starting":
        making = asyncio.create_task(station.supervisor.start("c"))
    elif state in ("running", "ended"):
        await station.supervisor.start("c")
    if state == "ended":
        await station.ended()
    await asyncio.sleep(0)  # the request for it is on its way first
    await station.supervisor.forget("c", force=True)
    assert await station.supervisor.processes() == []
    assert not exists(f"/proc/{pid}/exe")
    if making is not None:
        with pytest.raises(WherryError):
            await making
    assert not exists(f"{station.run}/containers/c")
    assert await station.start("c", "sleep 1000") > 0


async def test_who_takes_over_makes_no_directory_for_a_removed_container(station: Station) -> None:
    await station.start("c", "sleep 1000", log=LogConfig("cri", 0, 1))
    shutil.rmtree(f"{station.state}/containers/c")
    await station.kill_supervisor()
    await station.supervisor.forget("c", force=True)
    assert not exists(f"{station.state}/containers/c")


async def test_a_created_container_can_be_given_up(station: Station) -> None:
    pid = await station.create("c", "true")
    await station.supervisor.forget("c")
    assert not exists(f"/proc/{pid}")
    assert await station.supervisor.processes() == []


async def test_killed_for_want_of_memory(station: Station) -> None:
    resources = {"memory": {"limit": 16 << 20, "swap": 16 << 20}}
    await station.start("c", "tail /dev/zero; exit 9", linux={"resources": resources})
    ended = await station.ended()
    assert ended.oom is True
    assert (await asyncio.wait_for(station.oom.get(), 60)).container == "c"


async def test_the_control_group_goes_with_the_container(station: Station) -> None:
    await station.start("c", "sleep 100")
    groups = groups_of(station)
    assert groups
    await station.supervisor.kill("c")
    await station.ended()
    for group in groups:
        assert await gone(group)


async def test_without_a_log(station: Station) -> None:
    await station.create("c", "echo seen", log=LogConfig("none"))
    attached = await station.supervisor.attach("c")
    assert attached.connection is not None and attached.position == (0, 0)
    await station.supervisor.start("c")
    assert streams(await read_all(attached.connection)) == (b"seen\n", b"")
    await station.ended()
    assert not exists(f"{station.state}/containers/c/container.log")


async def test_children_that_outlive_init_in_a_shared_pid_namespace_are_killed(station: Station) -> None:
    kinds = ("mount", "ipc", "uts", "network", "cgroup")
    linux: dict[str, object] = {"uidMappings": [], "gidMappings": []}
    await station.start("c", "sleep 1000 & echo $!; exit 4", namespaces=kinds, linux=linux)
    assert (await station.ended(3)).code == 4
    child = int(station.log("c"))
    assert await gone(f"/proc/{child}")


async def test_many_at_once(station: Station) -> None:
    async def one(number: int) -> None:
        await station.start(f"c{number}", f"echo {number}; exit {number}")

    await asyncio.gather(*(one(number) for number in range(30)))
    codes = {(await station.ended()).container for _ in range(30)}
    assert codes == {f"c{number}" for number in range(30)}
    assert all(station.log(f"c{number}") == b"%d\n" % number for number in range(30))


async def test_orphans_of_a_shared_pid_namespace_are_reaped(station: Station) -> None:
    kinds = ("mount", "ipc", "uts", "network", "cgroup")
    linux: dict[str, object] = {"uidMappings": [], "gidMappings": []}
    script = "(sleep 0.1 & echo $!); sleep 1000"
    await station.start("c", script, namespaces=kinds, linux=linux)
    for number in range(5):  # launches meanwhile, whose own children are not to be taken
        await station.start(f"d{number}", "exit 0")
        assert (await station.ended()).code == 0
    orphan = int(station.log("c"))
    assert await gone(f"/proc/{orphan}")
