"""Running Python and other programs under the default seccomp filter, outside any container."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

_PRELUDE = """
import ctypes, errno, json, mmap, os, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    # 0, or the name of the error
    libc.syscall.restype = ctypes.c_long
    result = libc.syscall(*[ctypes.c_ulong(value & (1 << 64) - 1) for value in (number, *arguments)])
    return 0 if result >= 0 else errno.errorcode[ctypes.get_errno()]

def confine():
    from wherry.engine.spec.capabilities import DEFAULT
    from wherry.engine.spec.seccomp import default_section
    from wherry.linux import seccomp
    section = default_section(CAPABILITIES or DEFAULT, machine=os.uname().machine, kernel=(6, 1))
    program = seccomp.compile(section)
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    seccomp.install(program)
"""


def answers(code: str, *, confined: bool = True, capabilities: list[str] | None = None) -> Any:
    """What `code` leaves in `answer`; it has `call(number, …)`, and runs under the filter if `confined`."""
    script = (
        f"CAPABILITIES = {capabilities!r}\n{_PRELUDE}\n{'confine()' if confined else ''}\n"
        f"{code}\nprint(json.dumps(answer))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def execute(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a program under the filter."""
    script = f"CAPABILITIES = None\n{_PRELUDE}\nconfine()\nos.execvp(sys.argv[1], sys.argv[1:])"
    return subprocess.run(
        [sys.executable, "-c", script, *command], capture_output=True, text=True, timeout=60, check=False
    )
