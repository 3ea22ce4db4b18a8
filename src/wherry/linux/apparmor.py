"""AppArmor: whether the kernel has it, and loading a profile (apparmor(7)).

The kernel takes compiled policy only, so loading needs `apparmor_parser`, which machines with AppArmor have.
Confining a process needs nothing of it: that is one write before exec, and the runtime's business.
"""

from __future__ import annotations

import os

from wherry.errors import Unavailable, Unsupported

_PARSERS = ("/usr/sbin/apparmor_parser", "/sbin/apparmor_parser", "/usr/bin/apparmor_parser")
_POLICY = "/sys/kernel/security/apparmor"


def enabled() -> bool:
    """Whether the running kernel has AppArmor switched on."""
    try:
        with open("/sys/module/apparmor/parameters/enabled", encoding="ascii") as file:
            return file.read(1) == "Y"
    except OSError:
        return False


def loaded(name: str) -> bool:
    """Whether a profile of that name is loaded. False where the list may not be read (not root)."""
    try:
        with open(f"{_POLICY}/profiles", encoding="utf-8") as file:
            return any(line.rpartition(" (")[0] == name for line in file)
    except OSError:
        return False


def parser() -> str:
    """The path of the policy compiler, "" without one."""
    for path in _PARSERS:
        if os.access(path, os.X_OK):
            return path
    return ""


def load(text: str) -> None:
    """Compile and load the profiles in `text`, in place of those of the same names. Blocks for some 0.1 s.

    Raises Unsupported without AppArmor or without its parser, Unavailable with the parser's own words.
    """
    if not enabled():
        raise Unsupported("this kernel has no AppArmor")
    path = parser()
    if not path:
        raise Unsupported("apparmor_parser is missing", hint="apt-get install apparmor")
    source, feed = os.pipe()
    said, words = os.pipe()
    actions = [
        (os.POSIX_SPAWN_DUP2, source, 0),
        (os.POSIX_SPAWN_DUP2, words, 1),
        (os.POSIX_SPAWN_DUP2, words, 2),
    ]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    pid = os.posix_spawn(path, [path, "--replace", "--skip-cache"], environment, file_actions=actions)
    os.close(source)
    os.close(words)
    try:
        with open(feed, "w", encoding="utf-8") as pipe:
            pipe.write(text)
    except BrokenPipeError:
        pass  # its words and status tell why
    with open(said, encoding="utf-8", errors="replace") as pipe:
        answer = pipe.read().strip()
    _, status = os.waitpid(pid, 0)
    if status:
        raise Unavailable(f"AppArmor profile can't be loaded: {answer or f'exit status {status >> 8}'}")
