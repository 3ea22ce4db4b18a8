"""The `hello` image: one file that says what has just happened, and what to try next."""

from __future__ import annotations

from wherry.store.builtin.elf import printing_program
from wherry.store.machine import architecture
from wherry.store.tar import Kind, TarEntry, end_of_archive, header, padding

__all__ = ["MESSAGE", "hello_archive"]

MESSAGE = """\

    Ahoy! Your wherry floats.

                   |\\
                   | \\
                   |  \\
             ______|___\\______
             \\_______________/
     ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

What happened just now:
  1. The wherry command asked the engine for a container, and started the engine if it was not there yet.
  2. The engine took the image "hello" (built in: nothing was downloaded) and laid a writable layer over it.
  3. The supervisor put a process into namespaces of its own, where even root has no power over this machine.
  4. That process wrote these lines, and ended.

Things to try:
  wherry run --rm -it host bash               a throw-away copy of this machine's own userland
  wherry run --rm -v .:/src -w /src host ls   the same, with the current directory in it
  wherry import rootfs.tar mine               an image from any root filesystem
  wherry ps -a                                the containers that are here
  wherry --help                               everything else

"""


def hello_archive() -> bytes:
    """The image's only layer. Raises Unsupported on an architecture that has no program."""
    program = printing_program(MESSAGE.encode(), architecture()[0])
    entry = TarEntry(b"hello", Kind.FILE, mode=0o755, size=len(program))
    return header(entry) + program + padding(len(program)) + end_of_archive()
