"""Facts about this machine and about what the engine may do on it, looked up once."""

from __future__ import annotations

import os
from typing import NamedTuple

from .spec.facts import Facts
from .spec.facts import look_up as look_up_facts

_ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "i686": "386",
    "riscv64": "riscv64",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
}


class Machine(NamedTuple):
    """`rootless`: the engine runs in a user namespace of its own."""

    hostname: str
    kernel: str
    uname_machine: str
    architecture: str
    rootless: bool
    facts: Facts
    own_network: bool
    """Whether the engine has a network namespace of its own (rootless)."""


def look_up(*, rootless: bool, own_network: bool) -> Machine:
    """A few system calls."""
    names = os.uname()
    return Machine(
        hostname=names.nodename,
        kernel=names.release,
        uname_machine=names.machine,
        architecture=_ARCHITECTURES.get(names.machine, names.machine),
        rootless=rootless,
        facts=look_up_facts(rootless=rootless),
        own_network=own_network,
    )
