"""Images as the API asks for them: a translation over the store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from wherry.errors import Unsupported

from .filters import Filters
from .models import ImageDeleted, ImageHistoryItem, ImageInspect, ImagesPruned, ImageSummary


class Images:
    """`ref` is a name with tag or digest, an id or a unique prefix. `NotFound` ("No such image: x")."""

    async def list(
        self, *, show_all: bool = False, filters: Filters | None = None, shared_size: bool = False
    ) -> Sequence[ImageSummary]:
        """Newest first. Filters: before, since, reference, dangling, label, until."""
        raise Unsupported("images are not wired yet")

    async def inspect(self, ref: str) -> ImageInspect:
        """All about one image."""
        raise Unsupported("images are not wired yet")

    async def history(self, ref: str) -> Sequence[ImageHistoryItem]:
        """Its steps, newest first."""
        raise Unsupported("images are not wired yet")

    async def tag(self, ref: str, repo: str, tag: str = "") -> None:
        """Give a further name. Raises `Invalid` for a malformed one."""
        raise Unsupported("images are not wired yet")

    async def remove(self, ref: str, *, force: bool = False, prune: bool = True) -> Sequence[ImageDeleted]:
        """Untag, and delete what nothing names any more. Raises `Conflict` when a container uses it."""
        raise Unsupported("images are not wired yet")

    async def prune(self, filters: Filters | None = None) -> ImagesPruned:
        """Remove dangling images, or (`dangling=false`) all that no container uses."""
        raise Unsupported("images are not wired yet")

    def load(self, archive: AsyncIterator[bytes], *, quiet: bool = False) -> AsyncIterator[dict[str, Any]]:
        """Read a Docker archive or OCI layout; yields Docker's progress objects (`{"stream": "Loaded
        image: …"}`)."""
        raise Unsupported("images are not wired yet")

    async def save(self, refs: Sequence[str]) -> AsyncIterator[bytes]:
        """Write images as one archive. Raises `NotFound` before the first byte."""
        raise Unsupported("images are not wired yet")

    def import_(
        self,
        archive: AsyncIterator[bytes],
        *,
        repo: str = "",
        tag: str = "",
        message: str = "",
        changes: Sequence[str] | None = None,
        platform: str = "",
    ) -> AsyncIterator[dict[str, Any]]:
        """Make an image of a root filesystem's tar archive; yields progress, last `{"status":
        "sha256:…"}`."""
        raise Unsupported("images are not wired yet")

    def pull(
        self,
        repo: str,
        *,
        tag: str = "",
        platform: str = "",
        credentials: dict[str, str] | None = None,
    ) -> AsyncIterator[dict[str, Any]]:
        """Fetch from a registry; yields Docker's progress objects. `credentials` is the decoded
        X-Registry-Auth."""
        raise Unsupported("images are not wired yet")
