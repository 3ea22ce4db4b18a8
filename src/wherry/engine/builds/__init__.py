"""Builds, as the engine does them: each step in a container of its own."""

from .manager import Builds
from .order import BuildOrder, ContextOrder

__all__ = ["BuildOrder", "Builds", "ContextOrder"]
