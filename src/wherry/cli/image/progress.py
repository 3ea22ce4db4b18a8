"""The progress that an engine reports in JSON lines: of pulls, loads, imports, pushes."""

from __future__ import annotations

from wherry.errors import Internal, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TextIO


def show_progress(documents: Iterable[Any], out: TextIO, *, quiet: bool = False) -> list[Any]:
    """Print each report; return the `aux` values. Raises Internal with the error that the engine reports.

    On a terminal each layer has one line that is rewritten; elsewhere a line is printed when its status
    changes.
    """
    live = out.isatty() and not quiet
    rows: dict[str, int] = {}
    said: dict[str, str] = {}
    auxiliary = []
    for document in documents:
        if document.get("error") or document.get("errorDetail"):
            message = document.get("error") or document["errorDetail"].get("message", "")
            missing = "not found" in message.lower() or "no such" in message.lower()
            raise (NotFound if missing else Internal)(message)
        if "aux" in document:
            auxiliary.append(document["aux"])
        if quiet:
            continue
        if "stream" in document:
            out.write(document["stream"])
            out.flush()
            continue
        status = document.get("status", "")
        if not status:
            continue
        part = document.get("id", "")
        line = f"{part}: {status}" if part else status
        if live and part:
            _rewrite(out, rows, part, f"{line} {document.get('progress', '')}".rstrip())
        elif not part or said.get(part) != status:
            said[part] = status
            if live or not document.get("progress"):
                out.write(line + "\n")
                rows.clear()
    out.flush()
    return auxiliary


def _rewrite(out: TextIO, rows: dict[str, int], part: str, line: str) -> None:
    """Put `line` in the row of `part`, counted from the first row of this block."""
    if part not in rows:
        rows[part] = len(rows)
        out.write(line + "\n")
    else:
        up = len(rows) - rows[part]
        out.write(f"\x1b[{up}A\r\x1b[2K{line}\x1b[{up}B\r")
    out.flush()
