"""Freed memory goes back to the kernel."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own, whose heap has no holes yet. A block is below the size from which it would be a
# mapping of its own, and the last one keeps the others from being the end of the heap.
_PROGRAM = """
import os
from wherry.linux import allocator

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

blocks = [bytes([1]) * 65536 for _ in range(1024)]
last = bytes([1]) * 65536
del blocks
before = resident()
allocator.give_back()
print(before - resident())
"""


def test_what_lies_below_a_block_in_use_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], check=True, capture_output=True, text=True)
    assert int(done.stdout) > 32 << 20
