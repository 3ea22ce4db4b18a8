"""`--mount type=image`: an image's files, read-only, at a place in a container."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wherry.errors import Invalid, NotFound, Unsupported
from wherry.store.snapshots.merged import Merged

from .lookup import follow
from .record import PlannedMount

if TYPE_CHECKING:
    from wherry.store import Store

    from .registry import Container
    from .room import Room


def resolve(store: Store, planned: Sequence[PlannedMount]) -> None:
    """Note which images are meant. Raises `Invalid`, `Unsupported`."""
    for mount in planned:
        if mount.kind != "image":
            continue
        try:
            image = store.images.resolve(mount.source)
        except NotFound as error:  # which of itself says that the container's own image is missing
            raise Invalid(
                f'invalid mount config for type "image": {error.message}', hint=f"wherry pull {mount.source}"
            ) from None
        if image.extras or not image.layers:
            raise Unsupported(f"image {mount.source} has no files of its own to be mounted")
        for other in planned:
            if mount.target.startswith(f"{other.target}/"):
                raise Unsupported(
                    f"image mount {mount.target} lies below the mount {other.target}",
                    hint="mount the image elsewhere",
                )
        mount.image = image.id


def uses(container: Container, image_id: str) -> bool:
    """Whether a container has the image mounted, or will have."""
    return any(mount.image == image_id for mount in container.plan.mounts)


def layers(room: Room, container: Container) -> list[dict[str, Any]]:
    """What the root file system has of them: an overlay each. Raises `NotFound`, `Invalid`, `Unsupported`."""
    made = []
    for mount in container.plan.mounts:
        if mount.kind != "image":
            continue
        if room.store.snapshots.driver_name(container.id) != "overlay":
            raise Unsupported("images can be mounted only where overlayfs works here")
        image = room.store.images.resolve(mount.image)
        paths = tuple(room.store.snapshots.layers.path(diff_id) for diff_id in reversed(image.layers))
        lower = _below(paths, mount.subpath) if mount.subpath else list(paths)
        made.append({"type": "overlay", "target": mount.target, "lower": lower})
    return made


def _below(paths: tuple[str, ...], subpath: str) -> list[str]:
    """The directories that make up `subpath`, links resolved inside the image, topmost first."""
    place = follow([("/", paths)], f"/{subpath}")
    if place is None:
        raise NotFound(f"cannot mount path {subpath} of the image: nothing is there")
    if place[1] is not None and not stat.S_ISDIR(place[1].st_mode):
        raise Invalid(f"cannot mount path {subpath} of the image: it is no directory")
    rest = place[0].lstrip("/")
    with Merged(paths) as merged:
        return [os.path.join(root.path, rest) for root in merged._roots_of(rest)] if rest else list(paths)
