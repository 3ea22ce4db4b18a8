"""`wherry doctor` on this machine: it runs containers, so nothing may be said to keep it from that."""

from __future__ import annotations

import json
import os

from tests.harness.engine import EngineUnderTest


def test_nothing_keeps_containers_from_running_here(no_engine: EngineUnderTest) -> None:
    found = json.loads(no_engine.wherry("doctor", "--json").out)
    assert {"Kernel", "User", "Limits", "Network", "State", "Engine"} == {entry["area"] for entry in found}
    assert [entry for entry in found if entry["state"] == "lack"] == []
    assert any(entry["what"].startswith(f"Linux {os.uname().release}") for entry in found)
    for entry in found:
        assert bool(entry["means"] or entry["mend"]) == (entry["state"] != "good"), entry
    shown = no_engine.wherry("doctor").out
    assert all(entry["what"] in shown and entry["mend"] in shown for entry in found)
    assert not os.path.exists(no_engine.socket)  # it starts nothing
