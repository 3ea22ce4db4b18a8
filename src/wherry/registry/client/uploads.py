"""What is put into a registry: uploads of blobs, blobs taken over from another repository, manifests."""

from __future__ import annotations

from urllib.parse import quote, urljoin

from wherry.errors import Internal, Invalid, NotFound, Unavailable, WherryError
from wherry.oci.digest import sha256_of
from wherry.registry.client.session import Session


def push_scope(repository: str) -> str:
    return f"repository:{repository}:pull,push"


async def has_blob(session: Session, repository: str, digest: str) -> bool:
    """Whether a repository has a blob."""
    try:
        path = f"/v2/{repository}/blobs/{digest}"
        async with session.request("HEAD", path, scope=push_scope(repository)):
            return True
    except NotFound:
        return False


async def put_manifest(session: Session, repository: str, tag: str, data: bytes, media_type: str) -> None:
    """Store a manifest or index under a tag or digest. Raises Internal when the registry took something else
    for it."""
    path = f"/v2/{repository}/manifests/{tag}"
    async with session.request(
        "PUT",
        path,
        scope=push_scope(repository),
        headers={"Content-Type": media_type},
        data=data,
        accept=frozenset({201}),
    ) as response:
        stated = response.headers.get("Docker-Content-Digest", "")
    if stated.startswith("sha256:") and stated != sha256_of(data):
        raise Internal(f"{session.host.name} stored the manifest as {stated}, not {sha256_of(data)}")


async def start_upload(session: Session, repository: str) -> str:
    """Begin an upload; the address to send to."""
    path = f"/v2/{repository}/blobs/uploads/"
    async with session.request(
        "POST", path, scope=push_scope(repository), data=b"", accept=frozenset({202})
    ) as response:
        return location_of(session, response.headers.get("Location", ""))


async def finish_upload(
    session: Session, repository: str, location: str, digest: str, data: bytes = b""
) -> None:
    """End an upload, with its last bytes, if any. Raises Invalid when the registry counts otherwise.

    When the answer is lost, or a second try finds no upload any more, the blob itself tells how it went.
    Raises Unavailable when it is not there: the upload must be begun again.
    """
    separator = "&" if "?" in location else "?"
    try:
        async with session.request(
            "PUT",
            f"{location}{separator}digest={quote(digest)}",
            scope=push_scope(repository),
            headers={"Content-Type": "application/octet-stream"},
            data=data,
            accept=frozenset({201, 204}),
            retry=False,
        ):
            return
    except (NotFound, Unavailable) as error:
        if not await has_blob(session, repository, digest):
            raise Unavailable(f"an upload to {session.host.name} was lost: {error.message}") from error


async def mount(session: Session, repository: str, digest: str, source: str) -> bool:
    """Take a blob over from another repository of the registry; False when it won't."""
    query = f"mount={quote(digest)}&from={quote(source)}"
    scope = f"{push_scope(repository)} repository:{source}:pull"
    try:
        async with session.request(
            "POST",
            f"/v2/{repository}/blobs/uploads/?{query}",
            scope=scope,
            data=b"",
            accept=frozenset({201, 202}),
        ) as response:
            if response.status == 201:
                return True
            location = location_of(session, response.headers.get("Location", ""))
        async with session.request(
            "DELETE", location, scope=push_scope(repository), accept=frozenset({200, 202, 204, 404, 405})
        ):
            return False
    except WherryError:
        return False  # then it is sent


def location_of(session: Session, given: str) -> str:
    if not given:
        raise Invalid(f"{session.host.name} gave no address to upload to")
    try:
        return urljoin(session.base + "/", given)
    except ValueError:
        raise Invalid(f"{session.host.name} gave an address to upload to that is none") from None
