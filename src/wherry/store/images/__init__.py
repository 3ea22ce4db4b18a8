"""Images: configurations, names, and which layers they are made of."""

from wherry.store.images.model import HistoryItem, Image, ImageUser, Removal

__all__ = ["HistoryItem", "Image", "ImageUser", "Removal"]
