"""Reading and writing tar archives: ustar, pax and GNU, as streams of byte chunks."""

from wherry.store.tar.entry import Kind, TarEntry
from wherry.store.tar.reader import read_entries
from wherry.store.tar.source import ByteSource
from wherry.store.tar.writer import Item, end_of_archive, header, padding, written

__all__ = [
    "ByteSource",
    "Item",
    "Kind",
    "TarEntry",
    "end_of_archive",
    "header",
    "padding",
    "read_entries",
    "written",
]
