"""What is read: mount tables and counters, from files as kernels write them."""

from __future__ import annotations

from pathlib import Path

from wherry.linux.cgroups import stats_v1, stats_v2
from wherry.linux.cgroups.hierarchies import parse
from wherry.linux.cgroups.home import Home

HYBRID = """\
25 1 0:23 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755
26 25 0:24 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw,nsdelegate
27 25 0:25 / /sys/fs/cgroup/systemd rw,nosuid - cgroup cgroup rw,xattr,name=systemd
28 25 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct
29 25 0:27 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory
30 25 0:27 /docker/1 /elsewhere rw,nosuid - cgroup cgroup rw,memory
31 25 0:28 / /sys/fs/cgroup/net_cls rw,nosuid - cgroup cgroup rw,net_cls
"""


def test_a_hybrid_machine() -> None:
    found = parse(HYBRID)
    assert found.unified == "/sys/fs/cgroup/unified"
    assert found.version == 1
    assert found.legacy == {
        "cpu": "/sys/fs/cgroup/cpu,cpuacct",
        "cpuacct": "/sys/fs/cgroup/cpu,cpuacct",
        "memory": "/sys/fs/cgroup/memory",
        "net_cls": "/sys/fs/cgroup/net_cls",
    }


def test_a_unified_machine_and_one_without() -> None:
    found = parse("26 25 0:24 / /sys/fs/cgroup\\0402 rw - cgroup2 cgroup2 rw\n")
    assert (found.unified, found.version) == ("/sys/fs/cgroup 2", 2)
    assert parse("1 1 0:1 / / rw - ext4 /dev/vda rw\n").version == 0


def test_a_home_is_where_relative_paths_begin() -> None:
    assert Home("user.slice/x.scope").place("wherry/1") == "user.slice/x.scope/wherry/1"
    assert Home("user.slice/x.scope").place("/wherry/1") == "wherry/1"
    assert Home("").place("wherry/1") == "wherry/1"


def test_counters_of_version_2(tmp_path: Path) -> None:
    for name, text in {
        "cpu.stat": "usage_usec 30\nuser_usec 20\nsystem_usec 10\n"
        "nr_periods 4\nnr_throttled 3\nthrottled_usec 2\n",
        "memory.current": "4096\n",
        "memory.max": "max\n",
        "memory.peak": "8192\n",
        "memory.events": "low 0\nmax 7\noom_kill 1\n",
        "memory.stat": "anon 1\ninactive_file 2\n",
        "pids.current": "5\n",
        "pids.max": "max\n",
        "io.stat": "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n",
    }.items():
        (tmp_path / name).write_text(text)
    assert stats_v2.stats(str(tmp_path)) == {
        "cpu_stats": {
            "cpu_usage": {"total_usage": 30000, "usage_in_kernelmode": 10000, "usage_in_usermode": 20000},
            "throttling_data": {"periods": 4, "throttled_periods": 3, "throttled_time": 2000},
        },
        "memory_stats": {
            "usage": 4096,
            "max_usage": 8192,
            "failcnt": 7,
            "stats": {"anon": 1, "inactive_file": 2},
        },
        "pids_stats": {"current": 5},
        "blkio_stats": {
            "io_service_bytes_recursive": [
                {"major": 8, "minor": 0, "value": 1, "op": "read"},
                {"major": 8, "minor": 0, "value": 2, "op": "write"},
            ],
            "io_serviced_recursive": [
                {"major": 8, "minor": 0, "value": 3, "op": "read"},
                {"major": 8, "minor": 0, "value": 4, "op": "write"},
            ],
        },
    }


def test_controllers_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "cpu.stat").write_text("usage_usec 1\nuser_usec 1\nsystem_usec 0\n")
    assert list(stats_v2.stats(str(tmp_path))) == ["cpu_stats"]
    assert stats_v1.stats({}) == {"cpu_stats": {}}


def test_blocks_of_version_1(tmp_path: Path) -> None:
    counted = "8:0 Read 5\n8:0 Write 6\n8:0 Total 11\nTotal 11\n"
    (tmp_path / "blkio.throttle.io_service_bytes_recursive").write_text(counted)
    found = stats_v1.stats({"blkio": str(tmp_path)})["blkio_stats"]["io_service_bytes_recursive"]
    assert [(entry["op"], entry["value"]) for entry in found] == [("Read", 5), ("Write", 6), ("Total", 11)]
