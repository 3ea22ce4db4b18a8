"""The default AppArmor profile, loaded into the kernel and confining a program."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from wherry.errors import Unavailable, Unsupported
from wherry.linux import apparmor
from wherry.runtime import apparmor_default

_NAME = f"wherry-test-{os.getpid()}"

_SCRIPT = """
import ctypes, errno, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def attempt(what):
    try: what(); return "yes"
    except OSError as error: return errno.errorcode[error.errno]
def mount():
    if libc.mount(b"x", b"/mnt", b"tmpfs", 0, None) != 0: raise OSError(ctypes.get_errno(), "")
def writing(path): return lambda: os.close(os.open(path, os.O_WRONLY))
print(open("/proc/self/attr/current").read().strip())
print(attempt(mount))
print(attempt(writing("/proc/sysrq-trigger")))
print(attempt(writing("/proc/sys/kernel/core_pattern")))
print(attempt(writing("/sys/kernel/uevent_helper")) in ("EACCES", "ENOENT"))
print(attempt(lambda: socket.socket(38, 5)))
print(attempt(writing("/proc/sys/net/ipv4/ip_forward")))
print(attempt(writing("/proc/self/comm")))
print(attempt(writing("/dev/null")))
print(attempt(lambda: socket.socket().close()))
print(attempt(lambda: os.kill(os.getpid(), 0)))
"""


@pytest.mark.needs("root", "apparmor")
def test_the_profile_confines() -> None:
    apparmor.load(apparmor_default.text(_NAME))
    assert apparmor.loaded(_NAME)
    assert not apparmor.loaded("no-such-profile")
    apparmor.load(apparmor_default.text(_NAME))  # again is harmless

    def confine() -> None:
        with open("/proc/self/attr/exec", "w") as file:
            file.write(f"exec {_NAME}")

    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, preexec_fn=confine)
    assert done.stderr == ""
    assert done.stdout.split("\n")[:-1] == [
        f"{_NAME} (enforce)",
        "EACCES",
        "EACCES",
        "EACCES",
        "True",
        "EACCES",
        *["yes"] * 5,
    ]


@pytest.mark.needs("root", "apparmor")
def test_nonsense_is_refused_with_the_parsers_words() -> None:
    with pytest.raises(Unavailable, match=r"can't be loaded: .*syntax error"):
        apparmor.load("profile nonsense {")


@pytest.mark.needs("cgroup1")
def test_a_kernel_without_it_says_so() -> None:
    if apparmor.enabled():
        return
    with pytest.raises(Unsupported, match="no AppArmor"):
        apparmor.load(apparmor_default.text())
