"""Downloading an image through the engine, with its progress."""

from __future__ import annotations

from wherry.cli.image.progress import show_progress
from wherry.client.api import query
from wherry.client.credentials import auth_header
from wherry.client.reference import split_reference, with_tag
from wherry.errors import NotFound, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from wherry.client.api import Client

_HINT = "`wherry load` and `wherry import` bring images in from files; `hello` and `host` are built in"


def download(
    client: Client,
    image: str,
    *,
    platform: str = "",
    quiet: bool = False,
    out: TextIO,
    every_tag: bool = False,
) -> None:
    """Have the engine pull an image; blocks until it is there. Raises what the engine answers."""
    name, tag, digest = split_reference(image)
    path = "/images/create" + query(
        fromImage=name, tag="" if every_tag else digest or tag or "latest", platform=platform
    )
    try:
        response = client.begin("POST", path, headers=auth_header(name)).response()
        show_progress(response.documents(), out, quiet=quiet)
        response.close()
    except NotFound as error:
        if "page not found" in error.message:
            raise NotFound(f"No such image: {with_tag(image)}", hint=_HINT) from None
        raise
    except Unsupported as error:
        error.hint = error.hint or _HINT
        raise
