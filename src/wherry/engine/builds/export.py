"""The files that a build has made, without an image around them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from wherry.build.state import State
from wherry.store.snapshots.merged import Merged
from wherry.store.snapshots.pack import pack_members

from ..bridges import drain

if TYPE_CHECKING:
    from .manager import Builds


def exported(builds: Builds, state: State) -> AsyncIterator[bytes]:
    """A tar archive of everything in `state`."""
    directories = builds.layer_directories(state.layers)

    def members() -> Iterator[bytes]:
        with Merged(directories) as merged:
            yield from pack_members((member.path, member) for member in merged.walk())

    return drain(members())
