"""Builds, as the engine does them: each step in a container of its own."""

from .manager import Builds

__all__ = ["Builds"]
