"""The registry of the integration tests, for hostile requests."""

from __future__ import annotations

from tests.integration.registry.server.conftest import serve

__all__ = ["serve"]
