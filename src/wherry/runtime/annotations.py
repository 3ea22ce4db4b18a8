"""Annotations of a specification that mean something to this runtime.

In a module of their own, so that whoever writes specifications need not load all that carries them out.
"""

from __future__ import annotations

INIT_ANNOTATION = "wherry.init"
