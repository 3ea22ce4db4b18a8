"""The process 1 of `--init`: a static program of some 300 bytes, written by us instruction by instruction.

It starts the container's program as its child, hands every signal it gets on to it, reaps whatever else ends,
and ends as the child ends: with its exit code, or 128 and the signal's number.
"""

from wherry.runtime.tiny_init.program import descriptor, executable

__all__ = ["descriptor", "executable"]
