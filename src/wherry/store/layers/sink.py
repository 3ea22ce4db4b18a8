"""Where the archive of a layer goes that is made here: nowhere. It is hashed, and its recipe is kept."""

from __future__ import annotations

import hashlib
import threading
from queue import Queue

from wherry.store.layers.recipe import RecipeWriter

__all__ = ["Sink"]

_BATCH = 256 * 1024
_AHEAD = 16  # batches that hashing may lag behind


class Sink:
    """Takes the pieces of an archive in order. A thread hashes them, many small ones at once: handing each
    header over by itself would cost more than hashing it. `close` in any case; not thread-safe."""

    def __init__(self, recipe: str) -> None:
        """`recipe` is the path of the recipe to write. Raises OSError."""
        self.size = 0
        """Bytes of the archive so far."""
        self.recipe = RecipeWriter(recipe)
        self._batch: list[bytes | memoryview] = []
        self._held = 0
        self._queue: Queue[list[bytes | memoryview] | None] = Queue(_AHEAD)
        self._hash = hashlib.sha256()
        self._thread = threading.Thread(target=self._work, name="hashing", daemon=True)
        self._thread.start()

    def literal(self, data: bytes) -> None:
        """Bytes that are in no file: headers, padding."""
        self.recipe.keep(data)
        self.content(data)

    def content(self, data: bytes | memoryview) -> None:
        """Bytes of a file, which `recipe.content` names; `data` must not change afterwards."""
        self._batch.append(data)
        self._held += len(data)
        self.size += len(data)
        if self._held >= _BATCH:
            self._hand_over()

    def finish(self) -> str:
        """The end of the archive: its digest. The recipe is written, not synced."""
        self._hand_over()
        self._stop()
        self.recipe.finish()
        return "sha256:" + self._hash.hexdigest()

    def close(self) -> None:
        """End the thread and close the recipe, finished or not. Repeatable."""
        self._stop()
        self.recipe.close()

    def _hand_over(self) -> None:
        self._queue.put(self._batch)
        self._batch = []
        self._held = 0

    def _stop(self) -> None:
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _work(self) -> None:
        update = self._hash.update
        while (batch := self._queue.get()) is not None:
            if len(batch) == 1:
                update(batch[0])
            else:
                update(b"".join(batch))
