"""Archives of whole images, in and out."""

from wherry.store.archive.load import LoadedImage, load
from wherry.store.archive.save import save

__all__ = ["LoadedImage", "load", "save"]
