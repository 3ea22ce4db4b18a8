"""Identifiers of containers and execs: 64 hexadecimal digits, shown as the first 12."""

from __future__ import annotations

import os


def new_id() -> str:
    """A fresh random id whose short form is not a plain number (a host name of digits confuses resolvers)."""
    while True:
        identifier = os.urandom(32).hex()
        if not identifier[:12].isdigit():
            return identifier


def short(identifier: str) -> str:
    """The first 12 digits, without an algorithm in front."""
    return identifier.removeprefix("sha256:")[:12]
