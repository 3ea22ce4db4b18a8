"""The Docker Engine HTTP API, versions 1.24 to 1.51: a translation over `wherry.engine` and nothing more."""

from wherry.api.server import Server

__all__ = ["Server"]
