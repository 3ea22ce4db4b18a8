"""Seccomp filters, compiled by wherry itself: `compile` a specification's section, `install` the program."""

from wherry.linux.seccomp.compiler import compile  # noqa: A004 - as in re.compile
from wherry.linux.seccomp.program import Program, install

__all__ = ["Program", "compile", "install"]
