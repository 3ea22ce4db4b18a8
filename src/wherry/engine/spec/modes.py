"""Docker's namespace modes: "host", "private", "container:ID" and the like."""

from __future__ import annotations

from typing import NamedTuple

from wherry.errors import Invalid

# kind → the words it knows besides "container:…"
_WORDS = {
    "pid": ("", "private", "host"),
    "ipc": ("", "private", "host", "shareable", "none"),
    "uts": ("", "private", "host"),
    "userns": ("", "private", "host"),
    "cgroup": ("", "private", "host"),
}
_JOINABLE = ("pid", "ipc", "network")


class Mode(NamedTuple):
    """`container` is the other container's name or id, for "container:…"."""

    host: bool = False
    container: str = ""
    word: str = ""


def parse(kind: str, text: str) -> Mode:
    """A mode of "pid", "ipc", "uts", "userns", "cgroup" or "network". Raises Invalid, in Docker's words."""
    word, colon, name = text.partition(":")
    if colon and word == "container" and kind in _JOINABLE:
        if not name:
            raise Invalid(f"invalid {_SPOKEN[kind]} mode: {text}")
        return Mode(container=name, word=word)
    if kind != "network" and text not in _WORDS[kind]:
        raise Invalid(f"invalid {_SPOKEN[kind]} mode: {text}")
    return Mode(host=text == "host", word=text)


_SPOKEN = {
    "pid": "PID",
    "ipc": "IPC",
    "uts": "UTS",
    "userns": "userns",
    "cgroup": "cgroup namespace",
    "network": "network",
}
