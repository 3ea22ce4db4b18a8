"""An engine that was killed with a bridge and nobody in it: the next one takes it away when it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.engine import EngineUnderTest
from tests.harness.leaks_network import interfaces_named_after, network_traces
from tests.integration.test_faults import kill_supervisor


@pytest.mark.needs("root")
@pytest.mark.parametrize("both", [False, True], ids=["engine", "engine and supervisor"])
def test_an_empty_bridge_of_a_killed_engine_goes(own_engine: EngineUnderTest, image: str, both: bool) -> None:
    own_engine.wherry("run", "--rm", image, "true")
    names = interfaces_named_after(own_engine.home)
    assert network_traces(own_engine.home, names), "the bridge stays while the engine does"
    own_engine.kill()
    if both:
        kill_supervisor(own_engine)
    own_engine.start()
    own_engine.stop()
    assert network_traces(own_engine.home, names) == []
    assert not Path(own_engine.home / "run" / "networks").exists()
