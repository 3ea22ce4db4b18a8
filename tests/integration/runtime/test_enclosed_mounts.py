"""A layer with a mount below it that a user namespace can't see past, as `host` has in WSL (/usr/lib/wsl)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.harness.capabilities import python

INSIDE = r"""
import ctypes, os, sys
from wherry.linux import idmaps, mounts, namespaces
from wherry.runtime import plan, root, setup

def enter():
    uid, gid = os.geteuid(), os.getegid()
    namespaces.unshare(namespaces.NEWUSER | namespaces.NEWNS)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)

base, *more = sys.argv[1:]
enter()
libc = ctypes.CDLL(None, use_errno=True)
assert libc.mount(f"{base}/other".encode(), f"{base}/usr/drivers".encode(), None, 4096, None) == 0  # MS_BIND
enter()  # what was mounted outside belongs together now
layers = [
    plan.Layers(False, "/", (f"{base}/root",), "", "", False),
    plan.Layers(True, "/usr", (*more, f"{base}/usr"), f"{base}/x/upper", f"{base}/x/work", False),
]
opened = [setup.open_layers(entry, -1) for entry in layers]
print(root.encloses(layers[1].lower[-1]), flush=True)

class Plan:
    pass
the = Plan()
the.root = layers
received = [fd for entry in reversed(opened) for fd in reversed(entry)]
place = os.open(f"{base}/place", os.O_PATH | os.O_DIRECTORY)
new = root.attach_layers(the, received, place)
os.chdir(new)
print(sorted(os.listdir("usr")), os.listdir("usr/drivers"))
for path in ("usr/new", "usr/drivers/new"):
    try:
        open(path, "w")
    except OSError as error:
        print(error.strerror)
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for name in ("root", "usr/drivers", "usr/bin", "other", "x/upper", "x/work", "place", "more/etc"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "other" / "driver.so").touch()
    return tmp_path


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python(), "-c", INSIDE, *words], capture_output=True, text=True, check=False, env=os.environ
    )


def test_it_is_shown_read_only_with_what_is_mounted_there(base: Path) -> None:
    done = run(base)
    assert done.stdout.splitlines() == [
        "True",
        "['bin', 'drivers'] ['driver.so']",
        "Read-only file system",
        "Read-only file system",
    ], done.stderr


def test_layers_over_it_are_not_lost_silently(base: Path) -> None:
    done = run(base, base / "more")
    assert "something is mounted below" in done.stderr
    assert "an ordinary user can lay nothing over it" in done.stderr
