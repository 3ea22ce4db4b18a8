"""Where state lives on disk.

Real root: `/var/lib/wherry` and `/run/wherry`; anyone else `$XDG_DATA_HOME/wherry` and
`$XDG_RUNTIME_DIR/wherry`. `WHERRY_HOME` moves both below one directory (tests use it). Standard library
only and no third-party import: the command line's start path passes through here.
"""

from __future__ import annotations

import os


def state_dir() -> str:
    """The directory of what survives a reboot: blobs, layers, containers, volumes, the database."""
    home = os.environ.get("WHERRY_HOME")
    if home:
        return os.path.join(os.path.abspath(home), "state")
    if _user() == 0:
        return "/var/lib/wherry"
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(data, "wherry")


def run_dir() -> str:
    """The directory of what a reboot clears: sockets, FIFOs, locks, pid files."""
    home = os.environ.get("WHERRY_HOME")
    if home:
        return os.path.join(os.path.abspath(home), "run")
    if _user() == 0:
        return "/run/wherry"
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK):
        return os.path.join(runtime, "wherry")
    return f"/tmp/wherry-{_user()}"  # made 0700 and its owner checked by whoever creates it


def _user() -> int:
    """The user's number; Windows, where only the client part runs, has none."""
    return os.geteuid() if hasattr(os, "geteuid") else -1


def api_socket() -> str:
    """The engine's Docker Engine API socket."""
    return os.path.join(run_dir(), "wherry.sock")


def supervisor_socket() -> str:
    """The supervisor's control socket."""
    return os.path.join(run_dir(), "supervisor.sock")
