"""A full disk, a quota or a broken disk said in one clear line."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from wherry.errors import Internal, Unavailable

__all__ = ["disk_errors"]


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn an OSError about the disk into Unavailable or Internal that names `what`; let others pass."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise Unavailable(
                f"no space left on device while writing {what}",
                hint="free some space, for instance with `wherry system prune`",
            ) from error
        if error.errno == errno.EDQUOT:
            raise Unavailable(f"disk quota exceeded while writing {what}") from error
        if error.errno == errno.EIO:
            raise Internal(f"the disk failed while writing {what}") from error
        raise
