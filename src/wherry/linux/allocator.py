"""The C library's allocator (mallopt(3))."""

from __future__ import annotations

from wherry.linux.syscalls import INT, libc

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3


def keep_freed(size: int) -> None:
    """Keep up to `size` freed bytes for later, and take blocks below that from the heap.

    A process that uses buffers of a few mebibytes over and over would otherwise return them to the kernel and
    get fresh pages each time. A C library without mallopt is left as it is.
    """
    mallopt = getattr(libc, "mallopt", None)
    if mallopt is not None:
        mallopt.argtypes = [INT, INT]
        mallopt(_M_MMAP_THRESHOLD, size)
        mallopt(_M_TRIM_THRESHOLD, size)
