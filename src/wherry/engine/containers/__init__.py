"""Containers: records, life cycle, streams, files."""

from .manager import Containers

__all__ = ["Containers"]
