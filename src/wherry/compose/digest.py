"""The digests by which a service, network or volume is known to have changed: the same as Docker Compose's.

So `up` of one tool after the other's makes nothing anew. The order of members is the order in which they are
written down there; what does not make a container another one (build, scale, dependencies, profiles, the pull
policy) is left out.
"""

from __future__ import annotations

import hashlib
from typing import Any

from wherry.compose.shapes import (
    Member,
    amount,
    command,
    each,
    flag,
    fraction,
    hosts,
    mapping,
    mode,
    one,
    shaped,
    span,
    text,
    texts,
    variables,
    whole,
    written,
)

_RATE = (Member("path", text, always=True), Member("rate", lambda value: str(int(amount(value) or 0))))
_WEIGHT = (Member("path", text, always=True), Member("weight", whole, always=True))
_BLKIO = (
    Member("weight", whole),
    Member("weight_device", lambda value: [_capital(item) for item in each(_WEIGHT)(value)]),
    *(
        Member(name, lambda value: [_capital(item) for item in each(_RATE)(value)])
        for name in ("device_read_bps", "device_read_iops", "device_write_bps", "device_write_iops")
    ),
)


def _capital(value: dict[str, Any]) -> dict[str, Any]:
    return {name.capitalize(): item for name, item in value.items()}


_HOOK = (
    Member("command", command, always=True),
    Member("user", text),
    Member("privileged", flag),
    Member("working_dir", text),
    Member("environment", variables),
)
_TRIGGER = (
    Member("path", text, always=True),
    Member("action", text, always=True),
    Member("target", text),
    Member("exec", one(_HOOK), always=True),
    Member("include", texts),
    Member("ignore", texts),
    Member("initial_sync", flag),
)
_GRANT = (
    Member("source", text),
    Member("target", text),
    Member("uid", text),
    Member("gid", text),
    Member("mode", mode),
)
_DEVICE_REQUEST = (
    Member("capabilities", texts),
    Member("driver", text),
    Member("count", lambda value: -1 if str(value).lower() == "all" else int(value)),
    Member("device_ids", texts),
    Member("options", mapping),
)
_RESOURCE = (
    Member("cpus", fraction),
    Member("memory", amount),
    Member("pids", whole),
    Member("devices", each(_DEVICE_REQUEST)),
)


def _pause(value: Any) -> str:
    return "" if span(value) == "0s" else span(value)


_UPDATE = (
    Member("parallelism", whole, there=True),
    Member("delay", _pause),
    Member("failure_action", text),
    Member("monitor", _pause),
    Member("max_failure_ratio", fraction),
    Member("order", text),
)
_DEPLOY = (
    Member("mode", text),
    Member("labels", mapping),
    Member("update_config", one(_UPDATE), there=True),
    Member("rollback_config", one(_UPDATE), there=True),
    Member(
        "resources",
        one(
            (
                Member("limits", one(_RESOURCE), there=True),
                Member("reservations", one(_RESOURCE), there=True),
            )
        ),
        always=True,
    ),
    Member(
        "restart_policy",
        one(
            (
                Member("condition", text),
                Member("delay", span),
                Member("max_attempts", whole, there=True),
                Member("window", span),
            )
        ),
        there=True,
    ),
    Member(
        "placement",
        one(
            (
                Member("constraints", texts),
                Member("preferences", each((Member("spread", text),))),
                Member("max_replicas_per_node", whole),
            )
        ),
        always=True,
    ),
    Member("endpoint_mode", text),
)
_HEALTH = (
    Member("test", texts),
    Member("timeout", span),
    Member("interval", span),
    Member("retries", whole, there=True),
    Member("start_period", span),
    Member("start_interval", span),
    Member("disable", flag),
)
_ENDPOINT = (
    Member("aliases", texts),
    Member("driver_opts", mapping),
    Member("gw_priority", whole),
    Member("interface_name", text),
    Member("ipv4_address", text),
    Member("ipv6_address", text),
    Member("link_local_ips", texts),
    Member("mac_address", text),
    Member("priority", whole),
)
_PORT = (
    Member("name", text),
    Member("mode", text),
    Member("host_ip", text),
    Member("target", whole),
    Member("published", text),
    Member("protocol", text),
    Member("app_protocol", text),
)
_VOLUME = (
    Member("type", text),
    Member("source", text),
    Member("target", text),
    Member("read_only", flag),
    Member("consistency", text),
    Member(
        "bind",
        one(
            (
                Member("selinux", text),
                Member("propagation", text),
                Member("create_host_path", flag),
                Member("recursive", text),
            )
        ),
        there=True,
    ),
    Member(
        "volume",
        one((Member("labels", mapping), Member("nocopy", flag), Member("subpath", text))),
        there=True,
    ),
    Member("tmpfs", one((Member("size", amount), Member("mode", whole))), there=True),
    Member("image", one((Member("subpath", text),)), there=True),
)


def _ulimits(value: Any) -> dict[str, Any]:
    limits = (Member("soft", whole), Member("hard", whole))
    return {
        name: shaped(value[name], limits) if isinstance(value[name], dict) else int(value[name])
        for name in sorted(value)
    }


def _networks(value: Any) -> dict[str, Any]:
    return {name: None if value[name] is None else shaped(value[name], _ENDPOINT) for name in sorted(value)}


_SERVICE = (
    Member("annotations", mapping),
    Member("attach", flag, there=True),
    Member("develop", one((Member("watch", each(_TRIGGER)),)), there=True),
    Member("blkio_config", one(_BLKIO), there=True),
    Member("cap_add", texts),
    Member("cap_drop", texts),
    Member("cgroup_parent", text),
    Member("cgroup", text),
    Member("cpu_count", whole),
    Member("cpu_percent", fraction),
    *(Member(name, whole) for name in ("cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime")),
    Member("cpus", fraction),
    Member("cpuset", text),
    Member("cpu_shares", whole),
    Member("command", command, always=True),
    Member("configs", each(_GRANT)),
    Member("container_name", text),
    Member("deploy", one(_DEPLOY), there=True),
    Member("device_cgroup_rules", texts),
    Member("devices", each((Member("source", text), Member("target", text), Member("permissions", text)))),
    *(Member(name, texts) for name in ("dns", "dns_opt", "dns_search")),
    Member("domainname", text),
    Member("entrypoint", command, always=True),
    Member("environment", variables),
    Member("expose", texts),
    Member("external_links", texts),
    Member("extra_hosts", hosts),
    Member("group_add", texts),
    Member("gpus", each(_DEVICE_REQUEST)),
    Member("hostname", text),
    Member("healthcheck", one(_HEALTH), there=True),
    Member("image", text),
    Member("init", flag, there=True),
    Member("ipc", text),
    Member("isolation", text),
    Member("labels", mapping),
    Member("label_file", texts),
    Member("links", texts),
    Member("logging", one((Member("driver", text), Member("options", mapping))), there=True),
    *(Member(name, amount) for name in ("mem_limit", "mem_reservation", "memswap_limit", "mem_swappiness")),
    Member("mac_address", text),
    Member("network_mode", text),
    Member("networks", _networks),
    Member("oom_kill_disable", flag),
    Member("oom_score_adj", whole),
    Member("pid", text),
    Member("pids_limit", whole),
    Member("platform", text),
    Member("ports", each(_PORT)),
    Member("privileged", flag),
    Member("read_only", flag),
    Member("restart", text),
    Member("runtime", text),
    Member("secrets", each(_GRANT)),
    Member("security_opt", texts),
    Member("shm_size", amount),
    Member("stdin_open", flag),
    Member("stop_grace_period", span),
    Member("stop_signal", text),
    Member("storage_opt", mapping),
    Member("sysctls", mapping),
    Member("tmpfs", texts),
    Member("tty", flag),
    Member("ulimits", _ulimits),
    Member("use_api_socket", flag),
    Member("user", text),
    Member("userns_mode", text),
    Member("uts", text),
    Member("volumes", each(_VOLUME)),
    Member("volumes_from", texts),
    Member("working_dir", text),
    Member("post_start", each(_HOOK)),
    Member("pre_stop", each(_HOOK)),
)
_POOL = (
    *(Member(name, text) for name in ("subnet", "gateway", "ip_range")),
    Member("aux_addresses", mapping),
)
_NETWORK = (
    Member("name", text),
    Member("driver", text),
    Member("driver_opts", mapping),
    Member("ipam", one((Member("driver", text), Member("config", each(_POOL)))), always=True),
    Member("external", flag),
    Member("internal", flag),
    Member("attachable", flag),
    Member("labels", mapping),
    Member("enable_ipv4", flag, there=True),
    Member("enable_ipv6", flag, there=True),
)
_VOLUMES = (
    Member("name", text),
    Member("driver", text),
    Member("driver_opts", mapping),
    Member("external", flag),
    Member("labels", mapping),
)


def service_digest(fields: dict[str, Any]) -> str:
    """The digest of a service: its members in the long forms, None for variables without a value."""
    return _digest(fields, _SERVICE)


def network_digest(name: str, fields: dict[str, Any]) -> str:
    return _digest({**fields, "name": name}, _NETWORK)


def volume_digest(name: str, fields: dict[str, Any]) -> str:
    return _digest({**fields, "name": name, "driver": fields.get("driver") or "local"}, _VOLUMES)


def _digest(value: dict[str, Any], members: tuple[Member, ...]) -> str:
    return hashlib.sha256(written(shaped(value, members))).hexdigest()
