"""Text in quotes, as Go writes it."""

from __future__ import annotations


def quoted(text: str) -> str:
    """The text in double quotes with Go's escapes, as `strconv.Quote` has it."""
    short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a", "\b": "\\b",
             "\f": "\\f", "\v": "\\v"}  # fmt: skip
    out = []
    for letter in text:
        if letter in short:
            out.append(short[letter])
        elif letter.isprintable():
            out.append(letter)
        elif ord(letter) < 0x80:
            out.append(f"\\x{ord(letter):02x}")
        elif ord(letter) < 0x10000:
            out.append(f"\\u{ord(letter):04x}")
        else:
            out.append(f"\\U{ord(letter):08x}")
    return '"' + "".join(out) + '"'
