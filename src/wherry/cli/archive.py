"""Archives from the engine: to a file that is there only when it is whole, or to standard output."""

from __future__ import annotations

import os

from wherry.client.demux import write_all
from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wherry.client.api import Client


def write_archive(client: Client, path: str, output: str) -> None:
    """Write the answer to GET `path` to the file `output`, or to standard output when it is empty or `-`.

    The file appears under its name when it is whole. Raises Invalid rather than fill a terminal with bytes.
    """
    if output in ("", "-"):
        if os.isatty(1):
            raise Invalid(
                "cowardly refusing to save to a terminal", hint="use -o FILE, or redirect the output"
            )
        for piece in client.stream("GET", path).chunks():
            write_all(1, [memoryview(piece)])
        return
    folder, name = os.path.split(os.path.abspath(output))
    if not os.path.isdir(folder):
        raise Invalid(f"invalid output path: directory {folder!r} does not exist")
    if os.path.isdir(output):
        raise Invalid(f"invalid output path: {output!r} must be a file, not a directory")
    if os.path.exists(output) and not os.path.isfile(output):
        _into(client, path, output)  # a device or a pipe: written to, not replaced
        return
    temporary = os.path.join(folder, f".{name}.{os.getpid()}")
    try:
        _into(client, path, temporary)
        os.replace(temporary, output)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def _into(client: Client, path: str, target: str) -> None:
    response = client.stream("GET", path)
    with open(target, "wb") as file:
        for piece in response.chunks():
            file.write(piece)
