"""WORKDIR: the directory is made when the stage has none there."""

from __future__ import annotations

from wherry.build.copying import Copying
from wherry.build.sources import LayerFiles
from wherry.build.state import State
from wherry.build.step import Room, Spot
from wherry.errors import Invalid
from wherry.store.apart import to_its_end

__all__ = ["make_workdir"]


async def make_workdir(room: Room, spot: Spot, state: State, path: str) -> None:
    """Set the working directory, and make it. Raises Invalid when something else is there."""
    if not path:
        raise Invalid("WORKDIR requires exactly one argument")
    target = state.absolute(path)
    state.config.working_dir = target

    def work() -> str:
        files = LayerFiles([room.store.layers.path(layer) for layer in reversed(state.layers)])
        try:
            real = files.resolve(target, partial=True) or ""
            found = files.lookup(real)
            if found is not None and found.is_directory:
                return ""
            if found is not None:
                raise Invalid(f"WORKDIR {target}: not a directory")
            copying = Copying([], target, into=True, owner="", mode="", link=False, keep_owners=False)
            return _make(room, copying, files)
        finally:
            files.close()

    await spot.layer(
        state,
        f"WORKDIR {target}",
        make=lambda: to_its_end(work),
        created_by=state.nop(f"WORKDIR {path if path.startswith('/') else target}"),
    )


def _make(room: Room, copying: Copying, files: LayerFiles) -> str:
    return room.compose(copying.directory(files, room.now_ns())).diff_id
