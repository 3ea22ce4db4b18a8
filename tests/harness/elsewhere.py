"""The client part on machines that are no Linux, as far as that can be had on one that is.

`program(platform)` is Python text for the start of a process: it says it is on `win32` or `darwin`, and what
that system's Python does not have is gone: modules, functions of `os`, `select.poll`, unix sockets.
"""

from __future__ import annotations

_GONE = {
    "win32": {
        "modules": ["fcntl", "termios", "pwd", "grp", "resource", "tty", "pty", "syslog"],
        "os": [
            *("geteuid", "getuid", "getegid", "getgid", "fork", "pidfd_open", "posix_spawn", "uname"),
            *("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_PATH", "killpg", "setsid", "statvfs", "mkfifo"),
            *("getxattr", "sched_getaffinity", "chown", "lchown", "major", "minor", "readv", "writev"),
        ],
        "select": ["poll", "epoll", "POLLIN", "POLLOUT", "POLLHUP", "POLLERR"],
        "_socket": ["AF_UNIX", "AF_NETLINK", "SO_PEERCRED", "socketpair", "CMSG_LEN", "CMSG_SPACE"],
        "_signal": ["SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGWINCH", "SIGKILL", "SIGPIPE"],
    },
    "darwin": {
        "modules": [],
        "os": ["pidfd_open", "O_PATH", "getxattr", "sched_getaffinity", "setns", "unshare", "memfd_create"],
        "select": ["epoll"],
        "_socket": ["AF_NETLINK", "SO_PEERCRED"],
        "_signal": [],
    },
}


def program(platform: str) -> str:
    """Python text to put before a program's own."""
    gone = _GONE[platform]
    return f"""
import os, select, signal, subprocess, sys, _signal, _socket, importlib.abc
gone = {gone!r}
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in gone["modules"]:
            raise ModuleNotFoundError("No module named " + repr(name) + " on {platform}", name=name)
sys.meta_path.insert(0, Missing())
for name in gone["modules"]:
    sys.modules.pop(name, None)
for module in (os, select, _socket, _signal):
    for name in gone[module.__name__]:
        if hasattr(module, name):
            delattr(module, name)
for name in ("socket", "selectors", "asyncio"):
    sys.modules.pop(name, None)
sys.platform = {platform!r}
"""
