"""A stop without any grace: a container that ends at its signal in the same moment is no failure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import wherry
from tests.harness.engine import EngineUnderTest


def test_stops_without_grace_succeed(engine: EngineUnderTest, image: str) -> None:
    with wherry.Engine(engine.docker_host) as api:

        def stopped(_: int) -> int | None:
            with api.run(image, "sleep 60", init=True, network="none") as container:
                container.stop(timeout=0)
                return container.exit_code

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(stopped, range(48))) <= {143, 137}
