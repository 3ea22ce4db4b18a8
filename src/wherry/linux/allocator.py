"""The C library's allocator (mallopt(3), malloc_trim(3))."""

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


def give_back() -> None:
    """Return freed memory to the kernel, that of every thread's heap; 1 ms or less for some 20 MB. A C
    library without malloc_trim is left as it is.

    By itself glibc returns what is freed at the end of the main heap only: a process with many threads keeps
    what its busiest hour took.
    """
    malloc_trim = getattr(libc, "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
