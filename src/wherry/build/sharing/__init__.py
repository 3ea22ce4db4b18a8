"""Caches of builds that are elsewhere: in registries, in directories, in images."""

from wherry.build.sharing.documents import Record
from wherry.build.sharing.imports import Imports, Shared

__all__ = ["Imports", "Record", "Shared"]
