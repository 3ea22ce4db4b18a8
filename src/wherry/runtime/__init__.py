"""An OCI runtime: a specification and a root file system become a confined process."""

from wherry.runtime.failure import RuntimeFailure
from wherry.runtime.launch import INIT_ANNOTATION, Launch, launch, launch_exec

__all__ = ["INIT_ANNOTATION", "Launch", "RuntimeFailure", "launch", "launch_exec"]
