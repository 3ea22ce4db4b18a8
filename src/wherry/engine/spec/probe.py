"""What the running kernel does, where only trying tells."""

from __future__ import annotations

import subprocess
import sys

_hidden: dict[str, bool] = {}

_SCRIPT = """
import ctypes, os, sys
if ctypes.CDLL(None).unshare(0x50000000) != 0:  # CLONE_NEWUSER | CLONE_NEWNET
    sys.exit(1)
for name in sys.argv[1:]:
    if not os.path.exists("/proc/sys/" + name.replace(".", "/")):
        print(name)
"""


def hidden_sysctls(names: tuple[str, ...]) -> frozenset[str]:
    """Which of these network sysctls a user namespace's own network doesn't have.

    Kernels differ: of net.core.*, older ones show none there. Tried once for each name, in a process of its
    own (20 ms); where it can't be tried, nothing is taken for hidden.
    """
    unknown = [name for name in names if name not in _hidden]
    if unknown:
        done = subprocess.run(
            [sys.executable, "-ISc", _SCRIPT, *unknown], capture_output=True, text=True, check=False
        )
        missing = set(done.stdout.split()) if done.returncode == 0 else set()
        _hidden.update((name, name in missing) for name in unknown)
    return frozenset(name for name in names if _hidden[name])
