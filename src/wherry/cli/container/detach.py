"""The keys that leave a container's terminal without stopping it: Ctrl-P Ctrl-Q, or --detach-keys."""

from __future__ import annotations

from wherry.errors import Invalid

DEFAULT = b"\x10\x11"  # Ctrl-P Ctrl-Q


def parse_keys(text: str) -> bytes:
    """The bytes that keys written as `ctrl-p,ctrl-q` or `a,b` send. Raises Invalid."""
    if not text:
        return DEFAULT
    found = bytearray()
    for key in text.split(","):
        if len(key) == 1 and key.isascii():
            found += key.encode()
        elif key.startswith("ctrl-") and len(key) == 6 and (key[5].isalpha() or key[5] in "@[\\]^_"):
            found.append(ord(key[5].upper()) & 0x1F)
        else:
            raise Invalid(
                f"invalid detach keys ({text}): unknown key {key!r}",
                hint="write letters or ctrl-LETTER, separated by commas",
            )
    return bytes(found)


class KeyWatch:
    """Finds the detach keys in what is typed. Keys that begin like them are held until the next one."""

    __slots__ = ("_held", "_keys")

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._held = 0

    def pass_on(self, data: bytes) -> tuple[bytes, bool]:
        """The bytes to send on, and whether the keys are complete."""
        passed = bytearray()
        for byte in data:
            if byte == self._keys[self._held]:
                self._held += 1
                if self._held == len(self._keys):
                    return bytes(passed), True
                continue
            passed += self._keys[: self._held]
            self._held = 1 if byte == self._keys[0] and len(self._keys) > 1 else 0
            if not self._held:
                passed.append(byte)
        return bytes(passed), False
