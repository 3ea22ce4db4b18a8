"""What a failed step has left, kept as an image so that one can look around in it."""

from __future__ import annotations

import asyncio

from wherry.build.state import DEFAULT_SHELL, State
from wherry.build.step import Room
from wherry.oci import encode_image_config

__all__ = ["keep_failed"]


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
    image = await asyncio.to_thread(add, data, lease=room.lease, tags=[], host=bool(state.extras))
    return image.id
