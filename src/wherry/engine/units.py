"""Units for systemd, for those who want the engine at a fixed place: socket-activated, of the system
or a user."""

from __future__ import annotations

import sys


def socket_unit() -> str:
    """`wherry.socket`, alike for the system and for a user: the first client starts the engine."""
    return """[Unit]
Description=wherry, a container engine: its API socket
Documentation=man:systemd.socket(5)

[Socket]
ListenStream=%t/wherry/wherry.sock
SocketMode=0600
DirectoryMode=0700

[Install]
WantedBy=sockets.target
"""


def service_unit(*, user: bool, python: str = sys.executable) -> str:
    """`wherry.service`. Stopping it leaves containers running: the supervisor is no part of what is
    killed."""
    after = "" if user else "After=network.target\n"
    # An ordinary user may not ask for a lower score than its own.
    precedence = "" if user else "OOMScoreAdjust=-500\n"
    # Delegate: the engine divides its own cgroup. KillMode: the supervisor and the containers go on.
    return f"""[Unit]
Description=wherry, a container engine
Requires=wherry.socket
{after}
[Service]
Type=exec
ExecStart={python} -m wherry.engine --socket fd:// --idle-after 0
KillMode=process
Delegate=yes
Restart=on-failure
LimitNOFILE=1048576
TasksMax=infinity
{precedence}
[Install]
WantedBy={"default.target" if user else "multi-user.target"}
"""
