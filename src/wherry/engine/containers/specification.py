"""From a container's plan to what the supervisor is asked to run: specification, root filesystem, cgroup."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from wherry.errors import Conflict

from ..models import Confinement, ExecConfig, HostConfig
from ..spec import capabilities, environment, modes, security_options, userns
from ..spec.process import User, lifts, process, resource_limits
from ..spec.translate import Wish, translate
from . import bind_sources, hostfiles, image_mounts, lookup, shm, users

if TYPE_CHECKING:
    from wherry.store.snapshots import Snapshot

    from .registry import Container
    from .room import Room


class Specified(NamedTuple):
    """What `Supervisor.create` is given, and what the condition keeps of it."""

    spec: dict[str, Any]
    rootfs: dict[str, Any]
    cgroup: str
    id_range: int
    runtime: str
    confinement: Confinement


def build(room: Room, container: Container) -> Specified:
    """Work it out. Takes an id range, which the caller gives back by the condition.

    Raises `Invalid` for what contradicts itself, `Conflict` when a container whose namespaces are to be
    shared does not run.
    """
    plan, host = container.plan, container.plan.host
    snapshot = room.store.snapshots.get(container.id)
    who = _identify(room, snapshot, plan.config.user, host)
    joined = _joined(room, host)
    decision = decide(room, container)
    bind_sources.prepare(room, plan.mounts)
    images = image_mounts.layers(room, container)
    cgroup = room.cgroup_path(container)
    first = room.idranges.allocate() if decision.kind == userns.OWN else -1
    try:
        wish = Wish(
            config=plan.config,
            host=host,
            decision=decision,
            arguments=[plan.path, *plan.args],
            environment=environment.environment(
                [*(plan.config.env or ()), *room.secret_environment.get(container.id, ())],
                hostname=plan.config.hostname or room.machine.hostname,
                terminal=plan.config.tty,
                home=who.home,
            ),
            user=User(who.uid, who.gid, who.groups),
            cgroup=cgroup,
            planned=plan.mounts,
            files=hostfiles.places(_files_of(room, container)),
            joined=joined,
            first_id=first,
            shm=shm.directory(room, container),
            apparmor_default=room.apparmor_loaded(),
        )
        translated = translate(wish, room.machine.facts)
    except BaseException:
        room.idranges.release(first)
        raise
    rootfs = snapshot.mounts()
    if container.id in room.volatile:
        rootfs["mounts"] = [{**mount, "volatile": True} for mount in rootfs["mounts"]]
    rootfs["mounts"] = [*rootfs["mounts"], *images]
    if host.readonly_rootfs:
        rootfs["readonly"] = True
    runtime = room.settings.runtimes.get(host.runtime, "wherry")
    if runtime != "wherry" and room.machine.rootless and not room.machine.facts.limits.memory:
        # Others fail where they may not make the cgroup that they are told, ours goes on without.
        for key in ("cgroupsPath", "resources"):
            translated.spec["linux"].pop(key, None)
    return Specified(translated.spec, rootfs, cgroup, first, runtime, translated.confinement)


def decide(room: Room, container: Container) -> userns.Decision:
    """Which user namespace it gets. Raises `Invalid` for a mode that does not exist, `NotFound`."""
    host = container.plan.host
    others = {}
    for kind, text in (("pid", host.pid_mode), ("ipc", host.ipc_mode), ("network", host.network_mode)):
        name = modes.parse(kind, text).container
        if name:
            confinement = room.registry.find(name).condition.confinement
            others[name] = confinement.user_namespace if confinement is not None else ""
    return userns.decide(container.plan.config, host, room.machine.facts, others)


def exec_process(room: Room, container: Container, config: ExecConfig) -> dict[str, Any]:
    """The specification's `process` for a further process. Raises `Invalid` for an unknown user."""
    own, host = container.plan.config, container.plan.host
    who = identity(room, container, config.user or own.user)
    confinement = container.condition.confinement
    names = capabilities.effective(
        host.cap_add,
        host.cap_drop,
        privileged=host.privileged or config.privileged,
        known=room.machine.facts.known_capabilities,
    )
    decision = userns.Decision(confinement.user_namespace if confinement is not None else userns.OWN)
    options = security_options.parse(host.security_opt)
    wanted = options.no_new_privileges
    profile = confinement.apparmor if confinement is not None else ""
    return process(
        arguments=list(config.cmd or ()),
        environment=environment.for_exec(
            own.env,
            config.env,
            hostname=own.hostname or room.machine.hostname,
            terminal=config.tty,
            home=who.home,
        ),
        directory=config.working_dir or own.working_dir,
        user=User(who.uid, who.gid, who.groups),
        names=names,
        no_new_privileges=(
            wanted if wanted is not None else who.uid == 0 and not host.privileged and not config.privileged
        ),
        terminal=config.tty,
        size=config.console_size or (0, 0),
        apparmor="" if profile == "unconfined" or config.privileged else profile,
        limits=resource_limits(host, lift=lifts(decision, room.machine.facts), names=names),
        oom_score=host.oom_score_adj if host.oom_score_adj != room.machine.facts.oom_score else None,
    )


def identity(room: Room, container: Container, user: str) -> users.Identity:
    """Who `user` is in this container's files, as they are now."""
    return _identify(room, room.store.snapshots.get(container.id), user, container.plan.host)


def _identify(room: Room, snapshot: Snapshot, user: str, host: HostConfig) -> users.Identity:
    groups = tuple(host.group_add or ())
    key = (snapshot.image, snapshot.layers, user, groups)
    untouched = not os.path.lexists(os.path.join(snapshot.driver.writable(snapshot.place)[0], "etc"))
    if untouched and key in room.identities:
        return room.identities[key]
    stack = snapshot.driver.stack(snapshot.place)
    who = users.identify(user, groups, lambda path: lookup.read_small(stack, path, limit=users.LIMIT))
    if untouched and snapshot.driver.name == "overlay":
        if len(room.identities) > 1000:
            room.identities.clear()
        room.identities[key] = who
    return who


def _joined(room: Room, host: HostConfig) -> dict[str, int]:
    """The pids of the containers whose namespaces are to be joined, by kind of namespace."""
    found = {}
    for kind, text in (("pid", host.pid_mode), ("ipc", host.ipc_mode), ("network", host.network_mode)):
        name = modes.parse(kind, text).container
        if name:
            other = room.registry.find(name)
            if not other.condition.alive:
                what = {"pid": "PID", "ipc": "IPC", "network": "network"}[kind]
                raise Conflict(
                    f"cannot join {what} namespace of a non running container: {other.id}",
                    hint=f"start {other.name} first",
                )
            found[kind] = other.condition.pid
    return found


def _files_of(room: Room, container: Container) -> str:
    """Whose /etc/hosts and its like: those of the container whose network is shared."""
    name = modes.parse("network", container.plan.host.network_mode).container
    return room.directory(room.registry.find(name) if name else container)
