"""A synchronous client of the Docker Engine API: unix sockets, TCP with or without TLS, ssh.

Names load on first use: `wherry run` passes through here and pays for nothing it does not need.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wherry.client.api import Client

__all__ = ["Client"]


def __getattr__(name: str) -> object:
    if name == "Client":
        from wherry.client.api import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
