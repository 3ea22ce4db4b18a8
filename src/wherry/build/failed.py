"""A step that failed: where, and what it has left, kept as an image so that one can look around in it."""

from __future__ import annotations

from wherry.build.run_step import CommandFailed
from wherry.build.state import DEFAULT_SHELL, State
from wherry.build.step import Room
from wherry.errors import WherryError
from wherry.oci import encode_image_config
from wherry.store.apart import to_its_end

__all__ = ["StepFailed", "keep_failed"]


class StepFailed(WherryError):
    """An instruction could not be carried out; its words, hint and status are those of what was in the way.

    `line` is the instruction's in the Dockerfile, from 1. `code` is what its command ended with, 0 when it
    was something else that failed. `image` is the id of what the step has left, "" when that is not kept.
    """

    def __init__(self, cause: WherryError, line: int, image: str = "") -> None:
        super().__init__(cause.message, hint=cause.hint)
        self.status = cause.status
        self.line = line
        self.code = cause.code if isinstance(cause, CommandFailed) else 0
        self.image = image


async def keep_failed(room: Room, state: State, layer: str) -> str:
    """An image without a name of `state`, with the files that the step changed in `layer` (empty for none);
    its id. It starts a shell, as the step would have run: same user, directory and variables."""
    state = state.copy()
    if layer:
        state.add_layer(layer, room.created(), "what the failed step has left")
    config = state.config
    config.env = [*(config.env or ()), *(f"{name}={value}" for name, value in state.args.items())]
    config.entrypoint = None
    config.cmd = list((config.shell or DEFAULT_SHELL)[:1])
    config.healthcheck = None
    config.volumes = None
    data = encode_image_config(state.image_config(room.created()))
    add = room.store.images.add
    image = await to_its_end(add, data, lease=room.lease, tags=[], host=bool(state.extras))
    return image.id
