"""The progress that an engine reports in JSON lines: of pulls, loads, imports, pushes."""

from __future__ import annotations

from wherry.errors import Internal, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TextIO

# What a layer passes through on its way; where nothing can be rewritten only its end is worth a line.
_ON_THE_WAY = frozenset(
    {
        *("Pulling fs layer", "Waiting", "Downloading", "Verifying Checksum", "Download complete"),
        *("Extracting", "Preparing", "Pushing"),
    }
)


def show_progress(documents: Iterable[Any], out: TextIO, *, quiet: bool = False) -> list[Any]:
    """Print each report; return the `aux` values. Raises Internal with the error that the engine reports.

    On a terminal the layers are a block of lines that is redrawn; elsewhere each has a line when it is done.
    """
    live = None
    if out.isatty() and not quiet:
        from wherry.cli.image.live import Live

        live = Live(out)
    said: set[str] = set()
    auxiliary = []
    try:
        for document in documents:
            if document.get("error") or document.get("errorDetail"):
                raise _failure(document)
            if "aux" in document:
                auxiliary.append(document["aux"])
            if quiet:
                continue
            if "stream" in document:
                out.write(document["stream"])
                out.flush()
                continue
            status, part = document.get("status", ""), document.get("id", "")
            if not status:
                continue
            line = f"{part}: {status}" if part else status
            is_layer = bool(part) and not status.startswith("Pulling from ")
            if live is not None and is_layer:
                detail = document.get("progressDetail") or {}
                live.update(part, status, detail.get("current") or 0, detail.get("total") or 0)
            elif live is not None:
                if not part:
                    live.finish()
                live.say(line)
            elif line not in said and not (is_layer and status in _ON_THE_WAY):
                said.add(line)
                out.write(line + "\n")
                out.flush()
    finally:
        if live is not None:
            live.finish()
        out.flush()
    return auxiliary


def _failure(document: Any) -> Internal | NotFound:
    message = document.get("error") or document["errorDetail"].get("message", "")
    missing = "not found" in message.lower() or "no such" in message.lower()
    return (NotFound if missing else Internal)(message, hint=document.get("hint", ""))
