"""What `docker rmi` does, with its words: clients match on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.errors import Conflict
from wherry.oci import Reference, looks_like_id, parse_reference
from wherry.store.images.model import Image, Removal

if TYPE_CHECKING:
    from wherry.store.images.collection import Images

__all__ = ["remove_image"]


def remove_image(images: Images, name: str, *, force: bool, prune: bool) -> list[Removal]:
    """See `Images.remove`."""
    image = images.resolve(name)
    report: list[Removal] = []
    by_id = looks_like_id(name) and image.id.removeprefix("sha256:").startswith(name.removeprefix("sha256:"))
    quiet = False
    if by_id:
        if _is_single(image):
            _check(images, image, soft=not force, ignore_names=True)
            _untag(images, [*image.tags, *image.digests], report)
            image = images.get(image.id)
    else:
        if not force and _is_single(image) and (users := images.users(image.id)):
            raise Conflict(
                f'conflict: unable to remove repository reference "{name}" (must force) - container '
                f"{users[0].container[:12]} is using its referenced image {_short(image.id)}",
                hint="remove the container first, or add --force",
            )
        _untag(images, _names_that_go(image, parse_reference(name).tagged), report)
        image = images.get(image.id)
        if image.tags or image.digests:
            return report
        quiet = True
    _delete(images, image, report, force=force, prune=prune, quiet=quiet)
    return report


def _delete(
    images: Images, image: Image, report: list[Removal], *, force: bool, prune: bool, quiet: bool
) -> None:
    try:
        _check(images, image, soft=not force)
    except Conflict as conflict:
        is_dangling = not (image.tags or image.digests or images.children(image.id))
        if quiet and (not is_dangling or isinstance(conflict, _InUse)):
            return
        raise
    _untag(images, [*image.tags, *image.digests], report)
    parent = image.parent
    images.forget(image.id)
    report.append(Removal(deleted=image.id))
    report += [Removal(deleted=diff_id) for diff_id in reversed(images.layers.collect())]
    if prune and parent:
        above = images.get(parent)
        if not above.tags and not above.digests:
            _delete(images, above, report, force=False, prune=True, quiet=True)


class _InUse(Conflict):
    """A container needs it."""


def _check(images: Images, image: Image, *, soft: bool, ignore_names: bool = False) -> None:
    """Raise Conflict when the image must stay; `soft` reasons are those that --force overrides."""
    if images.children(image.id):
        raise Conflict(
            f"conflict: unable to delete {_short(image.id)} (cannot be forced) - "
            "image has dependent child images"
        )
    users = images.users(image.id)
    for user in users:
        if user.running:
            raise _InUse(
                f"conflict: unable to delete {_short(image.id)} (cannot be forced) - "
                f"image is being used by running container {user.container[:12]}",
                hint="stop and remove the container first",
            )
    if not soft:
        return
    if not ignore_names and (image.tags or image.digests):
        raise Conflict(
            f"conflict: unable to delete {_short(image.id)} (must be forced) - "
            "image is referenced in multiple repositories",
            hint="remove it by name, or add --force",
        )
    if users:
        raise _InUse(
            f"conflict: unable to delete {_short(image.id)} (must be forced) - "
            f"image is being used by stopped container {users[0].container[:12]}",
            hint="remove the container first, or add --force",
        )


def _is_single(image: Image) -> bool:
    """At most one tag, and all names in one repository."""
    repositories = {parse_reference(name).repository for name in (*image.tags, *image.digests)}
    return len(image.tags) <= 1 and len(repositories) <= 1


def _names_that_go(image: Image, reference: Reference) -> list[str]:
    if reference.digest:
        return [str(reference._replace(tag=""))]
    gone = [str(reference)]
    others = [name for name in image.tags if name != gone[0]]
    if not any(parse_reference(name).repository == reference.repository for name in others):
        # The last tag of a repository takes the digests of that repository along.
        gone += [name for name in image.digests if parse_reference(name).repository == reference.repository]
    return gone


def _untag(images: Images, names: list[str], report: list[Removal]) -> None:
    for name in names:
        images.database.execute("DELETE FROM tags WHERE name = ?", name)
        report.append(Removal(untagged=parse_reference(name).familiar))


def _short(image_id: str) -> str:
    return image_id.removeprefix("sha256:")[:12]
