"""Which of a build's results go into a cache."""

from __future__ import annotations

from collections.abc import Iterable

from wherry.build.cache import make_key
from wherry.build.sharing.documents import Record
from wherry.build.state import State

__all__ = ["of_image"]


def of_image(records: Iterable[Record], state: State) -> list[Record]:
    """Those that led to an image: its layers, and what changed nothing between them (`mode=min`)."""
    chains = {
        make_key("layers", state.layers[:count], state.extras) for count in range(len(state.layers) + 1)
    }
    layers = set(state.layers)
    return [
        record
        for record in records
        if record.diff_id in layers or (not record.diff_id and record.parent in chains | {""})
    ]
