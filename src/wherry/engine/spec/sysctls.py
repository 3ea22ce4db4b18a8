"""`--sysctl`: only what belongs to a namespace of the container's own (sysctl(5), namespaces(7))."""

from __future__ import annotations

from wherry.engine.models import HostConfig
from wherry.engine.spec import modes
from wherry.errors import Invalid
from wherry.runtime.sysctls import namespace_of

_MODES = {"ipc": "ipc_mode", "network": "network_mode", "uts": "uts_mode"}


def check(host: HostConfig) -> dict[str, str]:
    """The user's settings. Raises Invalid for those that would change more than the container."""
    for name in host.sysctls or {}:
        kind = namespace_of(name)
        if kind is None:
            raise Invalid(f'sysctl "{name}" is not in a separate kernel namespace')
        mode = modes.parse(kind, getattr(host, _MODES[kind]))
        if mode.host:
            raise Invalid(f'sysctl "{name}" not allowed in host {kind} namespace')
        if mode.container:
            raise Invalid(f'sysctl "{name}" not allowed in the {kind} namespace of another container')
    return dict(host.sysctls or {})
