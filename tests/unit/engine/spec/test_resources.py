"""Docker's limits as those of the specification, and the words for what can't be honoured."""

from __future__ import annotations

import os
from typing import Any

import pytest

from wherry.engine.models import Resources, ThrottleDevice, WeightDevice
from wherry.engine.spec.facts import Facts
from wherry.engine.spec.resources import parse_set, resources, warnings
from wherry.errors import Invalid
from wherry.linux.cgroups.support import Support


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, {}),
        ({"memory": 100}, {"memory": {"limit": 100, "swap": 200}}),
        ({"memory": 100, "memory_swap": -1}, {"memory": {"limit": 100, "swap": -1}}),
        ({"nano_cpus": 1_500_000_000}, {"cpu": {"period": 100_000, "quota": 150_000}}),
        ({"cpu_shares": 2, "cpuset_cpus": "0-1"}, {"cpu": {"shares": 2, "cpus": "0-1"}}),
        ({"pids_limit": 5}, {"pids": {"limit": 5}}),
        ({"pids_limit": 0}, {"pids": {"limit": -1}}),
        ({"pids_limit": -1}, {"pids": {"limit": -1}}),
        ({"memory_swappiness": 0}, {"memory": {"swappiness": 0}}),
        ({"memory_swappiness": -1}, {}),
        ({"oom_kill_disable": True}, {"memory": {"disableOOMKiller": True}}),
        ({"blkio_weight": 10}, {"blockIO": {"weight": 10}}),
    ],
)
def test_translation(limits: dict[str, Any], expected: dict[str, Any]) -> None:
    assert resources(Resources(**limits)) == expected


def test_devices_are_named_by_number() -> None:
    number = os.stat("/dev/null").st_rdev
    device = {"major": os.major(number), "minor": os.minor(number)}
    found = resources(
        Resources(
            blkio_weight_device=[WeightDevice(path="/dev/null", weight=20)],
            blkio_device_read_bps=[ThrottleDevice(path="/dev/null", rate=30)],
            blkio_device_write_iops=[ThrottleDevice(path="/dev/null", rate=40)],
        )
    )
    assert found["blockIO"] == {
        "weightDevice": [{**device, "weight": 20}],
        "throttleReadBpsDevice": [{**device, "rate": 30}],
        "throttleWriteIOPSDevice": [{**device, "rate": 40}],
    }
    with pytest.raises(Invalid, match="no such device"):
        resources(Resources(blkio_device_read_bps=[ThrottleDevice(path="/dev/nowhere", rate=1)]))


EVERYTHING = Resources(
    memory=1 << 30,
    memory_swap=2 << 30,
    memory_reservation=1 << 20,
    memory_swappiness=5,
    oom_kill_disable=True,
    pids_limit=5,
    cpu_shares=5,
    nano_cpus=10**9,
    cpuset_cpus="0",
    blkio_weight=10,
    blkio_device_read_bps=[ThrottleDevice(path="/dev/null", rate=1)],
)


def test_a_machine_that_can_gives_no_warning(facts: Facts) -> None:
    assert warnings(EVERYTHING, facts.limits) == []


def test_a_machine_that_cannot_says_each(facts: Facts) -> None:
    said = warnings(EVERYTHING, Support())
    lacking = "Your kernel does not support memory limit capabilities or the cgroup is not mounted."
    assert f"{lacking} Limitation discarded." in said
    assert any("OomKillDisable discarded" in words for words in said)
    assert any("PIDs limit discarded" in words for words in said)
    assert any("Cpuset discarded" in words for words in said)
    assert any("BPS read limit discarded" in words for words in said)
    # no swap limit needs to be mentioned where there is none of memory
    assert not any("without swap" in words for words in said)
    assert any("without swap" in words for words in warnings(EVERYTHING, facts.limits._replace(swap=False)))


def test_no_limit_is_no_wish() -> None:
    assert warnings(Resources(pids_limit=-1, memory_swappiness=-1), Support()) == []


def test_oom_without_a_limit_is_dangerous(facts: Facts) -> None:
    (said,) = warnings(Resources(oom_kill_disable=True), facts.limits)
    assert "running out of resources" in said


def test_processors_that_are_not_there(facts: Facts) -> None:
    with pytest.raises(Invalid, match="Requested CPUs are not available - requested 3-5, available: 0-3"):
        warnings(Resources(cpuset_cpus="3-5"), facts.limits)
    with pytest.raises(Invalid, match="Requested memory nodes are not available"):
        warnings(Resources(cpuset_mems="1"), facts.limits)
    with pytest.raises(Invalid, match="Invalid value 1-x for cpuset cpus"):
        warnings(Resources(cpuset_cpus="1-x"), facts.limits)


def test_sets() -> None:
    assert parse_set("0-2,5") == {0, 1, 2, 5}
    for wrong in ("", "a", "2-1", "1-", "0-99999999999"):
        assert parse_set(wrong) is None
