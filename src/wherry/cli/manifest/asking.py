"""Asking a registry, through the engine, for what is under a name."""

from __future__ import annotations

from wherry.client.api import query
from wherry.client.credentials import auth_header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wherry.client.api import Client


def ask(client: Client, name: str, *, members: bool) -> dict[str, Any]:
    """`Document` (its text) and, when wanted, `Members`: reference, descriptor, text of each manifest."""
    path = "/wherry/manifests" + query(name=name, members=members)
    response = client.begin("GET", path, headers=auth_header(name)).response()
    found: dict[str, Any] = next(iter(response.documents()))
    response.close()
    return found
