"""Detach keys: the sequence, typed at a terminal, that leaves a container running alone."""

from __future__ import annotations

from wherry.errors import Invalid

DEFAULT = b"\x10\x11"
"""ctrl-p, ctrl-q"""

_CONTROL = {"@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, "_": 31}


def parse(text: str) -> bytes:
    """`ctrl-p,ctrl-q`, or single characters, separated by commas; "" is the default. Raises Invalid."""
    if not text:
        return DEFAULT
    keys = bytearray()
    for key in text.split(","):
        if key.startswith("ctrl-") and len(key) == 6:
            letter = key[5]
            if "a" <= letter <= "z":
                keys.append(ord(letter) - ord("a") + 1)
                continue
            if letter in _CONTROL:
                keys.append(_CONTROL[letter])
                continue
        elif len(key) == 1 and key.isascii():
            keys.append(ord(key))
            continue
        raise Invalid(f"Invalid detach keys ({text}) provided")
    return bytes(keys)


class DetachKeys:
    """Watches what is typed. Keys that may begin the sequence are held back until the next one decides."""

    def __init__(self, sequence: bytes) -> None:
        self._sequence = sequence
        self._held = 0

    def feed(self, typed: bytes) -> tuple[bytes, bool]:
        """What goes on to the container now, and whether the sequence was completed (the rest is dropped)."""
        sequence = self._sequence
        if not self._held and sequence[0] not in typed:
            return typed, False
        out = bytearray()
        for key in typed:
            if key == sequence[self._held]:
                self._held += 1
                if self._held == len(sequence):
                    self._held = 0
                    return bytes(out), True
            else:
                out += sequence[: self._held]
                self._held = 0
                if key == sequence[0]:
                    self._held = 1
                else:
                    out.append(key)
        return bytes(out), False
