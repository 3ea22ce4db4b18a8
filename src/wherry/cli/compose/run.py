"""`wherry compose run`: one command in a container of its own, made as a service's are."""

from __future__ import annotations

import os
import secrets

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.client.api import query
from wherry.compose import labels
from wherry.compose.applying import Applying, Wanted
from wherry.compose.body import container_body
from wherry.compose.grants import put_grants
from wherry.compose.images import ensure_image
from wherry.compose.plan import choose
from wherry.compose.present import containers
from wherry.compose.resources import ensure_network, ensure_volume, used
from wherry.errors import WherryError


def run(invocation: Invocation) -> int:
    flags, project = invocation.flags, opened(invocation)
    loaded, (name, *command) = project.project, invocation.arguments
    if flags.on("quiet"):
        project.quiet = True
    choose(loaded, [name])
    service, client = loaded.services[name], project.connections.client
    if not flags.on("no-deps") and service.depends_on:
        wanted = Wanted(services=list(service.depends_on), remove_orphans=flags.on("remove-orphans"))
        Applying(project.connections, loaded, wanted, project.say).run()
    networks, volumes = used(loaded, [name])
    for network in networks:
        ensure_network(client, loaded, network, project.say)
    for volume in volumes:
        ensure_volume(client, loaded, volume, project.say)
    image = ensure_image(client, service, loaded, pull=flags.text("pull"), build=flags.on("build"))
    others = {one.service: one.id for one in containers(client, loaded.name)}
    digest = labels.config_hash(service, others)
    known = labels.container_labels(service, loaded, 1, image, digest, one_off=True)
    slug = secrets.token_hex(32)
    known |= {labels.SLUG: slug, **dict(text.partition("=")[::2] for text in flags.every("label"))}
    body = container_body(service, loaded, known, others, {})
    if not flags.on("use-aliases"):
        for endpoint in body.get("NetworkingConfig", {}).get("EndpointsConfig", {}).values():
            endpoint["Aliases"] = []
    _changed(invocation, body, command)
    tty = not flags.on("no-TTY") and os.isatty(0) and os.isatty(1)
    background = flags.on("detach")
    interactive = flags.on("interactive", True) and not background
    body |= {"Tty": tty and not background, "OpenStdin": interactive, "StdinOnce": interactive}
    body |= {"AttachStdin": interactive, "AttachStdout": not background, "AttachStderr": not background}
    title = flags.text("name") or f"{loaded.name}-{name}-run-{slug[:12]}"
    identity = client.post("/containers/create" + query(name=title), body)["Id"]
    put_grants(client, service, loaded, identity)
    if background:
        client.post(f"/containers/{identity}/start")
        print(title)
        return 0
    return _attached(invocation, identity, body)


def _changed(invocation: Invocation, body: dict[str, object], command: list[str]) -> None:
    """The flags laid over what the service says."""
    flags = invocation.flags
    host = body["HostConfig"]
    assert isinstance(host, dict)
    host.pop("RestartPolicy", None)
    if not flags.on("service-ports"):
        host.pop("PortBindings", None)
    if command:
        body["Cmd"] = command
    if flags.given("entrypoint"):
        import shlex

        body["Entrypoint"] = shlex.split(flags.text("entrypoint"))
    for flag, member in (("user", "User"), ("workdir", "WorkingDir")):
        if flags.given(flag):
            body[member] = flags.text(flag)
    for flag, member in (("cap-add", "CapAdd"), ("cap-drop", "CapDrop")):
        if flags.given(flag):
            present = host.get(member)
            host[member] = [*(present if isinstance(present, list) else ()), *flags.every(flag)]
    if flags.given("env-from-file"):
        from wherry.compose import dotenv

        for path in flags.every("env-from-file"):
            found = dotenv.read(path, dict(os.environ))
            kept = body.get("Env")
            own = [f"{name}={value or ''}" for name, value in found.items()]
            body["Env"] = [*(kept if isinstance(kept, list) else ()), *own]
    if flags.given("env", "env-file", "publish", "volume"):
        from wherry.cli.options.environment import environment
        from wherry.cli.options.mounts import volumes
        from wherry.cli.options.ports import published

        present = body.get("Env")
        body["Env"] = [*(present if isinstance(present, list) else ()), *environment(flags)]
        host["PortBindings"] = {**host.get("PortBindings", {}), **published(flags.every("publish"))}
        host["Binds"] = [*host.get("Binds", ()), *volumes(flags.every("volume"))[0]]
    if flags.on("rm"):
        host["AutoRemove"] = True


def _attached(invocation: Invocation, identity: str, body: dict[str, object]) -> int:
    from wherry.cli.container.attachment import Attachment
    from wherry.cli.container.run import start_failure_code
    from wherry.cli.failure import report

    client, removed = opened(invocation).connections.client, invocation.flags.on("rm")
    attachment = Attachment(client, identity, tty=bool(body["Tty"]), stdin=bool(body["AttachStdin"]))
    attachment.open(removed=removed, start_follows=True)
    try:
        client.post(f"/containers/{identity}/start")
    except WherryError as error:
        attachment.abandon(3.0 if removed else None)
        return report(error, invocation.name, invocation.host, code=start_failure_code(error.message))
    attachment.carry()
    return attachment.exit_code()


COMMAND = Command(
    run,
    usage="[OPTIONS] SERVICE [COMMAND] [ARG...]",
    minimum=1,
    maximum=None,
    interspersed=False,
    flags=(
        ("detach", "d", "bool", "In the background; print its name", ""),
        ("rm", "", "bool", "Remove it when it ends", ""),
        ("env", "e", "list:NAME=VALUE", "Set a variable", ""),
        ("env-file", "", "list:FILE", "Set variables from a file", ""),
        ("env-from-file", "", "list:FILE", "Set variables from a file, as env_file does", ""),
        ("build", "", "bool", "Build its image before", ""),
        ("pull", "", "text:WHEN", "always, missing or never", ""),
        ("label", "l", "list:NAME=VALUE", "Set a label", ""),
        ("cap-add", "", "list:NAME", "Give a capability", ""),
        ("cap-drop", "", "list:NAME", "Take a capability away", ""),
        ("use-aliases", "", "bool", "Have the service's names on its networks", ""),
        ("remove-orphans", "", "bool", "Remove containers of services that are not in the files", ""),
        ("quiet", "q", "bool", "Do not tell of what is made", ""),
        ("quiet-build", "", "bool", "Accepted: building says nothing here", ""),
        ("quiet-pull", "", "bool", "Accepted: pulling says nothing here", ""),
        ("entrypoint", "", "text:COMMAND", "In place of the service's", ""),
        ("interactive", "i", "bool", "Pass standard input on (default true)", ""),
        ("no-TTY", "T", "bool", "No terminal", ""),
        ("name", "", "text:NAME", "The container's name", ""),
        ("no-deps", "", "bool", "Not what the service depends on", ""),
        ("publish", "p", "list:PORT", "Publish a port", ""),
        ("service-ports", "P", "bool", "Publish the service's ports", ""),
        ("user", "u", "text:USER", "Run as this user", ""),
        ("volume", "v", "list:VOLUME", "Mount a volume", ""),
        ("workdir", "w", "text:DIR", "Start in this folder", ""),
    ),
)
