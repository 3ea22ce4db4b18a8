"""Capabilities of a real process, before and after it changes its user."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from wherry.linux import capabilities

_SCRIPT = """
import os, sys
from wherry.linux import capabilities as c
keep = c.mask(["CAP_CHOWN", "CAP_SETUID", "CAP_SETGID", "CAP_NET_RAW"])
raw = c.mask(["CAP_NET_RAW"])
c.drop_bounding(keep)
c.keep_over_setuid(True)
if sys.argv[1] != "0":
    os.setgroups([]); os.setgid(5); os.setuid(int(sys.argv[1]))
c.apply(c.Sets(keep, raw, keep, raw, raw if sys.argv[2] == "ambient" else 0))
print(*map(hex, c.current()[:4]))
sys.stdout.flush()
os.execvp("grep", ["grep", "Cap", "/proc/self/status"])
"""


def _run(uid: int, how: str = "") -> tuple[list[int], dict[str, int]]:
    done = subprocess.run([sys.executable, "-c", _SCRIPT, str(uid), how], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    after = {line.split(":")[0]: int(line.split()[1], 16) for line in rest}
    return [int(word, 16) for word in first.split()], after


@pytest.mark.needs("root")
def test_root_keeps_its_bounding_set_over_exec() -> None:
    keep = capabilities.mask(["CAP_CHOWN", "CAP_SETUID", "CAP_SETGID", "CAP_NET_RAW"])
    raw = capabilities.mask(["CAP_NET_RAW"])
    before, after = _run(0)
    assert before == [keep, raw, keep, raw]
    assert (after["CapBnd"], after["CapEff"], after["CapPrm"]) == (keep, keep, keep)


@pytest.mark.needs("root")
def test_another_user_loses_all_but_the_ambient_set() -> None:
    raw = capabilities.mask(["CAP_NET_RAW"])
    assert _run(5)[1]["CapEff"] == 0
    _, after = _run(5, "ambient")
    assert (after["CapEff"], after["CapPrm"], after["CapAmb"]) == (raw, raw, raw)


def test_what_may_not_be_had_is_left_out() -> None:
    """A container of all capabilities starts also where the engine lacks some."""
    everything = (1 << 64) - 1
    pid = os.fork()
    if not pid:
        before = capabilities.current()
        capabilities.apply(capabilities.Sets(everything, everything, everything, 0, 0))
        os._exit(0 if capabilities.current().permitted == before.permitted else 1)
    assert os.waitpid(pid, 0)[1] == 0


def test_names_and_masks() -> None:
    assert capabilities.names(capabilities.mask(["CAP_KILL", "CAP_CHOWN"])) == ["CAP_CHOWN", "CAP_KILL"]
    assert capabilities.mask(["CAP_FLY"]) == 0
    assert capabilities.NAMES[40] == "CAP_CHECKPOINT_RESTORE"
    assert capabilities.names(capabilities.known())[:1] == ["CAP_CHOWN"]
    assert capabilities.from_specification(None) == capabilities.NONE
    assert capabilities.from_specification({"bounding": ["CAP_KILL"]}).bounding == 1 << 5
