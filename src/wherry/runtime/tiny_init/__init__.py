"""The process 1 of `--init`: a static program of some 350 bytes, written by us instruction by instruction.

It starts the container's program as its child, hands every signal it gets on to it, reaps whatever else ends,
and ends as the child ends: with its exit code, or 128 and the signal's number.
"""

from wherry.runtime.tiny_init.program import NAME, descriptor, executable

__all__ = ["NAME", "descriptor", "executable"]
