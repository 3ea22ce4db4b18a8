"""Manifest lists in the making: kept beside Docker's configuration until they are pushed or removed."""

from __future__ import annotations

import json
import os

from wherry.client.reference import with_tag
from wherry.errors import NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Member = dict[str, Any]


def folder() -> str:
    """Where they are."""
    base = os.environ.get("DOCKER_CONFIG") or os.path.join(os.path.expanduser("~"), ".docker")
    return os.path.join(base, "wherry-manifests")


def read(name: str) -> list[Member] | None:
    """The members of a list; None when there is no such list."""
    try:
        with open(_path(name), encoding="utf-8") as file:
            found: list[Member] = json.load(file)
            return found
    except FileNotFoundError:
        return None


def get(name: str) -> list[Member]:
    """The members of a list. Raises NotFound."""
    found = read(name)
    if found is None:
        raise NotFound(f"No such manifest: {with_tag(name)}", hint="`wherry manifest create` makes one")
    return found


def write(name: str, members: list[Member]) -> None:
    """Keep a list."""
    os.makedirs(folder(), 0o700, exist_ok=True)
    draft = f"{_path(name)}.{os.getpid()}"
    with open(draft, "w", encoding="utf-8") as file:
        json.dump(members, file)
    os.replace(draft, _path(name))


def remove(name: str) -> None:
    """Forget a list. Raises NotFound."""
    get(name)
    os.unlink(_path(name))


def _path(name: str) -> str:
    safe = with_tag(name).replace("%", "%25").replace("/", "%2F").replace(":", "%3A")
    return os.path.join(folder(), f"{safe}.json")
