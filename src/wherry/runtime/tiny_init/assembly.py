"""A list of instructions with named places, from which the distances of jumps are filled in."""

from __future__ import annotations

from collections.abc import Callable

Encoder = Callable[[int], bytes]


class Assembly:
    """Machine code being written. `encode` functions turn a distance in bytes into an instruction."""

    def __init__(self) -> None:
        self._parts: list[bytes | tuple[int, Encoder, str]] = []
        self._places: dict[str, int] = {}
        self._size = 0

    def add(self, *instructions: bytes) -> None:
        """Append instructions that need no place."""
        for instruction in instructions:
            self._parts.append(instruction)
            self._size += len(instruction)

    def refer(self, size: int, encode: Encoder, place: str) -> None:
        """Append an instruction of `size` bytes that refers to `place` by its distance."""
        self._parts.append((size, encode, place))
        self._size += size

    def here(self, place: str) -> None:
        """Give the present position a name."""
        self._places[place] = self._size

    def bytes(self, *, from_end: bool) -> bytes:
        """The code. Distances count from the end of the referring instruction, or from its beginning."""
        code = b""
        for part in self._parts:
            if isinstance(part, bytes):
                code += part
                continue
            size, encode, place = part
            origin = len(code) + (size if from_end else 0)
            code += encode(self._places[place] - origin)
        return code
