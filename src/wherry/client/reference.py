"""Image references, as far as a command line needs to take them apart."""

from __future__ import annotations


def split_reference(text: str) -> tuple[str, str, str]:
    """(name, tag, digest) of an image reference; what is not there is empty."""
    name, _, digest = text.partition("@")
    head, colon, tag = name.rpartition(":")
    if colon and "/" not in tag:
        return head, tag, digest
    return name, "", digest


def with_tag(text: str) -> str:
    """The reference with `:latest` where it has neither tag nor digest, as messages show it."""
    _, tag, digest = split_reference(text)
    return text if tag or digest else f"{text}:latest"
