"""An engine that ends and comes back: what ran goes on, what was missed is noted, policies are kept."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from wherry.engine.engine import Engine
from wherry.engine.models import ContainerConfig, HostConfig, NetworkingConfig, RestartPolicy

pytestmark = pytest.mark.needs("root")


async def _create(engine: Engine, *command: str, policy: str = "no", name: str = "") -> str:
    made = await engine.containers.create(
        ContainerConfig(image="busybox", cmd=list(command)),
        HostConfig(network_mode="none", restart_policy=RestartPolicy(name=policy)),
        NetworkingConfig(),
        name=name,
    )
    return made.id


async def _open(home: Path) -> Engine:
    for name in ("state", "run"):
        os.makedirs(home / name, 0o700, exist_ok=True)
    return await Engine.open(str(home / "state"), str(home / "run"))


async def _until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def _clear(engine: Engine) -> None:
    for item in await engine.containers.list(show_all=True):
        await engine.containers.remove(item.id, force=True)
    await engine.close()


@pytest.mark.needs("busybox")
async def test_containers_outlive_engines(home: Path, busybox_tar: Path) -> None:
    engine = await _open(home)
    engine.store.import_image(iter([await asyncio.to_thread(busybox_tar.read_bytes)]), "busybox:latest")
    lives = await _create(engine, "sleep", "100")
    ends = await _create(engine, "sh", "-c", "sleep 0.3; exit 7")
    for one in (lives, ends):
        await engine.containers.start(one)
    before = (await engine.containers.inspect(lives)).state
    await engine.close()
    await _until((home / "state" / "containers" / ends / "exit.json").exists)
    engine = await _open(home)
    after = (await engine.containers.inspect(lives)).state
    assert (after.running, after.pid, after.started_at) == (True, before.pid, before.started_at)
    missed = (await engine.containers.inspect(ends)).state
    assert (missed.status, missed.exit_code) == ("exited", 7)
    await engine.containers.stop(lives, grace=0)
    await _clear(engine)


@pytest.mark.needs("busybox")
async def test_policies_after_the_machine_went_down(home: Path, busybox_tar: Path) -> None:
    """Supervisor and processes die with the machine; `always` and `unless-stopped` come up again."""
    engine = await _open(home)
    engine.store.import_image(iter([await asyncio.to_thread(busybox_tar.read_bytes)]), "busybox:latest")
    names = {}
    for policy in ("no", "always", "unless-stopped", "on-failure"):
        names[policy] = await _create(engine, "sleep", "100", policy=policy, name=policy)
        await engine.containers.start(policy)
    stopped = await _create(engine, "sleep", "100", policy="unless-stopped")
    await engine.containers.start(stopped)
    await engine.containers.stop(stopped, grace=0)
    pids = [(await engine.containers.inspect(name)).state.pid for name in names]
    supervisor = engine._room.supervisor.pid
    await engine.close()
    for pid in (supervisor, *pids):
        os.kill(pid, signal.SIGKILL)
    await _until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))
    engine = await _open(home)
    await _until(lambda: sum(one.condition.alive for one in engine._room.registry) >= 3)
    shown = {name: (await engine.containers.inspect(name)).state for name in [*names, stopped]}
    assert {name for name, state in shown.items() if state.running} == {
        "always",
        "unless-stopped",
        "on-failure",
    }
    assert shown["no"].exit_code in (137, 255)
    await _clear(engine)


@pytest.mark.needs("busybox")
async def test_a_removal_that_was_cut_off_is_finished(home: Path, busybox_tar: Path) -> None:
    engine = await _open(home)
    engine.store.import_image(iter([await asyncio.to_thread(busybox_tar.read_bytes)]), "busybox:latest")
    whole, half = await _create(engine, "true"), await _create(engine, "true")
    for one, files_too in ((whole, False), (half, True)):
        container = engine._room.registry.find(one)
        container.condition.status = "removing"
        engine._room.save(container)
        if files_too:
            engine._room.trash.throw(engine._room.directory(container))
    await engine.close()
    engine = await _open(home)
    assert await engine.containers.list(show_all=True) == []
    await engine.close()
    assert os.listdir(home / "state" / "containers") == []
    assert os.listdir(home / "state" / "trash") == []
