"""The store's tables. What refers to a layer holds it: a layer goes only when no row here names it."""

from __future__ import annotations

from typing import Final

MIGRATIONS: Final = [
    """
    CREATE TABLE layers (
        diff_id TEXT PRIMARY KEY,
        size    INTEGER NOT NULL,   -- bytes in regular files
        files   INTEGER NOT NULL,   -- entries in the archive
        archive INTEGER NOT NULL,   -- bytes of the uncompressed archive
        disk    INTEGER,            -- bytes allocated on disk, once measured
        root    TEXT                -- JSON [mode, uid, gid] when the archive has an entry for the root
    );
    CREATE TABLE images (
        id      TEXT PRIMARY KEY,   -- digest of the configuration, whose bytes are a blob
        parent  TEXT REFERENCES images(id) ON DELETE SET NULL,
        created TEXT NOT NULL,      -- as in the configuration; for sorting
        added   INTEGER NOT NULL    -- ns since the epoch
    );
    CREATE INDEX images_parent ON images(parent);
    CREATE TABLE image_layers (
        image    TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        diff_id  TEXT NOT NULL REFERENCES layers(diff_id),
        PRIMARY KEY (image, position)
    );
    CREATE INDEX image_layers_diff_id ON image_layers(diff_id);
    CREATE TABLE tags (
        name   TEXT PRIMARY KEY,    -- docker.io/library/busybox:latest, or …/busybox@sha256:…
        image  TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
        tagged INTEGER NOT NULL     -- ns since the epoch
    );
    CREATE INDEX tags_image ON tags(image);
    CREATE TABLE image_blobs (      -- manifests, indexes and compressed layers an image came with
        image      TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
        digest     TEXT NOT NULL,
        media_type TEXT NOT NULL,
        PRIMARY KEY (image, digest)
    );
    CREATE INDEX image_blobs_digest ON image_blobs(digest);
    CREATE TABLE snapshots (
        id      TEXT PRIMARY KEY,   -- the container's id
        image   TEXT NOT NULL,      -- kept as it was, also when the image is gone
        driver  TEXT NOT NULL,      -- overlay or copy
        extras  TEXT NOT NULL       -- JSON: directories of the machine below further overlays
    );
    CREATE TABLE snapshot_layers (
        snapshot TEXT NOT NULL REFERENCES snapshots(id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        diff_id  TEXT NOT NULL REFERENCES layers(diff_id),
        PRIMARY KEY (snapshot, position)
    );
    CREATE INDEX snapshot_layers_diff_id ON snapshot_layers(diff_id);
    CREATE TABLE builtins (
        name        TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL,  -- of what the image was made from
        image       TEXT NOT NULL,
        hidden      INTEGER NOT NULL DEFAULT 0
    );
    """,
    # Whether the machine's own /usr belongs below the layers. Said here and not in the configuration, which
    # whoever wrote the image can fill in as they like.
    "ALTER TABLE images ADD COLUMN host INTEGER NOT NULL DEFAULT 0",
    # Layers that something besides images and containers needs: the cache of builds.
    """
    CREATE TABLE kept_layers (
        keeper  TEXT NOT NULL,
        diff_id TEXT NOT NULL REFERENCES layers(diff_id),
        PRIMARY KEY (keeper, diff_id)
    );
    CREATE INDEX kept_layers_diff_id ON kept_layers(diff_id);
    """,
]
