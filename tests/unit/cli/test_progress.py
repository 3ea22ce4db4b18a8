"""Progress: a line for each layer where nothing can be rewritten, a block of lines on a terminal."""

from __future__ import annotations

import io
import os
import pty
import struct
import threading
from fcntl import ioctl
from termios import TIOCSWINSZ
from typing import Any

import pytest

from wherry.cli.image import live
from wherry.cli.image.progress import show_progress
from wherry.errors import Internal, NotFound

PULL: list[dict[str, Any]] = [
    {"status": "Pulling from library/x", "id": "1"},
    {"status": "Pulling fs layer", "progressDetail": {}, "id": "aaa"},
    {"status": "Already exists", "progressDetail": {}, "id": "bbb"},
    {"status": "Downloading", "progressDetail": {"current": 500_000, "total": 1_000_000}, "id": "aaa"},
    {"status": "Download complete", "progressDetail": {}, "id": "aaa"},
    {"status": "Pull complete", "progressDetail": {}, "id": "aaa"},
    {"status": "Digest: sha256:1"},
    {"status": "Status: Downloaded newer image for x:1"},
]


def test_one_line_for_each_layer() -> None:
    out = io.StringIO()
    show_progress(PULL, out)
    assert out.getvalue() == (
        "1: Pulling from library/x\n"
        "bbb: Already exists\n"
        "aaa: Pull complete\n"
        "Digest: sha256:1\n"
        "Status: Downloaded newer image for x:1\n"
    )


def test_quiet_says_nothing_and_gives_what_was_made() -> None:
    out = io.StringIO()
    assert show_progress([*PULL, {"aux": {"Digest": "d"}}], out, quiet=True) == [{"Digest": "d"}]
    assert out.getvalue() == ""


def test_errors_in_the_stream_are_raised_with_their_hint() -> None:
    with pytest.raises(NotFound) as caught:
        show_progress([{"error": "manifest not found", "hint": "do this"}], io.StringIO())
    assert caught.value.hint == "do this"
    with pytest.raises(Internal, match="broken"):
        show_progress([{"errorDetail": {"message": "broken"}}], io.StringIO())


@pytest.mark.parametrize(("rows", "layers"), [(24, 3), (8, 40)])
def test_a_terminal_gets_a_block_that_fits(monkeypatch: pytest.MonkeyPatch, rows: int, layers: int) -> None:
    monkeypatch.setattr(live, "_PERIOD", 0.0)
    main, other = pty.openpty()
    ioctl(other, TIOCSWINSZ, struct.pack("HHHH", rows, 60, 0, 0))
    events = [
        {"status": "Downloading", "progressDetail": {"current": n, "total": 10}, "id": f"layer{number}"}
        for n in (1, 5)
        for number in range(layers)
    ]
    pieces: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(main, 65536):
                pieces.append(data)
        except OSError:
            pass  # the other side was closed

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(other, "w") as out:
        show_progress([PULL[0], *events, *PULL[-2:]], out)
    reader.join()
    os.close(main)
    said = b"".join(pieces)
    text = said.decode()
    assert "1: Pulling from library/x" in text and text.rstrip().endswith("image for x:1")
    assert f"0 of {layers} layers" in text and "layer0: Downloading [====" in text
    drawings = text.split("\x1b[")
    assert all(len(line) <= 60 for drawing in drawings for line in drawing.split("\r\n"))
    if layers > rows:
        assert max(drawing.count("\n") for drawing in drawings[:-1]) < rows
