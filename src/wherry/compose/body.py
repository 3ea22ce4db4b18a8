"""From a service to the JSON that makes its container."""

from __future__ import annotations

import os
from typing import Any

from wherry.compose.model import Project, Service
from wherry.compose.quantities import nanoseconds, size
from wherry.errors import Invalid

_TEXTS = (
    *(("user", "User"), ("working_dir", "WorkingDir"), ("hostname", "Hostname"), ("tty", "Tty")),
    *(("domainname", "Domainname"), ("stop_signal", "StopSignal"), ("stdin_open", "OpenStdin")),
)
_HOST = (
    *(("privileged", "Privileged"), ("read_only", "ReadonlyRootfs"), ("init", "Init"), ("ipc", "IpcMode")),
    *(("pid", "PidMode"), ("uts", "UTSMode"), ("userns_mode", "UsernsMode"), ("cgroup", "CgroupnsMode")),
    *(("cgroup_parent", "CgroupParent"), ("runtime", "Runtime"), ("cap_add", "CapAdd")),
    *(("cap_drop", "CapDrop"), ("dns", "Dns"), ("dns_search", "DnsSearch"), ("dns_opt", "DnsOptions")),
    *(("group_add", "GroupAdd"), ("security_opt", "SecurityOpt"), ("sysctls", "Sysctls")),
    *(("storage_opt", "StorageOpt"), ("annotations", "Annotations"), ("oom_score_adj", "OomScoreAdj")),
    *(("oom_kill_disable", "OomKillDisable"), ("cpu_shares", "CpuShares"), ("cpu_period", "CpuPeriod")),
    *(("cpu_quota", "CpuQuota"), ("cpuset", "CpusetCpus"), ("pids_limit", "PidsLimit")),
    *(("mem_swappiness", "MemorySwappiness"), ("cpu_rt_period", "CpuRealtimePeriod")),
    *(("cpu_rt_runtime", "CpuRealtimeRuntime"), ("device_cgroup_rules", "DeviceCgroupRules")),
)
_SIZES = (
    *(("mem_limit", "Memory"), ("mem_reservation", "MemoryReservation")),
    *(("memswap_limit", "MemorySwap"), ("shm_size", "ShmSize")),
)
_SHARED = (("ipc", "IpcMode"), ("pid", "PidMode"), ("uts", "UTSMode"))


def container_body(
    service: Service,
    project: Project,
    labels: dict[str, str],
    containers: dict[str, str],
    inherited: dict[str, str],
    name: str = "",
) -> dict[str, Any]:
    """The body of `POST /containers/create` for a container with this name.

    `containers`: a container's id for each service that another may refer to (`service:NAME`). `inherited`:
    anonymous volumes by their place, taken over from the container that this one replaces.
    """
    fields = service.fields
    host: dict[str, Any] = {}
    body: dict[str, Any] = {"Image": labels_image(service, project), "Labels": labels, "HostConfig": host}
    body |= {"AttachStdout": True, "AttachStderr": True}
    if service.environment or service.unset:
        body["Env"] = [*(f"{name}={value}" for name, value in service.environment.items()), *service.unset]
    for key, member in (("command", "Cmd"), ("entrypoint", "Entrypoint")):
        if fields.get(key) is not None:
            body[member] = fields[key] or [""]
    for key, member in _TEXTS:
        if fields.get(key) is not None:
            body[member] = fields[key] if isinstance(fields[key], bool) else str(fields[key])
    for key, member in _HOST:
        if fields.get(key) is not None:
            host[member] = fields[key]
    for key, member in _SIZES:
        if fields.get(key) is not None:
            host[member] = size(fields[key])
    for key, member in _SHARED:
        host_mode = str(fields.get(key) or "")
        if host_mode.startswith("service:"):
            host[member] = f"container:{containers[host_mode.removeprefix('service:')]}"
    if fields.get("stop_grace_period") is not None:
        body["StopTimeout"] = -(-nanoseconds(fields["stop_grace_period"]) // 10**9)
    if fields.get("healthcheck"):
        body["Healthcheck"] = _health(fields["healthcheck"])
    _limits(fields, host)
    _restart(fields, host)
    _lists(fields, host, containers)
    _ports(fields, body, host)
    _mounts(fields, project, body, host, inherited)
    _network(service, project, body, host, containers, name)
    return body


def labels_image(service: Service, project: Project) -> str:
    """The image of a service: its own, else the name that its build gives one."""
    return service.image or f"{project.name}-{service.name}"


def _health(check: dict[str, Any]) -> dict[str, Any]:
    if check.get("disable") or check.get("test") == ["NONE"]:
        return {"Test": ["NONE"]}
    found: dict[str, Any] = {"Test": [str(word) for word in check["test"]]} if check.get("test") else {}
    for key, member in (
        *(("interval", "Interval"), ("timeout", "Timeout"), ("start_period", "StartPeriod")),
        ("start_interval", "StartInterval"),
    ):
        if check.get(key) is not None:
            found[member] = nanoseconds(check[key])
    if check.get("retries") is not None:
        found["Retries"] = int(check["retries"])
    return found


def _limits(fields: dict[str, Any], host: dict[str, Any]) -> None:
    resources = (fields.get("deploy") or {}).get("resources") or {}
    limits, reserved = resources.get("limits") or {}, resources.get("reservations") or {}
    cpus = limits.get("cpus", fields.get("cpus"))
    if cpus is not None:
        host["NanoCpus"] = int(float(cpus) * 1e9)
    if limits.get("memory") is not None:
        host["Memory"] = size(limits["memory"])
    if limits.get("pids") is not None:
        host["PidsLimit"] = int(limits["pids"])
    if reserved.get("memory") is not None:
        host["MemoryReservation"] = size(reserved["memory"])
    if reserved.get("devices"):
        host["DeviceRequests"] = [
            {
                "Driver": str(device.get("driver", "")),
                "Count": -1 if device.get("count", "all") == "all" else int(device["count"]),
                "DeviceIDs": device.get("device_ids") or [],
                "Capabilities": [device.get("capabilities") or []],
                "Options": device.get("options") or {},
            }
            for device in reserved["devices"]
        ]
    if fields.get("ulimits"):
        host["Ulimits"] = [ulimit(name, entry) for name, entry in fields["ulimits"].items()]
    if fields.get("blkio_config"):
        host |= _blkio(fields["blkio_config"])


def ulimit(name: str, entry: dict[str, Any] | int) -> dict[str, Any]:
    """A limit in the API's form; where only one of both is given it stands for the other."""
    if isinstance(entry, int):
        return {"Name": name, "Soft": entry, "Hard": entry}
    soft = entry.get("soft", entry.get("hard", 0))
    return {"Name": name, "Soft": int(soft), "Hard": int(entry.get("hard", soft))}


def _blkio(settings: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if settings.get("weight"):
        found["BlkioWeight"] = int(settings["weight"])
    if settings.get("weight_device"):
        found["BlkioWeightDevice"] = [
            {"Path": entry["path"], "Weight": int(entry["weight"])} for entry in settings["weight_device"]
        ]
    for key, member in (
        *(("device_read_bps", "BlkioDeviceReadBps"), ("device_write_bps", "BlkioDeviceWriteBps")),
        *(("device_read_iops", "BlkioDeviceReadIOps"), ("device_write_iops", "BlkioDeviceWriteIOps")),
    ):
        if settings.get(key):
            found[member] = [{"Path": entry["path"], "Rate": size(entry["rate"])} for entry in settings[key]]
    return found


def _restart(fields: dict[str, Any], host: dict[str, Any]) -> None:
    policy = (fields.get("deploy") or {}).get("restart_policy")
    if fields.get("restart") is not None:
        chosen = fields["restart"]
        name, _, count = ("no" if chosen is False else str(chosen)).partition(":")
        host["RestartPolicy"] = {"Name": name, "MaximumRetryCount": int(count or 0)}
    elif policy:
        names = {"none": "no", "on-failure": "on-failure", "any": "always", "": "always"}
        name = str(policy.get("condition") or "")
        if name not in names:
            raise Invalid(f"unknown restart condition {name!r}")
        attempts = int(policy.get("max_attempts") or 0) if name == "on-failure" else 0
        host["RestartPolicy"] = {"Name": names[name], "MaximumRetryCount": attempts}


def extra_hosts(names: dict[str, Any]) -> list[str]:
    """Names with their addresses, as the API takes them."""
    return [f"{name}:{one}" for name, addresses in names.items() for one in str(addresses).split(",")]


def _lists(fields: dict[str, Any], host: dict[str, Any], containers: dict[str, str]) -> None:
    if fields.get("extra_hosts"):
        host["ExtraHosts"] = extra_hosts(fields["extra_hosts"])
    if fields.get("devices"):
        host["Devices"] = [
            {
                "PathOnHost": entry["source"],
                "PathInContainer": entry.get("target", entry["source"]),
                "CgroupPermissions": entry.get("permissions", "rwm"),
            }
            for entry in fields["devices"]
        ]
    if fields.get("tmpfs"):
        host["Tmpfs"] = {path: mode for path, _, mode in (text.partition(":") for text in fields["tmpfs"])}
    if logging := fields.get("logging"):
        options = {name: str(value) for name, value in (logging.get("options") or {}).items()}
        host["LogConfig"] = {"Type": logging.get("driver") or "json-file", "Config": options}
    if fields.get("volumes_from"):
        host["VolumesFrom"] = []
        for text in fields["volumes_from"]:
            if text.startswith("container:"):
                host["VolumesFrom"].append(text.removeprefix("container:"))
                continue
            name, colon, mode = text.partition(":")
            host["VolumesFrom"].append(f"{containers[name]}{colon}{mode}")


def _ports(fields: dict[str, Any], body: dict[str, Any], host: dict[str, Any]) -> None:
    exposed: dict[str, Any] = {}
    for text in fields.get("expose") or ():
        exposed[text if "/" in text else f"{text}/tcp"] = {}
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in fields.get("ports") or ():
        key = f"{port['target']}/{port['protocol']}"
        exposed[key] = {}
        entry = {"HostIp": str(port.get("host_ip") or ""), "HostPort": str(port.get("published") or "")}
        bindings.setdefault(key, []).append(entry)
    if exposed:
        body["ExposedPorts"] = exposed
    if bindings:
        host["PortBindings"] = bindings


def _mounts(
    fields: dict[str, Any],
    project: Project,
    body: dict[str, Any],
    host: dict[str, Any],
    inherited: dict[str, str],
) -> None:
    binds, mounts = [], []
    places = set()
    for volume in fields.get("volumes") or ():
        kind, target = volume.get("type", "volume"), str(volume["target"])
        places.add(os.path.normpath(target))
        mode = [] if not volume.get("read_only") else ["ro"]
        bind = volume.get("bind") or {}
        if kind == "bind" and bind.get("create_host_path", True) and not bind.get("recursive"):
            mode += [str(bind[key]) for key in ("propagation", "selinux") if bind.get(key)]
            binds.append(f"{volume['source']}:{target}:{','.join(mode) or 'rw'}")
            continue
        if kind == "volume" and volume.get("source") and not volume.get("volume"):
            binds.append(f"{project.volumes[volume['source']].name}:{target}:{','.join(mode) or 'rw'}")
            continue
        entry: dict[str, Any] = {"Type": kind, "Target": target, "ReadOnly": bool(volume.get("read_only"))}
        options = volume.get(kind) or {}
        if kind == "bind":
            entry["Source"] = volume["source"]
            if bind.get("propagation"):
                entry["BindOptions"] = {"Propagation": bind["propagation"]}
            if bind.get("create_host_path", True):
                entry.setdefault("BindOptions", {})["CreateMountpoint"] = True
            recursive = {"disabled": "NonRecursive", "writable": "ReadOnlyNonRecursive"}
            recursive["readonly"] = "ReadOnlyForceRecursive"
            if bind.get("recursive") in recursive:
                entry.setdefault("BindOptions", {})[recursive[bind["recursive"]]] = True
        elif kind == "volume":
            source = volume.get("source")
            entry["Source"] = project.volumes[source].name if source else inherited.get(target, "")
            if options:
                entry["VolumeOptions"] = {
                    "NoCopy": bool(options.get("nocopy")),
                    "Subpath": str(options.get("subpath") or ""),
                    "Labels": options.get("labels") or {},
                }
        elif kind == "tmpfs":
            entry["TmpfsOptions"] = {
                "SizeBytes": size(options.get("size", 0)),
                "Mode": int(options.get("mode", 0)),
            }
        elif kind == "image":
            entry["Source"] = volume["source"]
            entry["ImageOptions"] = {"Subpath": str(options.get("subpath") or "")}
        else:
            raise Invalid(f"unknown volume type {kind!r}")
        mounts.append(entry)
    for place, name in inherited.items():
        if place not in places:
            mounts.append({"Type": "volume", "Source": name, "Target": place})
    for kind, known, folder in (
        ("secrets", project.secrets, "/run/secrets"),
        ("configs", project.configs, ""),
    ):
        for grant in fields.get(kind) or ():
            content = known[grant["source"]]
            if content.file:
                target = grant_target(grant, folder)
                mounts.append({"Type": "bind", "Source": content.file, "Target": target, "ReadOnly": True})
    if binds:
        host["Binds"] = binds
    if mounts:
        host["Mounts"] = mounts


def grant_target(grant: dict[str, Any], folder: str) -> str:
    """Where a secret (below /run/secrets) or a config is in the container."""
    return os.path.join(folder or "/", str(grant.get("target") or grant["source"]))


def _network(
    service: Service,
    project: Project,
    body: dict[str, Any],
    host: dict[str, Any],
    containers: dict[str, str],
    name: str,
) -> None:
    fields = service.fields
    mode = str(fields.get("network_mode") or "")
    if mode:
        if mode.startswith("service:"):
            mode = f"container:{containers[mode.removeprefix('service:')]}"
        host["NetworkMode"] = mode
        return
    networks = fields.get("networks") or {}
    if not networks:
        host["NetworkMode"] = "none"
        return
    order = sorted(networks, key=lambda key: (-int((networks[key] or {}).get("priority", 0)), key))
    host["NetworkMode"] = project.networks[order[0]].name
    links = []
    for text in fields.get("links") or ():
        other, _, alias = text.partition(":")
        links.append(f"{containers[other]}:{alias or other}")
    for text in fields.get("external_links") or ():
        other, _, alias = text.partition(":")
        links.append(f"{other}:{alias or other}")
    endpoints = {}
    for key in order:
        entry = networks[key] or {}
        names = dict.fromkeys([*([name] if name else ()), service.name, *(entry.get("aliases") or ())])
        endpoint: dict[str, Any] = {"Aliases": list(names)}
        addresses = {
            member: entry[own]
            for own, member in (
                *(("ipv4_address", "IPv4Address"), ("ipv6_address", "IPv6Address")),
                ("link_local_ips", "LinkLocalIPs"),
            )
            if entry.get(own)
        }
        if addresses:
            endpoint["IPAMConfig"] = addresses
        if links:
            endpoint["Links"] = links
        mac = entry.get("mac_address") or (fields.get("mac_address") if key == order[0] else None)
        if mac:
            endpoint["MacAddress"] = mac
        if entry.get("gw_priority") is not None:
            endpoint["GwPriority"] = int(entry["gw_priority"])
        if entry.get("driver_opts"):
            endpoint["DriverOpts"] = {own: str(value) for own, value in entry["driver_opts"].items()}
        endpoints[project.networks[key].name] = endpoint
    body["NetworkingConfig"] = {"EndpointsConfig": endpoints}
