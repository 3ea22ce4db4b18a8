"""One stage, carried out instruction by instruction."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from wherry.build.cache import make_key
from wherry.build.configure import configure
from wherry.build.copy_step import copy_files
from wherry.build.dockerfile import DockerfileError, Expander, Node, Stage
from wherry.build.dockerfile import instructions as ins
from wherry.build.dockerfile.parse import parse_trigger
from wherry.build.events import StepDone, StepStarted, Warned
from wherry.build.failed import StepFailed, keep_failed
from wherry.build.run_step import CommandFailed, run_command
from wherry.build.sources import Files
from wherry.build.state import PROXIES, State
from wherry.build.step import Room, Spot
from wherry.build.workdir import make_workdir
from wherry.errors import WherryError

__all__ = ["StageWork", "Surroundings"]


class Surroundings(NamedTuple):
    """What a stage sees of the rest: `files_of(name)` of a stage, image or named context, and a text that
    names its content; `offset` and `total` number the steps."""

    files_of: Callable[[str, int], Awaitable[Files]]
    global_args: Mapping[str, str]
    platform_args: Mapping[str, str]
    escape: str
    offset: int
    total: int
    used_args: set[str]


class StageWork:
    """Carries out one stage; `run` once."""

    def __init__(self, room: Room, stage: Stage, around: Surroundings) -> None:
        self._room = room
        self._stage = stage
        self._around = around
        request = room.request
        self._use_cache = not request.no_cache and stage.name not in request.no_cache_stages
        self._number = around.offset

    async def run(self, begin: Callable[[], Awaitable[State]]) -> State:
        """From FROM (`begin` gives what it means) to the last step."""
        spot = self._spot(self._stage.start.node)
        state = await self._carry_out(spot, self._stage.start.node, begin)
        state = state.copy()
        state.cmd_set = False
        triggers = list(state.config.on_build or ())
        state.config.on_build = None
        for text in triggers:
            state = await self._step(state, parse_trigger(text))
        for instruction in self._stage.steps:
            state = await self._step(state, instruction)
        return state

    async def _step(self, before: State, instruction: ins.Instruction) -> State:
        node = instruction.node
        spot = self._spot(node)
        state = before.copy()

        async def work() -> State:
            expand = Expander(state.variables, self._around.escape)
            noted = configure(state, instruction, expand)
            if noted is not None:
                state.note(noted)
            elif isinstance(instruction, ins.Arg):
                state.note(self._arg(state, instruction))
            elif isinstance(instruction, ins.Run):
                self._around.used_args.update(PROXIES)
                await run_command(self._room, spot, state, instruction, expand, self._files_of)
            elif isinstance(instruction, ins.Copy):
                await copy_files(self._room, spot, state, instruction, expand, self._files_of)
            elif isinstance(instruction, ins.Workdir):
                await make_workdir(self._room, spot, state, expand.word(instruction.path))
            state.check_size()
            for name in sorted(expand.unset - state.args.keys()):
                self._warn_undefined(node, name)
            return state

        return await self._carry_out(spot, node, work, before)

    def _warn_undefined(self, node: Node, name: str) -> None:
        if name in self._around.platform_args or node.word in ("RUN", "CMD", "ENTRYPOINT"):
            return
        text = f"Usage of undefined variable '${name}'"
        self._room.emit(Warned(text, "UndefinedVar", node.line))

    def _arg(self, state: State, instruction: ins.Arg) -> str:
        shown = []
        given = self._room.request.args
        for name, written in instruction.pairs:
            self._around.used_args.add(name)
            value: str | None = None
            default = None
            if written is not None:
                default = Expander(state.variables, self._around.escape).word(written)
            if given.get(name) is not None:
                value = given[name]
            elif default is not None:
                value = default
            elif name in self._around.global_args:
                value = self._around.global_args[name]
            elif name in self._around.platform_args:
                value = self._around.platform_args[name]
            if value is not None:
                state.args[name] = value
            else:
                state.args.pop(name, None)
            shown.append(name if default is None else f"{name}={default}")
        return "ARG " + " ".join(shown)

    async def _files_of(self, name: str) -> Files:
        return await self._around.files_of(name, self._stage.number)

    def _spot(self, node: Node) -> Spot:
        room = self._room
        self._number += 1
        number = room.next_step()
        slot = make_key(
            room.request.place, room.request.name, self._stage.name, self._number - self._around.offset
        )
        text = " ".join(node.text.split())
        room.emit(
            StepStarted(
                number,
                self._stage.name,
                self._stage.number,
                self._number,
                max(self._around.total, self._number),
                text,
            )
        )
        return Spot(room, number, slot, text, use_cache=self._use_cache)

    async def _carry_out(
        self, spot: Spot, node: Node, work: Callable[[], Awaitable[State]], before: State | None = None
    ) -> State:
        """`before`: what the step begins with; a failed one is kept on top of it. Raises `StepFailed`."""
        started = time.monotonic()
        try:
            state = await work()
        except asyncio.CancelledError:
            self._done(spot, started, error="canceled")
            raise
        except StepFailed as error:  # of another stage, which this one waited for
            self._done(spot, started, error=error.message)
            raise
        except WherryError as error:
            self._done(spot, started, error=error.message)
            line = error.line if isinstance(error, DockerfileError) else node.line
            image = ""
            if before is not None and self._room.request.keep_failed:
                layer = error.layer if isinstance(error, CommandFailed) else ""
                image = await keep_failed(self._room, before, layer)
            raise StepFailed(error, line, image) from error
        self._done(spot, started, state=state.short)
        return state

    def _done(self, spot: Spot, started: float, *, state: str = "", error: str = "") -> None:
        seconds = round(time.monotonic() - started, 3)
        self._room.emit(
            StepDone(
                spot.number,
                spot.cached,
                seconds,
                state=state,
                container=spot.container,
                why=spot.why,
                error=error,
            )
        )
