"""The network: what carries containers' traffic outside, and the kernel's packet filter."""

from __future__ import annotations

import _socket
import os
import shutil
import stat

from wherry.cli.doctor.finding import LACK, NOTE, Finding

_AREA = "Network"
_TUN = "/dev/net/tun"
_NETFILTER = 12  # NETLINK_NETFILTER


def check_network(root: bool) -> list[Finding]:
    """Packet filter, and without root a helper and the tunnel device that it needs."""
    found = [_filter()]
    if root:
        return found
    helper = shutil.which("pasta") or shutil.which("slirp4netns")
    if helper is None:
        found.append(
            Finding(
                _AREA,
                "neither pasta nor slirp4netns",
                NOTE,
                "containers reach each other, and published ports work, but nothing goes out to the world",
                "sudo apt-get install passt   (dnf, pacman, apk: passt as well)",
            )
        )
        return found
    found.append(Finding(_AREA, f"{os.path.basename(helper)} carries traffic outside"))
    found.append(_tunnel())
    return found


def _filter() -> Finding:
    try:
        _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW, _NETFILTER).close()
        return Finding(_AREA, "packet filter (nf_tables)")
    except OSError:
        pass
    if shutil.which("iptables"):
        return Finding(_AREA, "packet filter (iptables)")
    return Finding(
        _AREA,
        "no packet filter",
        NOTE,
        "networks can't be kept apart, and ports can't be published",
        "sudo modprobe nf_tables && echo nf_tables | sudo tee /etc/modules-load.d/nf_tables.conf",
    )


def _tunnel() -> Finding:
    try:
        status = os.stat(_TUN)
    except OSError:
        return Finding(_AREA, f"no {_TUN}", NOTE, "nothing goes out to the world", "sudo modprobe tun")
    if not stat.S_ISCHR(status.st_mode):
        return Finding(_AREA, f"{_TUN} is no device", LACK, "something else has taken its place")
    if not os.access(_TUN, os.R_OK | os.W_OK):
        return Finding(
            _AREA,
            f"{_TUN} is closed to you (mode {stat.S_IMODE(status.st_mode):04o})",
            NOTE,
            "nothing goes out to the world",
            f"sudo chmod 0666 {_TUN}   (udev does this on a usual system)",
        )
    return Finding(_AREA, _TUN)
