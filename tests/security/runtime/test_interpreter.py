"""CVE-2019-5736: the interpreter that becomes a container can't be changed through /proc."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.harness.runtime_lab import ROOT, Laboratory

pytestmark = pytest.mark.needs("busybox")

_NAMES = "DAC_OVERRIDE SYS_ADMIN SYS_PTRACE SYS_CHROOT FOWNER CHOWN SETUID SETGID"
ALL = [f"CAP_{name}" for name in _NAMES.split()]


def _digest() -> str:
    return hashlib.sha256(Path("/proc/self/exe").resolve().read_bytes()).hexdigest()


def _dangerous(lab: Laboratory, rootfs: dict[str, Any]) -> dict[str, Any]:
    """A container in the runtime's own user namespace, with what the interpreter needs to be loaded in it."""
    interpreter = Path("/proc/self/exe").resolve()
    libraries = subprocess.run(["ldd", interpreter], capture_output=True, text=True, check=True).stdout
    upper = rootfs["mounts"][0]["upper"]
    for word in libraries.split():
        if word.startswith("/"):
            lab.shell(f"mkdir -p {upper}{os.path.dirname(word)}; cp -L {word} {upper}{word}")
    lab.shell(f"printf '#!/proc/self/exe\\n' >{upper}/trap; chmod 755 {upper}/trap")
    spec = lab.spec("/trap", own_user=False)
    spec["process"]["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), ALL)
    return spec


ATTACK = """
for exe in /proc/[0-9]*/exe; do
    (echo overwritten >$exe) 2>/dev/null && echo written $exe
    mount -o remount,rw,bind $exe 2>/dev/null && echo remounted $exe
done
true
"""


def test_run_as_the_entry_point(lab: Laboratory) -> None:
    before = _digest()
    rootfs = lab.rootfs()
    spec = _dangerous(lab, rootfs)
    # The trap is executed: it is the interpreter, inside, with the container's files for its own.
    outcome = lab.run(spec, rootfs)
    assert outcome.failure is None or outcome.failure["exit_code"] in (126, 127)
    assert _digest() == before


def test_opened_for_writing_from_inside(lab: Laboratory) -> None:
    """What holds the interpreter open inside is on a mount that nobody can write to or make writable."""
    before = _digest()
    rootfs = lab.rootfs()
    spec = _dangerous(lab, rootfs)
    spec["process"]["args"] = ["/bin/sh", "-c", "sleep 1000"]
    spec["process"]["noNewPrivileges"] = False
    lab.run(spec, rootfs, keep="attacker")
    try:
        lab.exec("attacker", spec, args=["/bin/sh", "-c", ATTACK])
        for _attempt in range(20):
            lab.exec("attacker", spec, args=["/trap"])
        assert _digest() == before
    finally:
        lab.ask("stop", name="attacker")


def test_the_mount_of_the_interpreter_is_read_only_and_nowhere(tmp_path: Path) -> None:
    """As the driver, and so the supervisor, runs it: writing fails even for root with every capability."""
    copy = tmp_path / "python"
    shutil.copy(Path("/proc/self/exe").resolve(), copy)
    script = (
        "from wherry.linux import interpreter, mounts\n"
        "interpreter.protect()\n"
        "import os\n"
        "assert interpreter.is_protected()\n"
        "for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC):\n"
        "    try: os.open('/proc/self/exe', flags)\n"
        "    except OSError as error: assert error.errno in (30, 26), error\n"
        "    else: raise SystemExit('opened for writing')\n"
        "held = os.open('/proc/self/exe', os.O_PATH)\n"
        "for attempt in (\n"
        "    lambda: mounts.set_attributes(held, off=mounts.RDONLY),\n"
        "    lambda: mounts.legacy_mount('', f'/proc/self/fd/{held}', '', 0x1020, ''),\n"
        "    lambda: mounts.clone_tree('', directory=held),\n"
        "):\n"
        "    try: attempt()\n"
        "    except OSError: continue\n"
        "    raise SystemExit('changed')\n"
        "print('safe')\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONHOME": sys.base_prefix}
    command = [str(copy), "-c", script]
    if os.geteuid() != 0:
        command = ["unshare", "--user", "--map-root-user", "--mount", *command]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "safe\n", done.stderr


def test_an_unprotected_launcher_refuses(lab: Laboratory, tmp_path: Path) -> None:
    script = (
        "import sys, json\nfrom wherry import runtime\n"
        "try: runtime.launch(json.load(sys.stdin), rootfs={'mounts': []})\n"
        "except runtime.RuntimeFailure as failure: print(failure)\n"
    )
    spec = lab.spec("true", own_user=False)
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(spec),
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "the interpreter is not protected from this container\n", done.stderr
