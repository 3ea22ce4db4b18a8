"""Names of kernel parameters."""

from __future__ import annotations

import pytest

from wherry.runtime.sysctls import namespace_of, path_of


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("net.ipv4.ip_forward", "sys/net/ipv4/ip_forward"),
        ("net/ipv4/conf/eth0.1/rp_filter", "sys/net/ipv4/conf/eth0.1/rp_filter"),
        ("net.ipv4.conf.eth0/1.rp_filter", "sys/net/ipv4/conf/eth0.1/rp_filter"),
        ("kernel.msgmax", "sys/kernel/msgmax"),
    ],
)
def test_paths(name: str, path: str) -> None:
    assert path_of(name) == path


@pytest.mark.parametrize(
    ("name", "namespace"),
    [
        ("net.core.somaxconn", "network"),
        ("kernel.shmmax", "ipc"),
        ("fs.mqueue.msg_max", "ipc"),
        ("kernel.domainname", "uts"),
        ("vm.swappiness", None),
        ("kernel.panic", None),
    ],
)
def test_namespaces(name: str, namespace: str | None) -> None:
    assert namespace_of(name) == namespace
