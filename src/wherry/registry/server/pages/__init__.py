"""A few pages for people: repositories, their tags, what an image is made of."""

from __future__ import annotations

from wherry.registry.server.pages.handlers import Pages

__all__ = ["Pages"]
