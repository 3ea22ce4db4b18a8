"""Attestations: what is in an image, and how it was made, in documents that travel beside it."""
