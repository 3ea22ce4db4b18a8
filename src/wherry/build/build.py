"""A whole build: the stages that the target needs, at the same time where they don't wait for each other."""

from __future__ import annotations

import asyncio
from collections.abc import Container

from wherry.build.bases import Bases
from wherry.build.dockerfile import Dockerfile, Expander, Stage, parse
from wherry.build.dockerfile import instructions as ins
from wherry.build.dockerfile.parse import stage_index
from wherry.build.emulation import check_runs
from wherry.build.events import StageEnded, Warned
from wherry.build.finish import Built, finish
from wherry.build.platforms import platform_args
from wherry.build.sources import Files, LayerFiles
from wherry.build.stage import StageWork, Surroundings
from wherry.build.state import DEFAULT_PATH, PROXIES, State
from wherry.build.step import Room
from wherry.errors import Invalid
from wherry.registry.client.platforms import parse_platform

__all__ = ["Build", "Built", "needed_stages"]


class Build:
    """One build; `run` once."""

    def __init__(self, room: Room) -> None:
        """Raises DockerfileError, Invalid for a target that is not there."""
        self._room = room
        request = room.request
        self._file: Dockerfile = parse(request.dockerfile, request.name)
        self._target = _target_of(self._file, request.target)
        self._platform = platform_args(request.platform, request.target)
        self._globals = self._global_args()
        self._bases = Bases(room)
        self._needed = needed_stages(self._file.stages, self._target, request.contexts)
        self._tasks: dict[int, asyncio.Task[State]] = {}
        self._counted = 0
        self._open: list[Files] = []
        self._used: set[str] = set()

    async def run(self) -> Built:
        """Build. Raises what went wrong first; the other stages are ended then."""
        try:
            for number in self._needed:
                self._start(number)
            done, _ = await asyncio.wait(self._tasks.values(), return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
            state = self._tasks[self._target].result()
            self._warn_unused()
            return await finish(self._room, state)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            for files in self._open:
                files.close()

    def _start(self, number: int) -> None:
        stage = self._file.stages[number]
        around = Surroundings(
            files_of=self._files_of,
            global_args=self._globals,
            platform_args=self._platform,
            escape=self._file.source.escape,
            offset=self._counted,
            total=sum(len(self._file.stages[number].steps) + 1 for number in self._needed),
            used_args=self._used,
        )
        self._counted += len(stage.steps) + 1
        work = StageWork(self._room, stage, around)
        task = asyncio.ensure_future(work.run(lambda: self._begin(stage)))
        task.add_done_callback(lambda _: self._room.emit(StageEnded(number)))
        self._tasks[number] = task

    async def _state_of(self, number: int) -> State:
        """What another stage comes to. It stands above the one that asks: there are no circles."""
        if number not in self._tasks:  # only a trigger of the base image, or a variable, names it
            self._start(number)
        return await self._tasks[number]

    async def _begin(self, stage: Stage) -> State:
        """What FROM means."""
        request = self._room.request
        values = {**self._platform, **self._globals}
        base = Expander(values, self._file.source.escape).word(stage.start.base)
        platform = Expander(values, self._file.source.escape).word(stage.start.platform) or request.platform
        if not base:
            stage.start.node.fail(
                f"base name ({stage.start.base}) should not be blank",
                stage.start.base,
                "an ARG before FROM gives a variable its value",
            )
        number = None if base.isdigit() else stage_index(self._file.stages, base, stage.number)
        if number is not None and base not in request.contexts:
            return (await self._state_of(number)).copy()
        if platform and any(isinstance(step, ins.Run) for step in stage.steps):
            check_runs(parse_platform(platform).architecture)  # before anything is pulled
        state = await self._bases.state(base, platform)
        if "PATH" not in state.environment:
            state.set_environment("PATH", DEFAULT_PATH)
        return state

    async def _files_of(self, name: str, asking: int) -> Files:
        """What `--from=name` means in the stage with the number `asking`."""
        stages = self._file.stages
        if name == str(asking):
            raise Invalid(f"invalid from flag value {name}: refers to current build stage")
        replaced = name in self._room.request.contexts
        stage = stage_index(stages, name, asking) if not replaced else None
        if stage is not None:
            return self._layers((await self._state_of(stage)).layers)
        if not replaced and any(name.lower() == one.start.name for one in stages[asking:]):
            raise Invalid(
                f'cannot copy from stage "{name}", it needs to be defined before current stage '
                f'"{stages[asking].name}"'
            )
        if name.isdigit():
            raise Invalid(
                f"invalid from flag value {name}: invalid stage index",
                hint="stages are counted from 0, from the top",
            )
        found = await self._bases.files(name)
        return found if isinstance(found, Files) else self._layers(found.layers)

    def _layers(self, layers: list[str]) -> Files:
        files = LayerFiles([self._room.store.layers.path(layer) for layer in reversed(layers)])
        self._open.append(files)
        return files

    def _global_args(self) -> dict[str, str]:
        values: dict[str, str] = {}
        given = self._room.request.args
        for instruction in self._file.globals:
            for name, default in instruction.pairs:
                value = given.get(name)
                if value is None and default is not None:
                    value = Expander({**self._platform, **values}, self._file.source.escape).word(default)
                if value is None:
                    value = self._platform.get(name)
                if value is not None:
                    values[name] = value
        return values

    def _warn_unused(self) -> None:
        known = {name for arg in self._file.globals for name, _ in arg.pairs} | PROXIES | self._used
        known |= self._platform.keys() | {"SOURCE_DATE_EPOCH"}
        unused = sorted(name for name in self._room.request.args if name not in known)
        if unused:
            self._room.emit(
                Warned(f"[Warning] One or more build-args [{' '.join(unused)}] were not consumed")
            )


def _target_of(file: Dockerfile, name: str) -> int:
    if not name:
        return len(file.stages) - 1
    found = stage_index(file.stages, name, len(file.stages))
    if found is None:
        from wherry.build.dockerfile.position import did_you_mean

        raise Invalid(
            f"target stage {name!r} could not be found",
            hint=did_you_mean(name, [stage.start.name for stage in file.stages if stage.start.name]),
        )
    return found


def needed_stages(stages: list[Stage], target: int, contexts: Container[str] = ()) -> list[int]:
    """The stages that `target` needs, itself last, in the order of the file. Named `contexts` stand for
    stages of their names."""
    needed: set[int] = set()
    pending = [target]
    while pending:
        number = pending.pop()
        if number in needed:
            continue
        needed.add(number)
        pending += [
            other
            for name in _mentions(stages[number])
            if name not in contexts and (other := stage_index(stages, name, number)) is not None
        ]
    return sorted(needed)


def _mentions(stage: Stage) -> list[str]:
    names = [] if stage.start.base.isdigit() else [stage.start.base]
    for step in stage.steps:
        if isinstance(step, ins.Copy) and step.flag("from"):
            names.append(step.flag("from"))
        elif isinstance(step, ins.Run):
            for mount in step.mounts:
                names += [item[5:] for item in mount.split(",") if item.startswith("from=")]
    return names
