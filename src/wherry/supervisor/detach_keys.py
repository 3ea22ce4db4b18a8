"""Finds the keys by which a terminal's user detaches, in a stream that arrives in arbitrary pieces."""

from __future__ import annotations


class DetachKeys:
    """A sequence such as control-P control-Q. The beginning of one is held back until it is decided."""

    def __init__(self, sequence: bytes) -> None:
        self._sequence = sequence
        self._matched = 0

    def filter(self, data: bytes) -> tuple[bytes, bool]:
        """What of `data` (and of what was held back) goes on to the process, and whether the keys came.

        After the keys nothing more goes on. An empty sequence lets everything pass.
        """
        sequence = self._sequence
        if not sequence:
            return data, False
        held = sequence[: self._matched] + data
        found = held.find(sequence)
        if found >= 0:
            self._matched = 0
            return held[:found], True
        for length in range(min(len(sequence) - 1, len(held)), 0, -1):
            if held.endswith(sequence[:length]):
                self._matched = length
                return held[:-length], False
        self._matched = 0
        return held, False
