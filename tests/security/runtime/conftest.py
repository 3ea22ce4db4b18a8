"""The runtime is tested through a process that launches containers (tests/harness/runtime_lab.py)."""

from tests.harness.runtime_fixture import lab

__all__ = ["lab"]
