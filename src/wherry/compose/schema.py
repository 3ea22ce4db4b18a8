"""Which members a compose file may have, and which of them this version refuses or has no use for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wherry.compose.source import Override, Reset, Table, place
from wherry.errors import Invalid, Unsupported

TOP = frozenset(("version", "name", "include", "services", "networks", "volumes", "secrets", "configs"))
SERVICE = frozenset(
    (
        *("annotations", "attach", "blkio_config", "build", "cap_add", "cap_drop", "cgroup", "cgroup_parent"),
        *("command", "configs", "container_name", "cpu_period", "cpu_quota", "cpu_rt_period"),
        *("cpu_rt_runtime", "cpu_shares", "cpus", "cpuset", "depends_on", "deploy", "develop"),
        *("device_cgroup_rules", "devices", "dns", "dns_opt", "dns_search", "domainname", "entrypoint"),
        *("env_file", "environment", "expose", "extends", "external_links", "extra_hosts", "group_add"),
        *("healthcheck", "hostname", "image", "init", "ipc", "labels", "label_file", "links", "logging"),
        *("mac_address", "mem_limit", "mem_reservation", "mem_swappiness", "memswap_limit", "network_mode"),
        *("networks", "oom_kill_disable", "oom_score_adj", "pid", "pids_limit", "platform", "ports"),
        *("post_start", "pre_stop", "privileged", "profiles", "pull_policy", "pull_refresh_after"),
        *("read_only", "restart", "runtime", "scale", "secrets", "security_opt", "shm_size", "stdin_open"),
        *("stop_grace_period", "stop_signal", "storage_opt", "sysctls", "tmpfs", "tty", "ulimits", "user"),
        *("userns_mode", "uts", "volumes", "volumes_from", "working_dir"),
    )
)
REFUSED = {
    "credential_spec": "that is for Windows",
    "cpu_count": "that is for Windows; `cpus` limits here",
    "cpu_percent": "that is for Windows; `cpus` limits here",
    "gpus": "`devices` hands single devices in",
    "isolation": "that is for Windows",
    "models": "a service that serves the model does the same",
    "provider": "what it would set up has to be there; `external: true` names it",
    "use_api_socket": "mount the socket as a volume",
}
_DEVICES = {"capabilities", "count", "device_ids", "driver", "options"}
_HOOK = {"command", "user", "privileged", "working_dir", "environment"}
_LIMITS = {"cpus", "memory", "pids", "devices", "generic_resources"}
_UPDATE = {"parallelism", "delay", "failure_action", "monitor", "max_failure_ratio", "order"}
_RATES = {"path": None, "rate": None}
# The members of mappings inside a service: a set, or a mapping to what is inside in turn.
Inside = dict[str, Any] | set[str]
_INSIDE: dict[str, Inside] = {
    "blkio_config": {
        "weight": None,
        "weight_device": {"path", "weight"},
        **dict.fromkeys(
            ("device_read_bps", "device_read_iops", "device_write_bps", "device_write_iops"), _RATES
        ),
    },
    "build": {
        *(
            "context",
            "dockerfile",
            "dockerfile_inline",
            "entitlements",
            "args",
            "ssh",
            "labels",
            "cache_from",
        ),
        *("cache_to", "no_cache", "additional_contexts", "network", "provenance", "sbom", "pull", "target"),
        *("shm_size", "extra_hosts", "isolation", "privileged", "secrets", "tags", "ulimits", "platforms"),
    },
    "configs": {"source", "target", "uid", "gid", "mode"},
    "deploy": {
        **dict.fromkeys(("mode", "endpoint_mode", "replicas", "labels")),
        "rollback_config": _UPDATE,
        "update_config": _UPDATE,
        "resources": {
            "limits": {"cpus", "memory", "pids"},
            "reservations": {**dict.fromkeys(_LIMITS), "devices": _DEVICES},
        },
        "restart_policy": {"condition", "delay", "max_attempts", "window"},
        "placement": {"constraints", "preferences", "max_replicas_per_node"},
    },
    "develop": {
        "watch": {
            **dict.fromkeys(("ignore", "include", "path", "action", "target", "initial_sync")),
            "exec": _HOOK,
        }
    },
    "devices": {"source", "target", "permissions"},
    "env_file": {"path", "required", "format"},
    "extends": {"service", "file"},
    "healthcheck": {"disable", "interval", "retries", "test", "timeout", "start_period", "start_interval"},
    "logging": {"driver", "options"},
    "ports": {"name", "mode", "host_ip", "target", "published", "protocol", "app_protocol"},
    "post_start": _HOOK,
    "pre_stop": _HOOK,
    "secrets": {"source", "target", "uid", "gid", "mode"},
    "volumes": {
        **dict.fromkeys(("type", "source", "target", "read_only", "consistency")),
        "bind": {"propagation", "create_host_path", "recursive", "selinux"},
        "volume": {"labels", "nocopy", "subpath"},
        "tmpfs": {"size", "mode"},
        "image": {"subpath"},
    },
}
_FORMS = {
    "a mapping": ("blkio_config", "deploy", "develop", "healthcheck", "logging", "storage_opt", "ulimits"),
    "a list": (
        *("cap_add", "cap_drop", "configs", "device_cgroup_rules", "devices", "expose", "external_links"),
        *("group_add", "links", "ports", "post_start", "pre_stop", "profiles", "secrets", "security_opt"),
        *("volumes", "volumes_from"),
    ),
    "a list or a mapping": (
        *("annotations", "depends_on", "environment", "extra_hosts", "labels", "networks", "sysctls"),
    ),
    "a text or a list": (
        *("command", "dns", "dns_opt", "dns_search", "entrypoint", "env_file", "label_file", "tmpfs"),
    ),
    "a text or a mapping": ("build", "extends"),
}
_FORM_OF = {name: form for form, names in _FORMS.items() for name in names}
# Mappings whose keys are names that the file chooses.
_NAMED: dict[str, Inside] = {
    "depends_on": {"condition", "required", "restart"},
    "networks": {
        *("aliases", "ipv4_address", "ipv6_address", "link_local_ips", "mac_address", "driver_opts"),
        *("priority", "gw_priority", "interface_name"),
    },
    "ulimits": {"soft", "hard"},
}
_RESOURCES: dict[str, Inside] = {
    "networks": {
        **dict.fromkeys(("name", "driver", "driver_opts", "external", "internal", "enable_ipv4")),
        **dict.fromkeys(("enable_ipv6", "attachable", "labels")),
        "ipam": {
            "driver": None,
            "options": None,
            "config": {"subnet", "ip_range", "gateway", "aux_addresses"},
        },
    },
    "volumes": {"name", "driver", "driver_opts", "external", "labels"},
    "secrets": {
        *("name", "environment", "file", "external", "labels", "driver", "driver_opts", "template_driver"),
        "content",
    },
    "configs": {"name", "content", "environment", "file", "external", "labels", "template_driver"},
}
# What Docker Compose accepts and swarms alone use: allowed, and told of.
_FOR_SWARMS = ("update_config", "rollback_config", "placement", "endpoint_mode", "labels")
CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")


def check_top(table: Table) -> None:
    """Raise for members that no compose file has, or that this version refuses."""
    for key in table:
        if key not in TOP and not key.startswith("x-"):
            if key == "models":
                raise Unsupported(f"{place(table, key)}'models' is not supported", hint=REFUSED["models"])
            raise Invalid(f"{place(table, key)}additional property '{key}' is not allowed{_near(key, TOP)}")
    if table.get("name") is not None and not isinstance(table["name"], str):
        raise Invalid(f"{place(table, 'name')}name must be a string")
    included = table.get("include") or []
    if not isinstance(included, list) or not all(_names_files(entry) for entry in included):
        raise Invalid(f"{place(table, 'include')}include must be a list of files, or of mappings with path")
    for key in TOP - {"version", "name", "include"}:
        section = table.get(key)
        if isinstance(section, (Reset, Override)):
            continue
        if section is not None and not isinstance(section, dict):
            raise Invalid(f"{place(table, key)}{key} must be a mapping")
        for name, entry in (section or {}).items():
            if isinstance(entry, (Reset, Override)):
                continue
            if entry is not None and not isinstance(entry, dict):
                raise Invalid(f"{place(section, name)}{key}.{name} must be a mapping")
            if key in _RESOURCES and entry:
                _check(entry, _RESOURCES[key], f"{key}.{name}", section, name)


def check_service(name: str, table: dict[str, Any]) -> None:
    """Raise for members, also inside of others, that no service has, or that this version refuses."""
    for key, value in table.items():
        if key in REFUSED:
            raise Unsupported(
                f"{place(table, key)}services.{name}: '{key}' is not supported", hint=REFUSED[key]
            )
        if key not in SERVICE and not key.startswith("x-"):
            raise Invalid(
                f"{place(table, key)}services.{name}: additional property '{key}' is not allowed"
                f"{_near(key, SERVICE)}"
            )
        where = f"services.{name}.{key}"
        form = _FORM_OF.get(key, "a text")
        plain = value.value if isinstance(value, Override) else value
        if plain is not None and not isinstance(plain, Reset) and _kind(plain) not in form:
            raise Invalid(f"{place(table, key)}{where} must be {form}")
        if key in _INSIDE:
            _check(value, _INSIDE[key], where, table, key)
        elif key in _NAMED and isinstance(value, dict):
            for inner, entry in value.items():
                if key != "ulimits" and not isinstance(entry, (dict, Reset, Override, type(None))):
                    raise Invalid(f"{place(value, inner)}{where}.{inner} must be a mapping")
                _check(entry, _NAMED[key], f"{where}.{inner}", value, inner)


def _names_files(entry: Any) -> bool:
    if isinstance(entry, dict):
        paths = entry.get("path")
        listed = paths if isinstance(paths, list) else [paths]
        return bool(listed) and all(isinstance(path, str) and path for path in listed)
    return isinstance(entry, str) and bool(entry)


def _kind(value: Any) -> str:
    return "mapping" if isinstance(value, dict) else "list" if isinstance(value, list) else "text"


def without_effect(fields: dict[str, Any]) -> list[str]:
    """Members of a service that are allowed but mean nothing outside of a swarm."""
    deploy = fields.get("deploy") or {}
    found = [f"deploy.{key}" for key in _FOR_SWARMS if deploy.get(key)]
    policy = deploy.get("restart_policy") or {}
    found += [f"deploy.restart_policy.{key}" for key in ("delay", "window") if policy.get(key)]
    reserved = (deploy.get("resources") or {}).get("reservations") or {}
    return found + [
        f"deploy.resources.reservations.{key}" for key in ("cpus", "generic_resources") if reserved.get(key)
    ]


def _check(value: Any, known: Inside, where: str, above: Any, at: str) -> None:
    if isinstance(value, Override):
        value = value.value
    if isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, known, f"{where}[{index}]", above, at)
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if not isinstance(key, str) or key.startswith("x-"):
            continue
        if key not in known:
            spot = place(value, key) or place(above, at)
            raise Invalid(f"{spot}{where}: additional property '{key}' is not allowed{_near(key, known)}")
        if isinstance(known, dict) and known[key]:
            _check(inner, known[key], f"{where}.{key}", value, key)


def _near(key: str, known: Iterable[str]) -> str:
    import difflib

    found = difflib.get_close_matches(key, known, 1)
    return f" (did you mean '{found[0]}'?)" if found else ""
