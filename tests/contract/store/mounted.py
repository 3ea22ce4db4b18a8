"""A snapshot mounted as its plan says, in a mount namespace of a child process, and code run on it there."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from wherry.store.snapshots import Snapshot

_PRELUDE = """
import json, os, stat, sys
from wherry.linux import mounts, namespaces
namespaces.unshare(namespaces.NEWNS)
mounts.set_propagation("/", mounts.PRIVATE | mounts.MS_REC)
mounts.legacy_mount("tmpfs", "/mnt", "tmpfs", 0, "")
root = "/mnt/root"
os.mkdir(root)
for step in json.loads(sys.argv[1])["mounts"]:
    target = root + step["target"].rstrip("/")
    os.makedirs(target, exist_ok=True)
    if step["type"] == "bind":
        made = mounts.clone_tree(step["source"])
    elif not step.get("upper"):
        made = mounts.clone_tree(step["lower"][0])
        mounts.set_attributes(made, on=mounts.RDONLY)
    else:
        overlay = mounts.FileSystem("overlay")
        overlay.set("source", "overlay")
        overlay.flag("userxattr")
        for lower in step["lower"]:
            overlay.set("lowerdir+", lower)
        overlay.set("upperdir", step["upper"])
        overlay.set("workdir", step["work"])
        made = overlay.mount()
    place = os.open(target, os.O_PATH)
    mounts.attach(made, place)
def path(name): return os.path.join(root, name)
def write(name, text="new"):
    with open(path(name), "w") as file: file.write(text)
def read(name):
    with open(path(name)) as file: return file.read()
result = None
"""


def run_mounted(snapshot: Snapshot, code: str) -> Any:
    """Mount the snapshot, run `code` (it has `path`, `write`, `read`), give back its `result`."""
    program = f"{_PRELUDE}\n{code}\nprint(json.dumps(result))"
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(snapshot.mounts())],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
