"""An OCI runtime: a specification and a root file system become a confined process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wherry.runtime.annotations import INIT_ANNOTATION
    from wherry.runtime.failure import RuntimeFailure
    from wherry.runtime.launcher import Launch, launch, launch_exec

__all__ = ["INIT_ANNOTATION", "Launch", "RuntimeFailure", "launch", "launch_exec"]


def __getattr__(name: str) -> Any:
    """Load on first use: the command line comes through here before it knows whether it launches."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from wherry.runtime import failure, launcher

    home = failure if name == "RuntimeFailure" else launcher
    globals()[name] = value = getattr(home, name)
    return value
