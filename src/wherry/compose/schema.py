"""Which members a compose file may have, and which of them this version refuses."""

from __future__ import annotations

from typing import Any

from wherry.compose.source import Table, place
from wherry.errors import Invalid, Unsupported

TOP = frozenset(("version", "name", "include", "services", "networks", "volumes", "secrets", "configs"))
SERVICE = frozenset(
    (
        *("annotations", "attach", "blkio_config", "build", "cap_add", "cap_drop", "cgroup", "cgroup_parent"),
        *("command", "configs", "container_name", "cpu_count", "cpu_percent", "cpu_period", "cpu_quota"),
        *(
            "cpu_rt_period",
            "cpu_rt_runtime",
            "cpu_shares",
            "cpus",
            "cpuset",
            "depends_on",
            "deploy",
            "develop",
        ),
        *("device_cgroup_rules", "devices", "dns", "dns_opt", "dns_search", "domainname", "entrypoint"),
        *("env_file", "environment", "expose", "extends", "external_links", "extra_hosts", "group_add"),
        *("healthcheck", "hostname", "image", "init", "ipc", "isolation", "labels", "label_file", "links"),
        *("logging", "mac_address", "mem_limit", "mem_reservation", "mem_swappiness", "memswap_limit"),
        *("network_mode", "networks", "oom_kill_disable", "oom_score_adj", "pid", "pids_limit", "platform"),
        *("ports", "privileged", "profiles", "pull_policy", "read_only", "restart", "runtime", "scale"),
        *("secrets", "security_opt", "shm_size", "stdin_open", "stop_grace_period", "stop_signal"),
        *("storage_opt", "sysctls", "tmpfs", "tty", "ulimits", "user", "userns_mode", "uts", "volumes"),
        *("volumes_from", "working_dir"),
    )
)
REFUSED = {
    "blkio_config": "use `wherry run --device-read-bps` meanwhile",
    "credential_spec": "that is for Windows",
    "cpu_count": "that is for Windows; `cpus` limits here",
    "cpu_percent": "that is for Windows; `cpus` limits here",
    "external_links": "put both services on one network, and use `aliases`",
    "gpus": "",
    "isolation": "that is for Windows",
    "label_file": "",
    "models": "",
    "post_start": "",
    "pre_stop": "",
    "provider": "",
    "use_api_socket": "",
}
CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")


def check_top(table: Table) -> None:
    """Raise for members that no compose file has, or that this version refuses."""
    for key in table:
        if key not in TOP and not key.startswith("x-"):
            if key == "models":
                raise Unsupported(f"{place(table, key)}'models' is not supported")
            raise Invalid(f"{place(table, key)}additional property '{key}' is not allowed{_near(key, TOP)}")
    for key in TOP - {"version", "name", "include"}:
        section = table.get(key)
        if section is not None and not isinstance(section, dict):
            raise Invalid(f"{place(table, key)}{key} must be a mapping")
        for name, entry in (section or {}).items():
            if entry is not None and not isinstance(entry, dict):
                raise Invalid(f"{place(section, name)}{key}.{name} must be a mapping")


def check_service(name: str, table: dict[str, Any]) -> None:
    for key in table:
        if key in REFUSED:
            raise Unsupported(
                f"{place(table, key)}services.{name}: '{key}' is not supported", hint=REFUSED[key]
            )
        if key not in SERVICE and not key.startswith("x-"):
            raise Invalid(
                f"{place(table, key)}services.{name}: additional property '{key}' is not allowed"
                f"{_near(key, SERVICE)}"
            )


def _near(key: str, known: frozenset[str]) -> str:
    import difflib

    found = difflib.get_close_matches(key, known, 1)
    return f" (did you mean '{found[0]}'?)" if found else ""
