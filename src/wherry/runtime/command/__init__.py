"""`wherry-runtime`: the OCI runtime command line, as podman, containerd's shim and people call it."""

from wherry.runtime.command.entry import main

__all__ = ["main"]
