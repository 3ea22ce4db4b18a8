"""Where a process finds its own group below a hierarchy's mount point."""

from __future__ import annotations

import pytest

from wherry.runtime import cgroup_mounts


@pytest.mark.parametrize(
    ("root", "group", "expected"),
    [
        ("/", "/wherry/a", "/wherry/a"),
        ("/", "/", "/"),
        ("/wherry/a", "/wherry/a", ""),  # within a container that has no cgroup namespace
        ("/wherry/a", "/wherry/a/below", "/below"),
        ("/wherry/a", "/wherry/ab", ""),  # elsewhere: out of sight
        ("/..", "/wherry", ""),
    ],
)
def test_own_group(monkeypatch: pytest.MonkeyPatch, root: str, group: str, expected: str) -> None:
    monkeypatch.setattr(cgroup_mounts, "own_paths", lambda: {"memory": group})
    hierarchy = cgroup_mounts.Hierarchy("/sys/fs/cgroup/memory", root, "cgroup", "rw,memory")
    assert cgroup_mounts._own_path(hierarchy) == expected
