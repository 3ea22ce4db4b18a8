"""Limits planned as files, for both versions, without touching any."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.errors import Invalid
from wherry.linux.cgroups import settings as say
from wherry.linux.cgroups import settings_v1, settings_v2
from wherry.linux.cgroups.conversions import cpu_weight, io_weight
from wherry.linux.cgroups.settings import Setting


def written(plan: list[Setting]) -> list[tuple[str, str]]:
    return [setting.choices[0] for setting in plan if setting.choices]


def refused(plan: list[Setting]) -> list[str]:
    return [setting.warning for setting in plan if not setting.choices]


CASES: list[tuple[dict[str, Any], list[tuple[str, str]], list[tuple[str, str]]]] = [
    ({}, [], []),
    (
        {"memory": {"limit": 100, "swap": 150, "reservation": 50}},
        [
            ("memory.limit_in_bytes", "100"),
            ("memory.memsw.limit_in_bytes", "150"),
            ("memory.soft_limit_in_bytes", "50"),
        ],
        [("memory.swap.max", "50"), ("memory.max", "100"), ("memory.low", "50")],
    ),
    (
        {"memory": {"limit": -1, "swap": -1}},
        [("memory.limit_in_bytes", "-1"), ("memory.memsw.limit_in_bytes", "-1")],
        [("memory.swap.max", "max"), ("memory.max", "max")],
    ),
    (
        {"cpu": {"shares": 1024, "quota": 5000, "period": 10000}},
        [("cpu.shares", "1024"), ("cpu.cfs_period_us", "10000"), ("cpu.cfs_quota_us", "5000")],
        [("cpu.weight", "100"), ("cpu.max", "5000 10000")],
    ),
    ({"cpu": {"quota": -1}}, [("cpu.cfs_quota_us", "-1")], [("cpu.max", "max 100000")]),
    ({"cpu": {"quota": 20000}}, [("cpu.cfs_quota_us", "20000")], [("cpu.max", "20000 100000")]),
    ({"cpu": {"idle": 1, "shares": 5}}, [("cpu.shares", "5"), ("cpu.idle", "1")], [("cpu.idle", "1")]),
    (
        {"cpu": {"cpus": "0-1", "mems": "0"}},
        [("cpuset.cpus", "0-1"), ("cpuset.mems", "0")],
        [("cpuset.cpus", "0-1"), ("cpuset.mems", "0")],
    ),
    ({"pids": {"limit": 9}}, [("pids.max", "9")], [("pids.max", "9")]),
    ({"pids": {"limit": -1}}, [("pids.max", "max")], [("pids.max", "max")]),
    ({"pids": {"limit": 0}}, [("pids.max", "max")], [("pids.max", "max")]),
    (
        {"blockIO": {"weight": 500, "weightDevice": [{"major": 8, "minor": 0, "weight": 10}]}},
        [("blkio.weight", "500"), ("blkio.weight_device", "8:0 10")],
        [("io.bfq.weight", "500"), ("io.bfq.weight", "8:0 10")],
    ),
    (
        {"blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 16, "rate": 99}]}},
        [("blkio.throttle.read_bps_device", "8:16 99")],
        [("io.max", "8:16 rbps=99")],
    ),
    (
        {"hugepageLimits": [{"pageSize": "2MB", "limit": 4}]},
        [("hugetlb.2MB.limit_in_bytes", "4")],
        [("hugetlb.2MB.max", "4")],
    ),
    (
        {"rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 4}}},
        [("rdma.max", "mlx5_1 hca_handle=3 hca_object=4")],
        [("rdma.max", "mlx5_1 hca_handle=3 hca_object=4")],
    ),
    ({"network": {"classID": 7}}, [("net_cls.classid", "7")], []),
]


@pytest.mark.parametrize(("resources", "version_1", "version_2"), CASES)
def test_plans(
    resources: dict[str, Any], version_1: list[tuple[str, str]], version_2: list[tuple[str, str]]
) -> None:
    assert written(settings_v1.plan(resources)) == version_1
    assert written(settings_v2.plan(resources)) == version_2


def test_what_a_version_has_no_file_for() -> None:
    wishes = {
        "memory": {"kernel": 1, "kernelTCP": 1, "swappiness": 0, "disableOOMKiller": True},
        "cpu": {"realtimeRuntime": 1},
        "network": {"classID": 1, "priorities": [{"name": "eth0", "priority": 1}]},
    }
    assert refused(settings_v1.plan(wishes)) == [say.KERNEL_MEMORY]
    assert set(refused(settings_v2.plan(wishes))) == {
        say.KERNEL_MEMORY,
        say.KERNEL_TCP,
        say.SWAPPINESS,
        say.OOM_KILL_DISABLE,
        say.REALTIME,
        say.NETWORK_CLASS,
        say.NETWORK_PRIORITY,
    }


def test_weights_have_a_second_choice() -> None:
    (weight,) = settings_v2.plan({"blockIO": {"weight": 10}})
    assert weight.choices == (("io.bfq.weight", "10"), ("io.weight", "default 1"))
    (weight,) = settings_v1.plan({"blockIO": {"weight": 10}})
    assert weight.choices == (("blkio.weight", "10"), ("blkio.bfq.weight", "10"))


def test_files_named_outright() -> None:
    plan = settings_v2.plan({"unified": {"io.max": "8:0 rbps=1\n8:16 rbps=2", "memory.high": "5"}})
    assert written(plan) == [("io.max", "8:0 rbps=1"), ("io.max", "8:16 rbps=2"), ("memory.high", "5")]
    for name in ("../x.y", "memory", "cgroup.procs", "a/b.c"):
        with pytest.raises(Invalid):
            settings_v2.plan({"unified": {name: "1"}})


def test_files_of_version_2_on_a_machine_of_version_1() -> None:
    with pytest.raises(Invalid, match="version 1"):
        settings_v1.plan({"unified": {"memory.high": "5"}})


def test_swap_below_memory_is_refused() -> None:
    for memory in ({"limit": 100, "swap": 50}, {"swap": 50}):
        with pytest.raises(Invalid, match="memory and swap"):
            settings_v2.plan({"memory": memory})


def test_a_page_size_is_no_path() -> None:
    with pytest.raises(Invalid, match="page size"):
        settings_v1.plan({"hugepageLimits": [{"pageSize": "../2MB", "limit": 4}]})


def test_weights_keep_their_ends_their_default_and_their_order() -> None:
    assert [cpu_weight(shares) for shares in (0, 2, 1024, 262144, 10**9)] == [1, 1, 100, 10000, 10000]
    weights = [cpu_weight(shares) for shares in range(2, 262145, 1001)]
    assert weights == sorted(weights)
    assert [io_weight(weight) for weight in (1, 10, 1000, 5000)] == [1, 1, 10000, 10000]
