"""Bringing a project up: every service in a thread of its own, which waits for those that it depends on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from wherry.client.api import Client, escape, query
from wherry.client.objects.connections import Connections
from wherry.compose import labels, resources
from wherry.compose.body import container_body, labels_image
from wherry.compose.building import build_order, needed_images
from wherry.compose.conditions import until_completed, until_healthy, until_ready
from wherry.compose.grants import put_grants
from wherry.compose.hooks import pre_stop, run_hooks
from wherry.compose.images import ensure_image
from wherry.compose.model import Project, Resource, Service
from wherry.compose.plan import Step, aside_name, choose, order, plan_service
from wherry.compose.present import Present, containers
from wherry.compose.removing import stop
from wherry.errors import Invalid, NotModified, WherryError

Say = Callable[[str, str], None]


class Wanted(NamedTuple):
    """How a project is to be brought up; `start` False only makes the containers."""

    services: Sequence[str] = ()
    scale: Mapping[str, int] = {}
    force: bool = False
    never: bool = False
    remove_orphans: bool = False
    start: bool = True
    wait: bool = False
    wait_timeout: float = 0
    pull: str = ""
    build: bool = False
    dependencies: bool = True
    force_dependencies: bool = False
    renew_volumes: bool = False
    timeout: int | None = None


class Applying:
    """One `up`. `say(what, state)` is told of every step, from several threads.

    Raises NotFound for a service that is not in the files.
    """

    def __init__(self, connections: Connections, project: Project, wanted: Wanted, say: Say) -> None:
        choose(project, [*wanted.services, *wanted.scale])
        self._connections = connections
        self._project = project
        self._wanted = wanted
        self._say = say
        self._ready: dict[str, Future[list[str]]] = {}
        self._images: dict[str, Future[str]] = {}
        self._locks = {
            labels_image(service, project): threading.Lock() for service in project.services.values()
        }
        self._networks: dict[str, Future[str]] = {}
        self._remade: set[str] = (
            set()
        )  # services whose containers were made anew, or restarted with another's
        self.started: dict[str, list[str]] = {}

    @property
    def _client(self) -> Client:
        return self._connections.client

    def run(self) -> None:
        """Do it all; blocks. Raises the first failure, after the other services have come to their end."""
        project, wanted = self._project, self._wanted
        names = order(project, wanted.services)
        if not wanted.dependencies and wanted.services:
            names = [name for name in names if name in wanted.services]
        if not names:
            raise Invalid("no service selected", hint="--profile chooses those that have profiles")
        present = containers(self._client, project.name)
        self._orphans(present)
        with ThreadPoolExecutor(max_workers=2 * len(names) + 1) as pool:
            for name in build_order(project, names):
                self._images[name] = pool.submit(self._image, project.services[name])
            self._make_resources(pool, names)
            for name in names:
                mine = [one for one in present if one.service == name]
                self._ready[name] = pool.submit(self._service, project.services[name], mine)
            failures = [error for future in self._ready.values() if (error := future.exception())]
        for failure in failures:
            if not isinstance(failure, _DependencyFailed):
                raise failure
        if failures:
            raise failures[0]
        if wanted.start and wanted.wait:
            self._wait(names)

    def _make_resources(self, pool: ThreadPoolExecutor, names: list[str]) -> None:
        networks, volumes = resources.used(self._project, names)
        self._networks = {network.key: pool.submit(self._network, network) for network in networks}
        made = [pool.submit(self._volume, volume) for volume in volumes]
        for network_made in self._networks.values():
            network_made.result()
        for volume_made in made:
            volume_made.result()

    def _network(self, network: Resource) -> str:
        return resources.ensure_network(self._client, self._project, network, self._say)

    def _volume(self, volume: Resource) -> None:
        resources.ensure_volume(self._client, self._project, volume, self._say)

    def _orphans(self, present: list[Present]) -> None:
        known = {*self._project.services, *self._project.others}
        orphans = [one for one in present if one.service not in known]
        if not orphans:
            return
        if self._wanted.remove_orphans:
            for one in orphans:
                self._remove(one)
            return
        listed = ", ".join(one.name for one in orphans)
        self._say(f"Found orphan containers ({listed}) for this project", "--remove-orphans removes them")

    def _image(self, service: Service) -> str:
        for name in needed_images(service):
            if name in self._images:
                self._images[name].result()
        with self._locks[labels_image(service, self._project)]:
            return ensure_image(
                self._client, service, self._project, pull=self._wanted.pull, build=self._wanted.build
            )

    def _service(self, service: Service, present: list[Present]) -> list[str]:
        """Make, then start one service's containers; their ids."""
        image = self._images[service.name].result()
        needed = self._needed(service)
        # What shares a namespace or volumes of another's container can be made only when that one is there.
        refers = self._refers(service)
        others = {name: ids[0] for name in refers if (ids := self._dependency(name))}
        digest = labels.config_hash(service, others)
        wanted = self._wanted
        asked = not wanted.services or service.name in wanted.services
        steps = plan_service(
            service,
            self._project,
            present,
            digest=digest,
            image=image,
            scale=wanted.scale.get(service.name, service.scale),
            force=wanted.force if asked else wanted.force_dependencies,
            never=wanted.never,
            networks={key: future.result() for key, future in self._networks.items()},
        )
        if any(step.verb == "recreate" for step in steps):
            self._remade.add(service.name)
        made = [(step, self._carry_out(service, step, others, image, digest)) for step in steps]
        found = [(step, identity) for step, identity in made if identity]
        if wanted.start:
            for name, condition, required in needed:
                self._await(service, name, condition, required)
            again = self._restarts(service)
            for step, identity in found:
                self._start(service, step, identity, again=again)
        self.started[service.name] = [identity for _, identity in found]
        return self.started[service.name]

    def _restarts(self, service: Service) -> bool:
        """Whether a dependency with `restart: true` was made anew, so that what runs is started again."""
        again = any(one.restart and name in self._remade for name, one in service.depends_on.items())
        if again:
            self._remade.add(service.name)
        return again

    def _needed(self, service: Service) -> list[tuple[str, str, bool]]:
        return [
            (name, one.condition, one.required)
            for name, one in service.depends_on.items()
            if name in self._ready or name in self._images
        ]

    def _refers(self, service: Service) -> list[str]:
        fields = service.fields
        found = [
            text.partition(":")[0] for key in ("links", "volumes_from") for text in fields.get(key) or ()
        ]
        for key in ("network_mode", "ipc", "pid", "uts"):
            if str(fields.get(key) or "").startswith("service:"):
                found.append(str(fields[key]).removeprefix("service:"))
        return [name for name in found if name in self._project.services]

    def _dependency(self, name: str) -> list[str]:
        """The containers of another service, once they are started (or made)."""
        future = self._ready.get(name)
        if future is None:
            return [one.id for one in containers(self._client, self._project.name) if one.service == name]
        try:
            return future.result()
        except WherryError as error:
            raise _DependencyFailed(f"dependency {name} failed to start", hint=error.message) from None

    def _await(self, service: Service, name: str, condition: str, required: bool) -> None:
        try:
            for identity in self._dependency(name):
                if condition == "service_healthy":
                    self._say(f"Container {self._name(identity)}", "Waiting")
                    until_healthy(self._client, identity)
                    self._say(f"Container {self._name(identity)}", "Healthy")
                elif condition == "service_completed_successfully":
                    self._say(f"Container {self._name(identity)}", "Waiting")
                    until_completed(self._client, identity)
                    self._say(f"Container {self._name(identity)}", "Exited")
        except WherryError as error:
            if not required:
                self._say(f"optional dependency {name} of {service.name} failed", error.message)
                return
            if isinstance(error, _DependencyFailed):
                raise
            raise type(error)(f"dependency failed to start: {error.message}", hint=error.hint) from None

    def _name(self, identity: str) -> str:
        return str(self._client.get(f"/containers/{identity}/json")["Name"]).removeprefix("/")

    def _carry_out(
        self, service: Service, step: Step, others: dict[str, str], image: str, digest: str
    ) -> str:
        """Do one step of the plan; the id of the container that is there afterwards."""
        if step.verb == "remove":
            assert step.old is not None
            self._remove(step.old)
            return ""
        if step.verb == "keep":
            assert step.old is not None
            if not self._wanted.start or step.old.state != "running":
                return step.old.id
            self._say(f"Container {step.old.name}", "Running")
            return step.old.id
        if step.verb == "create":
            identity = self._create(service, step, others, image, digest, {})
            self._say(f"Container {step.name}", "Created")
            return identity
        return self._recreate(service, step, others, image, digest)

    def _create(
        self,
        service: Service,
        step: Step,
        others: dict[str, str],
        image: str,
        digest: str,
        inherited: dict[str, str],
    ) -> str:
        known = labels.container_labels(service, self._project, step.number, image, digest)
        body = container_body(service, self._project, known, others, inherited, step.name)
        path = "/containers/create" + query(name=step.name, platform=service.fields.get("platform"))
        answer = self._client.post(path, body)
        for warning in answer.get("Warnings") or ():
            self._say(f"Container {step.name}", f"Warning: {warning}")
        identity = str(answer["Id"])
        try:
            put_grants(self._client, service, self._project, identity)
        except WherryError:
            self._client.delete(f"/containers/{identity}?force=1")
            raise
        return identity

    def _recreate(self, service: Service, step: Step, others: dict[str, str], image: str, digest: str) -> str:
        """The old one makes room (name, addresses, ports), and goes once the new one is there."""
        old = step.old
        assert old is not None
        self._say(f"Container {old.name}", "Recreate")
        details = self._client.get(f"/containers/{old.id}/json")
        inherited = {} if self._wanted.renew_volumes else _anonymous(details)
        self._stop(old)
        aside = aside_name(old.id, step.name)
        if old.name != aside:
            self._client.post(f"/containers/{old.id}/rename" + query(name=aside))
        try:
            identity = self._create(service, step, others, image, digest, inherited)
        except WherryError:
            self._client.post(f"/containers/{old.id}/rename" + query(name=step.name))
            raise
        self._client.delete(f"/containers/{old.id}" + query(force=True, v=self._wanted.renew_volumes))
        self._say(f"Container {step.name}", "Recreated")
        return identity

    def _stop(self, one: Present) -> None:
        stop(self._client, one, self._wanted.timeout, pre_stop(self._project.services))

    def _remove(self, one: Present) -> None:
        self._stop(one)
        self._client.delete(f"/containers/{one.id}" + query(force=True))
        self._say(f"Container {one.name}", "Removed")

    def _start(self, service: Service, step: Step, identity: str, *, again: bool) -> None:
        running = step.verb == "keep" and step.old is not None and step.old.state == "running"
        if running and not again:
            return
        try:
            timeout = None if self._wanted.timeout is None else str(self._wanted.timeout)
            verb = "restart" + query(t=timeout) if running else "start"
            self._client.post(f"/containers/{escape(identity)}/{verb}")
        except NotModified:
            return
        run_hooks(self._client, identity, step.name, "post_start", service.fields.get("post_start") or ())
        self._say(f"Container {step.name}", "Restarted" if running else "Started")

    def _wait(self, names: list[str]) -> None:
        for name in names:
            for identity in self.started.get(name, ()):
                until_ready(self._client, identity, self._wanted.wait_timeout)
                self._say(f"Container {self._name(identity)}", "Healthy")


class _DependencyFailed(Invalid):
    """The failure of another service, which is reported for itself."""


def _anonymous(details: dict[str, object]) -> dict[str, str]:
    """The volumes of a container whose names nobody chose, by their place: 64 hexadecimal digits."""
    found: dict[str, str] = {}
    mounts = details.get("Mounts")
    for mount in mounts if isinstance(mounts, list) else ():
        name = str(mount.get("Name") or "")
        if mount.get("Type") == "volume" and len(name) == 64 and set(name) <= set("0123456789abcdef"):
            found[str(mount["Destination"])] = name
    return found
