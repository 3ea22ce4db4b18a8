"""The part of the cgroup tree that an ordinary user gets, from systemd where there is one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

_SCRIPT = """
import json, os, subprocess, sys, time
from wherry.linux import cgroups
from wherry.linux.cgroups.home import find
from wherry.linux.cgroups.hierarchies import own_paths
from wherry.linux.cgroups.support import support

maker = subprocess.Popen(["sleep", "60"])
try:
    home = find(maker.pid)
    answer = {"path": home.path, "reason": home.reason}
    if not home.reason:
        answer["leaf"] = own_paths(maker.pid)[""].strip("/")
        answer["again"] = __import__("wherry.linux.cgroups.home", fromlist=["x"])._find(maker.pid).path
        cgroup = cgroups.create("wherry/one", {"memory": {"limit": 64 << 20}, "pids": {"limit": 7}})
        answer["at"] = cgroup.path
        answer["warnings"] = cgroup.warnings
        answer["memory"] = support(below=home.path).memory
        cgroup.add(maker.pid)
        answer["pids"] = cgroup.pids() == [maker.pid]
        answer["stats"] = cgroup.stats()
        cgroup.kill()
        maker.wait()
        cgroup.delete()
        cgroups.remove_if_empty("wherry")
finally:
    maker.kill()
    maker.wait()
print(json.dumps(answer))
"""


def _find() -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.needs("ordinary-user", "cgroup2")
def test_systemd_delegates_a_scope() -> None:
    found = _find()
    assert found["reason"] == ""
    assert found["path"].endswith(".scope")
    assert found["leaf"] == f"{found['path']}/supervisor"
    assert found["again"] == found["path"]
    assert found["at"] == f"{found['path']}/wherry/one"
    assert found["warnings"] == []
    assert found["memory"] is True
    assert found["pids"] is True
    assert found["stats"]["memory_stats"]["limit"] == 64 << 20
    assert found["stats"]["pids_stats"]["limit"] == 7


@pytest.mark.needs("ordinary-user", "cgroup1")
def test_version_1_delegates_nothing() -> None:
    assert "version 1" in _find()["reason"]


@pytest.mark.needs("ordinary-user", "cgroup1")
def test_without_cgroups_limits_become_warnings() -> None:
    from wherry.linux import cgroups

    cgroup = cgroups.create(
        f"wherry-test-{os.getpid()}/x", {"memory": {"limit": 64 << 20}, "pids": {"limit": 7}}
    )
    assert len(cgroup.warnings) == 2
    assert all(words.endswith("discarded.") for words in cgroup.warnings)
    assert cgroup.pids() == []
    assert "memory_stats" not in cgroup.stats()
    cgroup.enter()
    cgroup.kill()
    cgroup.delete()


@pytest.mark.needs("root")
def test_root_has_the_whole_tree() -> None:
    found = _find()
    assert (found["path"], found["reason"], found["at"]) == ("", "", "wherry/one")
