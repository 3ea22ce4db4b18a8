"""Stopping and removing what there is of a project, those that depend on others first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from wherry.client.api import Client, query
from wherry.client.objects.connections import Connections
from wherry.compose import labels, resources
from wherry.compose.hooks import Hooks, run_hooks
from wherry.compose.present import Present, containers
from wherry.errors import Conflict, Forbidden, NotFound, NotModified

Say = Callable[[str, str], None]


def waves(present: Iterable[Present]) -> list[list[Present]]:
    """Containers in the order in which they can be stopped: none before those that depend on its service.

    The dependencies come from the labels, so this needs no files.
    """
    left = list(present)
    needs = {
        one.service: {
            text.partition(":")[0]
            for text in (one.entry.get("Labels") or {}).get(labels.DEPENDS, "").split(",")
            if text
        }
        for one in left
    }
    found = []
    while left:
        there = {one.service for one in left}
        needed = {name for service in there for name in needs[service] if name != service}
        wave = [one for one in left if one.service not in needed] or left
        found.append(wave)
        left = [one for one in left if one not in wave]
    return found


def each(present: Sequence[Present], do: Callable[[Present], None], *, ordered: bool = True) -> None:
    """Call `do` for every container, those of one wave at once. Raises the first failure after its wave."""
    for wave in waves(present) if ordered else [list(present)]:
        if not wave:
            continue
        with ThreadPoolExecutor(max_workers=min(16, len(wave))) as pool:
            list(pool.map(do, wave))


def stop(client: Client, one: Present, timeout: int | None, hooks: Hooks | None = None) -> None:
    """Stop a container after its `pre_stop` commands; nothing when it does not run or is gone."""
    if one.state not in ("running", "paused", "restarting"):
        return
    try:
        if one.state == "running":
            run_hooks(client, one.id, one.name, "pre_stop", (hooks or {}).get(one.service, ()))
        client.post(f"/containers/{one.id}/stop" + query(t=None if timeout is None else str(timeout)))
    except (NotModified, NotFound):
        pass
    except Conflict as error:
        if "is not running" not in error.message:  # it ended by itself meanwhile
            raise


def down(
    connections: Connections,
    project: str,
    say: Say,
    *,
    services: Sequence[str] = (),
    known: Iterable[str] | None = None,
    timeout: int | None = None,
    volumes: bool = False,
    orphans: bool = False,
    external: frozenset[str] = frozenset(),
    hooks: Hooks | None = None,
) -> None:
    """Remove containers, and (without `services`) networks; with `volumes` also the named volumes.

    `known`: the services of the files; containers of others stay unless `orphans`.
    """
    found = containers(connections.client, project, one_off=None)
    mine = [
        one
        for one in found
        if (not services or one.service in services) and (known is None or orphans or one.service in known)
    ]

    def remove(one: Present) -> None:
        try:
            connections.client.delete(f"/containers/{one.id}" + query(force=True, v=volumes))
        except NotFound:
            return
        except Conflict as error:
            if "already in progress" not in error.message:
                raise
        say(f"Container {one.name}", "Removed")

    # The order matters to stopping alone: what has stopped is removed while the next ones stop.
    with ThreadPoolExecutor(max_workers=16) as pool:
        removed = []
        for wave in waves(mine):
            list(pool.map(lambda one: stop(connections.client, one, timeout, hooks), wave))
            removed += [pool.submit(remove, one) for one in wave]
        for future in removed:
            future.result()
    if services:
        return
    for identity, name in resources.networks_of(connections.client, project):
        try:
            connections.client.delete(f"/networks/{identity}")
            say(f"Network {name}", "Removed")
        except (Conflict, Forbidden) as error:
            say(f"Network {name}", f"Resource is still in use: {error.message}")
        except NotFound:
            pass
    if volumes:
        for name in resources.volumes_of(connections.client, project):
            if name in external:
                continue
            try:
                connections.client.delete(f"/volumes/{name}")
                say(f"Volume {name}", "Removed")
            except Conflict as error:
                say(f"Volume {name}", f"Resource is still in use: {error.message}")
            except NotFound:
                pass
