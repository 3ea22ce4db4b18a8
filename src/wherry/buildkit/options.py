"""What a frontend is asked: BuildKit's options by name → the engine's request."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import msgspec

from wherry.build.dockerfile import Dockerfile, Expander, parse
from wherry.build.dockerfile import instructions as ins
from wherry.build.mounts import parse_mount
from wherry.build.request import Request
from wherry.buildkit.contexts import below, main_context, named_contexts, place_of
from wherry.buildkit.sessions import Session
from wherry.engine.builds.order import BuildOrder, CacheOrder
from wherry.engine.builds.outputs import cache_source, output
from wherry.errors import Invalid, Unsupported, WherryError

__all__ = ["Auths", "credentials", "prepare"]

Auths = dict[str, dict[str, str]]
_REGISTRY = "registry-1.docker.io"  # as BuildKit asks for the credentials of docker.io


async def prepare(
    session: Session, options: Mapping[str, str], place: str, order: BuildOrder, stack: ExitStack
) -> Request:
    """The request, with context, secrets and agents from the client; `stack` closes its files. Raises
    Invalid, Unsupported."""
    if options.get("requestid"):
        raise Unsupported(f"{options['requestid']} is not answered here", hint="build and check are")
    name = options.get("filename") or "Dockerfile"
    args: dict[str, str | None] = dict(below(options, "build-arg:"))
    epoch = args.get("SOURCE_DATE_EPOCH")
    files, text = await main_context(session, options, place)
    if files is not None:
        stack.callback(files.close)
    contexts = await named_contexts(session, options, place)
    for other in contexts.values():
        if not isinstance(other, str):
            stack.callback(other.close)
    outputs = [output(one, []) for one in order.outputs]
    order.attests = _attests(options, all(one.kind == "oci" or one.push for one in outputs))
    imports = _imports(options)
    stages = [one for one in options.get("no-cache", "").split(",") if one]
    file = parse(text, name)
    return Request(
        dockerfile=text,
        name=name,
        context=files,
        contexts=contexts,
        place=place_of(options),
        target=options.get("target", ""),
        args=args,
        labels=dict(below(options, "label:")),
        tags=[str(name) for one in outputs if one.image and not one.by_digest for name in one.names],
        no_cache="no-cache" in options and not stages,
        no_cache_stages=stages,
        pull=options.get("image-resolve-mode") == "pull",
        network=options.get("force-network-mode", "").replace("default", ""),
        platform=options.get("platform", ""),
        secrets=await _secrets(session, file),
        agents=await _agents(session, file),
        epoch=int(epoch) if epoch and epoch.isdigit() else None,
        insecure=order.insecure,
        host_network=order.host_network,
        cache_from=[cache_source(one) for one in imports],
        cache_images=[one.fields["ref"] for one in imports if one.fields.get("ref")],
        inline_cache=any(one.fields["type"] == "inline" for one in order.cache_to),
        export=not any(one.image for one in outputs),
        shm_size=int(options.get("shm-size") or 0),
        limits=_limits(options),
    )


async def credentials(session: Session, request: Request) -> Auths:
    """What the client knows for the registries that the build names."""
    file = parse(request.dockerfile, request.name)
    expand = Expander({**_defaults(file), **{k: v or "" for k, v in request.args.items()}})
    names = [stage.start.base for stage in file.stages]
    names += [
        step.flag("from") for stage in file.stages for step in stage.steps if isinstance(step, ins.Copy)
    ]
    names += [image for image in request.contexts.values() if isinstance(image, str)]
    found: Auths = {}
    for name in names:
        try:
            first, slash, _ = expand.word(name).partition("/")
        except WherryError:
            continue  # the build will say so
        named = bool(slash) and ("." in first or ":" in first or first == "localhost")
        host = first if named else _REGISTRY
        key = host if named else "https://index.docker.io/v1/"
        if key in found or name == "scratch" or not name:
            continue
        known = await session.credentials(host)
        found[key] = {"username": known.username, "password": known.secret} if known is not None else {}
    return {key: auth for key, auth in found.items() if auth}


def _imports(options: Mapping[str, str]) -> list[CacheOrder]:
    """Caches to look into: a list in JSON."""
    try:
        found = msgspec.json.decode(options.get("cache-imports") or "[]", type=list[_Import])
    except msgspec.MsgspecError as error:
        raise Invalid(f"cache-imports: {error}") from None
    return [CacheOrder({"type": one.type, **one.attrs}) for one in found]


class _Import(msgspec.Struct, rename="pascal"):
    type: str
    attrs: dict[str, str] = {}


async def _secrets(session: Session, file: Dockerfile) -> dict[str, bytes]:
    found = {}
    for mount in _mounts(file, "secret"):
        data = await session.secret(mount)
        if data is not None:
            found[mount] = data
    return found


async def _agents(session: Session, file: Dockerfile) -> dict[str, Any]:
    found = {}
    for mount in _mounts(file, "ssh"):
        if await session.has_agent(mount):

            async def ask(question: bytes, mount: str = mount) -> bytes:
                return await session.ask_agent(mount, question)

            found[mount] = ask
    return found


def _mounts(file: Dockerfile, kind: str) -> list[str]:
    """The ids that --mount of one kind names, once each."""
    names: dict[str, None] = {}
    for stage in file.stages:
        for step in stage.steps:
            for text in step.mounts if isinstance(step, ins.Run) else ():
                if f"type={kind}" in text:
                    try:
                        names[parse_mount(text).id] = None
                    except Invalid:
                        pass  # the step will say so
    return list(names)


def _limits(options: Mapping[str, str]) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if options.get("add-hosts"):
        limits["ExtraHosts"] = [one.replace("=", ":", 1) for one in options["add-hosts"].split(",")]
    if options.get("cgroup-parent"):
        limits["CgroupParent"] = options["cgroup-parent"]
    if options.get("ulimit"):
        limits["Ulimits"] = [_ulimit(one) for one in options["ulimit"].split(",")]
    return limits


def _ulimit(text: str) -> dict[str, Any]:
    name, _, values = text.partition("=")
    soft, _, hard = values.partition(":")
    try:
        return {"Name": name, "Soft": int(soft), "Hard": int(hard or soft)}
    except ValueError:
        raise Invalid(f"invalid ulimit {text!r}") from None


def _attests(options: Mapping[str, str], indexed: bool) -> dict[str, dict[str, str]]:
    """The attestations that are wanted; what clients want only where it can be kept is left out elsewhere."""
    found = {}
    for name, value in below(options, "attest:").items():
        fields = dict(item.partition("=")[::2] for item in value.split(",") if item)
        if fields.pop("disabled", "false") == "true":
            continue
        if fields.pop("inline-only", "false") == "true" and not indexed:
            continue
        fields.pop("type", None)
        found[name] = fields
    return found


def _defaults(file: Dockerfile) -> dict[str, str]:
    return {name: value or "" for arg in file.globals for name, value in arg.pairs}
