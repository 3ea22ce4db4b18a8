"""A supervisor that replaces a killed one is in the machine's network, as the first one was."""

from __future__ import annotations

import os

import pytest

from tests.harness.engine import EngineUnderTest
from tests.integration.test_faults import kill_supervisor


@pytest.mark.needs("busybox")
def test_the_host_network_is_the_machines_after_the_supervisor_was_replaced(
    own_engine: EngineUnderTest, image: str
) -> None:
    where = ["run", "--rm", "--network", "host", image, "readlink", "/proc/self/ns/net"]
    limits = ["run", "--rm", "--network", "none", image, "sh", "-c", "ulimit -n; umask"]
    assert own_engine.wherry(*where).line == os.readlink("/proc/self/ns/net")
    before = own_engine.wherry(*limits).out
    kill_supervisor(own_engine)
    assert own_engine.wherry(*where).line == os.readlink("/proc/self/ns/net")
    assert own_engine.wherry(*limits).out == before
