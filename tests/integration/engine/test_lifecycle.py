"""The life of a container: every verb, every refusal, in Docker's words."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from tests.integration.engine.conftest import Inside
from wherry.engine.models import RestartPolicy, UpdateConfig
from wherry.errors import Conflict, Invalid, NotFound, NotModified
from wherry.supervisor.records import LaunchFailed

pytestmark = [pytest.mark.needs("root"), pytest.mark.asyncio(loop_scope="module")]


async def test_runs_to_its_end_with_its_exit_code(inside: Inside) -> None:
    assert await inside.output("sh", "-c", "echo out; exit 3") == (3, "out\n")


async def test_states_from_created_to_removed(inside: Inside) -> None:
    containers = inside.engine.containers
    one = await inside.create("sleep", "100")
    assert (await containers.inspect(one)).state.status == "created"
    await containers.start(one)
    state = (await containers.inspect(one)).state
    assert state.running and state.pid > 0 and os.stat(f"/proc/{state.pid}")
    with pytest.raises(NotModified):
        await containers.start(one)
    with pytest.raises(Conflict, match=r'cannot remove container "/\w+": container is running'):
        await containers.remove(one)
    await containers.stop(one, grace=0)
    state = (await containers.inspect(one)).state
    assert (state.status, state.exit_code, state.pid) == ("exited", 137, 0)
    with pytest.raises(NotModified):
        await containers.stop(one)
    with pytest.raises(Conflict, match="is not running"):
        await containers.kill(one)
    await containers.remove(one)
    with pytest.raises(NotFound, match=f"No such container: {one}"):
        await containers.inspect(one)


async def test_stop_signal_and_time(inside: Inside) -> None:
    script = "trap 'exit 9' USR1; touch /ready; while :; do sleep 0.05; done"
    one = await inside.run("sh", "-c", script, stop_signal="SIGUSR1")
    deadline = time.monotonic() + 60
    while True:
        try:
            await inside.engine.containers.stat_path(one, "/ready")
            break
        except NotFound:  # before the trap stands, init would ignore the signal
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
    await inside.engine.containers.stop(one, grace=60)
    assert (await inside.engine.containers.inspect(one)).state.exit_code == 9


async def test_what_cannot_be_executed(inside: Inside) -> None:
    containers = inside.engine.containers
    for command, code in (("nosuchthing", 127), ("/etc", 126)):
        one = await inside.create(command)
        with pytest.raises(LaunchFailed) as raised:
            await containers.start(one)
        assert raised.value.exit_code == code
        state = (await containers.inspect(one)).state
        assert (state.status, state.exit_code) == ("created", code)
        assert command in state.error
        await containers.remove(one)


async def test_names(inside: Inside) -> None:
    containers = inside.engine.containers
    one = await inside.create("true", name="first")
    with pytest.raises(Conflict) as raised:
        await inside.create("true", name="/first")
    assert raised.value.message == (
        f'Conflict. The container name "/first" is already in use by container "{one}". You have to remove '
        "(or rename) that container to be able to reuse that name."
    )
    with pytest.raises(Invalid, match="Invalid container name"):
        await inside.create("true", name="a/b")
    await containers.rename("first", "second")
    assert (await containers.inspect("second")).id == one
    assert (await containers.inspect(one[:5])).name == "/second"
    with pytest.raises(NotFound):
        await containers.inspect("first")
    await containers.remove("second")


async def test_an_ambiguous_prefix_is_refused(inside: Inside) -> None:
    made: list[str] = []
    try:
        while not any(a[:1] == b[:1] for a in made for b in made if a != b):
            made.append(await inside.create("true"))
        twin = next(a for a in made if sum(b[:1] == a[:1] for b in made) > 1)
        with pytest.raises(Invalid, match="multiple IDs found with provided prefix"):
            await inside.engine.containers.inspect(twin[:1])
    finally:
        for one in made:
            await inside.engine.containers.remove(one)


async def test_pause(inside: Inside) -> None:
    containers = inside.engine.containers
    one = await inside.run("sleep", "100")
    await containers.pause(one)
    assert (await containers.inspect(one)).state.paused
    with pytest.raises(Conflict, match="already paused"):
        await containers.pause(one)
    await containers.unpause(one)
    with pytest.raises(Conflict, match="is not paused"):
        await containers.unpause(one)
    await containers.pause(one)
    await containers.remove(one, force=True)


async def test_restart_policy_backs_off_and_gives_up(inside: Inside) -> None:
    containers = inside.engine.containers
    policy = {"restart_policy": RestartPolicy(name="on-failure", maximum_retry_count=2)}
    one = await inside.run("sh", "-c", "exit 5", host=policy)
    deadline = time.monotonic() + 60
    while (found := await containers.inspect(one)).state.status != "exited" or found.restart_count < 2:
        assert time.monotonic() < deadline, found.state  # between two runs it is "exited" for a moment
        await asyncio.sleep(0.05)
    assert (found.restart_count, found.state.exit_code) == (2, 5)
    await containers.remove(one)


async def test_a_stopped_container_is_not_restarted(inside: Inside) -> None:
    containers = inside.engine.containers
    one = await inside.run("sleep", "100", host={"restart_policy": RestartPolicy(name="always")})
    await containers.stop(one, grace=0)
    await asyncio.sleep(0.3)
    assert (await containers.inspect(one)).state.status == "exited"
    await containers.remove(one)


async def test_wait_conditions(inside: Inside) -> None:
    containers = inside.engine.containers
    one = await inside.create("sh", "-c", "exit 4", host={"auto_remove": True})
    assert (await containers.wait(one)).status_code == 0  # not running yet
    removed, ended = containers.wait(one, "removed"), containers.wait(one, "next-exit")
    await containers.start(one)
    assert (await ended).status_code == 4
    assert (await asyncio.wait_for(removed, 60)).status_code == 4
    with pytest.raises(Invalid, match="invalid condition"):
        containers.wait(await inside.create("true"), "sometime")


async def test_out_of_memory_is_said(inside: Inside) -> None:
    containers = inside.engine.containers
    script = "x=a; while :; do x=$x$x; done"
    one = await inside.create("sh", "-c", script, host={"memory": 16 << 20})
    ended = containers.wait(one, "next-exit")
    await containers.start(one)
    assert (await ended).status_code == 137
    assert (await containers.inspect(one)).state.oom_killed
    await containers.remove(one)


async def test_update_reaches_the_running_container(inside: Inside) -> None:
    containers = inside.engine.containers
    one = await inside.run("sleep", "100", host={"memory": 32 << 20})
    with pytest.raises(Invalid, match="memoryswap"):
        await containers.update(one, UpdateConfig(memory=128 << 20))
    await containers.update(one, UpdateConfig(memory=48 << 20, memory_swap=96 << 20))
    assert (await containers.inspect(one)).host_config.memory == 48 << 20
    reading = await anext(containers.stats(one, stream=False, one_shot=True))
    assert reading["memory_stats"]["limit"] == 48 << 20
    await containers.remove(one, force=True)


async def test_top_shows_the_containers_own_users(inside: Inside) -> None:
    one = await inside.run("sleep", "100", user="12:34")
    found = await inside.engine.containers.top(one, "-o pid,uid,gid,comm")
    assert found.titles == ["PID", "UID", "GID", "COMMAND"]
    assert [row[1:] for row in found.processes] == [["12", "34", "sleep"]]
    await inside.engine.containers.remove(one, force=True)


async def test_fifty_at_once(inside: Inside) -> None:
    results = await asyncio.gather(*(inside.output("sh", "-c", f"echo {n}") for n in range(50)))
    assert results == [(0, f"{n}\n") for n in range(50)]


async def test_events_tell_the_whole_life(inside: Inside) -> None:
    stream = inside.engine.events.subscribe(filters={"type": ["container"]})
    one = await inside.create("true")
    ended = inside.engine.containers.wait(one, "next-exit")
    await inside.engine.containers.start(one)
    await ended
    await inside.engine.containers.remove(one)
    seen = []
    async for event in stream:
        if event.actor.id == one:
            seen.append(event.action)
        if event.action == "destroy":
            break
    await stream.aclose()
    assert seen == ["create", "start", "die", "destroy"]
