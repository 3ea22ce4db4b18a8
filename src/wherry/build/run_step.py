"""RUN: one command over the stage's layers; what it changed becomes a layer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from wherry.build.dockerfile import Expander
from wherry.build.dockerfile.instructions import Run
from wherry.build.emulation import check_runs
from wherry.build.events import StepOutput
from wherry.build.mounting import Mounting
from wherry.build.mounts import parse_mount
from wherry.build.request import Finished, Order
from wherry.build.sources import Files
from wherry.build.state import DEFAULT_SHELL, PROXIES, State
from wherry.build.step import Room, Spot
from wherry.errors import Internal, Unsupported
from wherry.oci import ImageConfig, RootFS
from wherry.store.images import Image

__all__ = ["CommandFailed", "run_command"]


class CommandFailed(Internal):
    """A command of a build ended with a code that is not 0; Docker's words."""

    def __init__(self, message: str, code: int, layer: str = "") -> None:
        """`layer` has what the command changed until then, when that is to be looked at."""
        super().__init__(message)
        self.code = code
        self.layer = layer


async def run_command(
    room: Room,
    spot: Spot,
    state: State,
    step: Run,
    expand: Expander,
    files_of: Callable[[str], Awaitable[Files]],
) -> None:
    """Carry out one RUN on `state`. Raises CommandFailed, and what kept it from starting."""
    if step.security == "insecure" and not room.request.insecure:
        raise Unsupported(
            "RUN --security=insecure is not allowed", hint="--allow security.insecure allows it for a build"
        )
    if step.network == "host" and not room.request.host_network and room.request.network != "host":
        raise Unsupported(
            "RUN --network=host is not allowed", hint="--allow network.host allows it for a build"
        )
    if not state.extras:
        check_runs(state.architecture)
    given = {name: value for name, value in room.request.args.items() if value is not None}
    proxies = {name: value for name, value in given.items() if name in PROXIES and name not in state.args}
    environment = state.environment
    arguments = {name: value for name, value in state.args.items() if name not in environment}
    keyed = {name: value for name, value in arguments.items() if name not in PROXIES}
    words, script = _command(state, step)
    network = {"default": "", "": ""}.get(step.network, step.network) or room.request.network
    async with Mounting(room, state, files_of) as mounting:
        for text in step.mounts:
            await mounting.add(parse_mount(expand.word(text)))
        if script is not None:
            mounting.script(script)

        async def make() -> str:
            await mounting.prepare()
            return await _run(
                room,
                spot,
                state,
                words,
                [f"{name}={value}" for name, value in {**proxies, **arguments}.items()],
                network,
                step.security == "insecure",
                mounting,
            )

        listed = " ".join(f"{name}={value}" for name, value in sorted(keyed.items()))
        created_by = f"|{len(keyed)} {listed} {' '.join(words)}" if keyed else " ".join(words)
        settings = {
            "user": state.config.user,
            "directory": state.config.working_dir or "/",
            "network": network,
            "security": step.security,
            "mounts": mounting.key,
            "script": script or "",
        }
        await spot.layer(
            state,
            f"RUN {words!r}",
            make=make,
            variables={
                **{f"ENV {k}": v for k, v in environment.items()},
                **{f"ARG {k}": v for k, v in keyed.items()},
            },
            settings=settings,
            files=mounting.files,
            created_by=created_by,
            by_history=not step.mounts and script is None,
        )


def _command(state: State, step: Run) -> tuple[list[str], str | None]:
    """The words to execute, and a script to be mounted when a heredoc begins with `#!`."""
    if step.words is not None and not step.heredocs:
        return list(step.words), None
    shell = list(state.config.shell or DEFAULT_SHELL)
    if not step.heredocs:
        return [*shell, step.line], None
    first = step.heredocs[0]
    if (
        len(step.heredocs) == 1
        and " " not in step.line.strip()
        and step.line.lstrip("0123456789").startswith("<<")
    ):
        if first.content.startswith("#!"):
            return ["/dev/pipes/EOF"], first.content
        return [*shell, first.content], None
    text = step.line + "\n" + "".join(f"{one.content}{one.name}\n" for one in step.heredocs)
    return [*shell, text], None


async def _run(
    room: Room,
    spot: Spot,
    state: State,
    words: list[str],
    extra: list[str],
    network: str,
    insecure: bool,
    mounting: Mounting,
) -> str:
    image = Image(
        id=f"sha256:{state.chain}",
        config=ImageConfig(architecture=state.architecture, rootfs=RootFS(diff_ids=list(state.layers))),
        tags=(),
        digests=(),
        layers=tuple(state.layers),
        size=0,
        parent="",
        added=0,
        extras=state.extras,
    )

    def output(stream: int, data: bytes) -> None:
        room.emit(StepOutput(spot.number, stream, data.decode("utf-8", "replace")))

    order = Order(
        image=image,
        arguments=words,
        environment=[*(state.config.env or ()), *extra],
        secrets=[f"{name}={value}" for name, value in mounting.variables.items()],
        user=state.config.user,
        directory=state.config.working_dir or "/",
        network=network,
        insecure=insecure,
        mounts=mounting.mounts,
        request=room.request,
        output=output,
    )
    async with room.worker.run(order) as finished:
        spot.container = finished.container
        if finished.code and not room.request.keep_failed:
            raise _failure(words, finished)
        layer = await room.layer(lambda: finished.layer(room.lease, room.latest_ns))
        if finished.code:
            raise _failure(words, finished, layer)
        return layer


def _failure(words: list[str], finished: Finished, layer: str = "") -> CommandFailed:
    reason = " (out of memory)" if finished.out_of_memory else ""
    text = f"The command '{' '.join(words)}' returned a non-zero code: {finished.code}{reason}"
    return CommandFailed(text, finished.code, layer)
