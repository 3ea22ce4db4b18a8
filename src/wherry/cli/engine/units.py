"""Units for systemd, for those who want the engine at a fixed place: of the system, or of a user.

`install` writes and enables them as `systemctl enable` would, which also works where no systemd runs yet: in
an image that is being made, in a chroot.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SOCKET, SERVICE = "wherry.socket", "wherry.service"
_MADE_BY = "# Made by `wherry engine install`, which writes it anew; changes belong in a drop-in.\n"


def socket_unit(path: str = "%t/wherry/wherry.sock") -> str:
    """`wherry.socket`, alike for the system and for a user: the first client starts the engine."""
    return f"""{_MADE_BY}[Unit]
Description=wherry, a container engine: its API socket

[Socket]
ListenStream={path}
SocketMode=0600
DirectoryMode=0700

[Install]
WantedBy=sockets.target
"""


def service_unit(command: str, *, user: bool, environment: Mapping[str, str] | None = None) -> str:
    """`wherry.service`. Stopping it leaves containers running: the supervisor is no part of what is killed.

    `command` starts the engine, in systemd's quoting. It is started at boot too, so that containers with a
    restart policy come back.
    """
    after = "" if user else "After=network.target\n"
    # An ordinary user may not ask for a lower score than its own.
    precedence = "" if user else "OOMScoreAdjust=-500\n"
    settings = "".join(f'Environment="{name}={value}"\n' for name, value in (environment or {}).items())
    # Delegate: the engine divides its own cgroup. KillMode: the supervisor and the containers go on.
    return f"""{_MADE_BY}[Unit]
Description=wherry, a container engine
Requires={SOCKET}
{after}
[Service]
Type=exec
ExecStart={command}
{settings}KillMode=process
Delegate=yes
Restart=on-failure
LimitNOFILE=1048576
TasksMax=infinity
{precedence}
[Install]
WantedBy={_boot_target(user)}
Also={SOCKET}
"""


def folder(*, user: bool) -> str:
    """Where units of the administrator, or of this user, belong."""
    if not user:
        return "/etc/systemd/system"
    settings = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(settings, "systemd", "user")


def install(place: str, texts: Mapping[str, str], *, user: bool) -> list[str]:
    """Write the units below `place` and enable them; the paths written. Repeatable. Raises OSError."""
    written = []
    os.makedirs(place, exist_ok=True)
    for name, text in texts.items():
        path = os.path.join(place, name)
        with open(f"{path}.new", "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        os.replace(f"{path}.new", path)
        written.append(path)
    for link, name in _links(place, user=user):
        os.makedirs(os.path.dirname(link), exist_ok=True)
        if not os.path.islink(link):
            os.symlink(os.path.join(place, name), link)
    return written


def uninstall(place: str, *, user: bool) -> list[str]:
    """Remove what `install` made; the paths that were there. Drop-ins stay. Raises OSError."""
    removed = []
    paths = [link for link, _ in _links(place, user=user)]
    for path in (*paths, *(os.path.join(place, name) for name in (SERVICE, SOCKET))):
        if os.path.lexists(path):
            os.unlink(path)
            removed.append(path)
    return removed


def _links(place: str, *, user: bool) -> list[tuple[str, str]]:
    return [
        (os.path.join(place, "sockets.target.wants", SOCKET), SOCKET),
        (os.path.join(place, f"{_boot_target(user)}.wants", SERVICE), SERVICE),
    ]


def _boot_target(user: bool) -> str:
    return "default.target" if user else "multi-user.target"
