"""Images as the API shows them."""

from __future__ import annotations

from typing import ClassVar

from msgspec import field

from .config import ContainerConfig
from .container import GraphDriver
from .wire import Wire


class ImageRootFS(Wire):
    type: str = "layers"
    layers: list[str] = field(default_factory=list)


class ImageMetadata(Wire):
    last_tag_time: str = "0001-01-01T00:00:00Z"


class ImageInspect(Wire):
    """Answer of `GET /images/{name}/json`."""

    omit_empty: ClassVar[frozenset[str]] = frozenset({"Variant", "OsVersion"})

    id: str = ""
    repo_tags: list[str] = field(default_factory=list)
    repo_digests: list[str] = field(default_factory=list)
    parent: str = ""
    comment: str = ""
    created: str = ""
    docker_version: str = ""
    author: str = ""
    config: ContainerConfig = field(default_factory=ContainerConfig)
    architecture: str = ""
    variant: str = ""
    os: str = ""
    os_version: str = ""
    size: int = 0
    virtual_size: int = 0
    graph_driver: GraphDriver = field(default_factory=GraphDriver)
    root_fs: ImageRootFS = field(name="RootFS", default_factory=ImageRootFS)
    metadata: ImageMetadata = field(default_factory=ImageMetadata)


class ImageSummary(Wire):
    """One item of `GET /images/json`. `shared_size` and `containers` are -1 when not computed."""

    id: str = ""
    parent_id: str = ""
    repo_tags: list[str] = field(default_factory=list)
    repo_digests: list[str] = field(default_factory=list)
    created: int = 0
    size: int = 0
    shared_size: int = -1
    virtual_size: int = 0
    labels: dict[str, str] | None = None
    containers: int = -1


class ImageHistoryItem(Wire):
    id: str = ""
    created: int = 0
    created_by: str = ""
    tags: list[str] | None = None
    size: int = 0
    comment: str = ""


class ImageDeleted(Wire):
    """One line of the answer to `DELETE /images/{name}`: either untagged or deleted."""

    omit_empty: ClassVar[frozenset[str]] = frozenset({"Untagged", "Deleted"})

    untagged: str = ""
    deleted: str = ""


class ImagesPruned(Wire):
    images_deleted: list[ImageDeleted] | None = None
    space_reclaimed: int = 0


class IdResponse(Wire):
    id: str = ""
