"""A machine and containers to translate, as plain values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wherry.engine.models import ContainerConfig, HostConfig
from wherry.engine.spec import userns
from wherry.engine.spec.facts import Facts
from wherry.engine.spec.process import User
from wherry.engine.spec.translate import Translation, Wish, translate
from wherry.linux.capabilities import NAMES
from wherry.linux.cgroups.support import Support

ALL = (1 << len(NAMES)) - 1


@pytest.fixture
def facts() -> Facts:
    """A root engine on a machine that can do everything but confine with AppArmor."""
    able = {name: True for name, default in Support()._asdict().items() if default is False}
    return Facts(
        machine="x86_64",
        kernel=(6, 12),
        rootless=False,
        ids=2**32 - 1,
        capabilities=ALL,
        known_capabilities=ALL,
        apparmor=False,
        cgroup_version=2,
        limits=Support()._replace(**able, cpus="0-3", mems="0"),
        first_open_port=1024,
        most_processes=4000,
        oom_score=0,
        hidden_sysctls=lambda names: frozenset(name for name in names if name.startswith("net.core.")),
    )


@pytest.fixture
def translated(facts: Facts) -> Callable[..., Translation]:
    """Translate a host configuration; `facts`, `config` and fields of the wish may be given."""

    def build(
        machine: Facts = facts,
        config: ContainerConfig | None = None,
        others: dict[str, str] | None = None,
        user: User = User(0, 0, ()),  # noqa: B008
        wish: dict[str, Any] | None = None,
        **host: Any,
    ) -> Translation:
        config = config or ContainerConfig(hostname="box")
        configured = HostConfig(**host)
        decision = userns.decide(config, configured, machine, others)
        return translate(
            Wish(
                config=config,
                host=configured,
                decision=decision,
                arguments=["true"],
                environment=[],
                user=user,
                cgroup="wherry/1",
                first_id=0x70000000 if decision.kind == userns.OWN else -1,
                **(wish or {}),
            ),
            machine,
        )

    return build
