"""Where layers came from and went to: what spares a push from compressing and moving them again."""

from __future__ import annotations

import time
from typing import NamedTuple

from wherry.oci.manifest import Descriptor
from wherry.store.database import Database

_MIGRATIONS = [
    """
    CREATE TABLE layer_sources (
        diff_id    TEXT NOT NULL,
        repository TEXT NOT NULL,    -- registry/path where the blob is known to be, or to have been
        digest     TEXT NOT NULL,    -- of the blob, compressed as it is there
        size       INTEGER NOT NULL,
        media_type TEXT NOT NULL,
        seen       INTEGER NOT NULL, -- ns since the epoch
        PRIMARY KEY (diff_id, repository, digest)
    ) WITHOUT ROWID;
    """
]


class Source(NamedTuple):
    """A blob that unpacks to a layer, and a repository (with its registry) that has it."""

    descriptor: Descriptor
    repository: str


class Sources:
    """A table in the metadata database; thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("registry", _MIGRATIONS)

    def note(self, diff_id: str, descriptor: Descriptor, repository: str) -> None:
        """The blob is in that repository now."""
        self._database.execute(
            "INSERT OR REPLACE INTO layer_sources VALUES (?, ?, ?, ?, ?, ?)",
            *(diff_id, repository, descriptor.digest, descriptor.size, descriptor.media_type),
            time.time_ns(),
        )

    def known(self, diff_id: str) -> list[Source]:
        """Where a layer's blobs are, the one seen last first."""
        rows = self._database.all("SELECT * FROM layer_sources WHERE diff_id = ? ORDER BY seen DESC", diff_id)
        return [
            Source(
                Descriptor(media_type=row["media_type"], digest=row["digest"], size=row["size"]),
                row["repository"],
            )
            for row in rows
        ]
