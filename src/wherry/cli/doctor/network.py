"""The network: what carries containers' traffic outside, and the kernel's packet filter."""

from __future__ import annotations

import os
import stat

from wherry.cli.doctor import mends
from wherry.cli.doctor.finding import LACK, NOTE, Finding
from wherry.cli.doctor.machine import Machine

_AREA = "Network"
_TUN = "/dev/net/tun"
_KEPT_IN = "nothing goes out to the world"


def check_network(machine: Machine) -> list[Finding]:
    """Packet filter, and without root a helper and the tunnel device that it needs."""
    found = [_filter(machine)]
    if machine.root:
        return found
    helper = machine.which("pasta") or machine.which("slirp4netns")
    if helper is None:
        found.append(
            Finding(
                _AREA,
                "neither pasta nor slirp4netns",
                NOTE,
                f"containers reach each other, and published ports work, but {_KEPT_IN}",
                mends.install(machine, "pasta"),
            )
        )
        return found
    return [*found, Finding(_AREA, f"{os.path.basename(helper)} carries traffic outside"), _tunnel(machine)]


def _filter(machine: Machine) -> Finding:
    if machine.packet_filter_works():
        return Finding(_AREA, "packet filter (nf_tables)")
    means = "networks can't be kept apart, and ports can't be published"
    return Finding(_AREA, "no packet filter", NOTE, means, mends.load_module(machine, "nf_tables"))


def _tunnel(machine: Machine) -> Finding:
    try:
        status = os.stat(machine.path(_TUN))
    except OSError:
        return Finding(_AREA, f"no {_TUN}", NOTE, _KEPT_IN, mends.load_module(machine, "tun"))
    if not stat.S_ISCHR(status.st_mode):
        mend = f"{mends.as_root(machine)}rm {_TUN} && {mends.load_module(machine, 'tun')}"
        return Finding(_AREA, f"{_TUN} is no device", LACK, "something else has taken its place", mend)
    if not os.access(machine.path(_TUN), os.R_OK | os.W_OK):
        return Finding(
            _AREA,
            f"{_TUN} is closed to you (mode {stat.S_IMODE(status.st_mode):04o})",
            NOTE,
            _KEPT_IN,
            f"{mends.as_root(machine)}chmod 0666 {_TUN}   (udev does this on a usual system)",
        )
    return Finding(_AREA, _TUN)
