"""From the flags of `run` and `create` to the JSON that makes a container.

Only what was asked for is sent: an engine fills in the rest. Each area of flags is a module of its own in
`wherry.cli.options`, loaded when one of its flags was given, so that a plain `run` pays for none.
"""

from __future__ import annotations

from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wherry.cli.flags import Flags

_LIMITS = (
    *("memory", "memory-reservation", "memory-swap", "memory-swappiness", "cpus", "cpu-shares", "cpu-period"),
    *("cpu-quota", "cpu-rt-period", "cpu-rt-runtime", "cpuset-cpus", "cpuset-mems", "pids-limit", "ulimit"),
    *("blkio-weight", "blkio-weight-device", "device-read-bps", "device-write-bps", "device-read-iops"),
    *("device-write-iops", "oom-kill-disable", "device-cgroup-rule"),
)
_CONFINEMENT = (
    *("privileged", "cap-add", "cap-drop", "security-opt", "userns", "pid", "ipc", "uts", "cgroupns"),
    *("sysctl", "gpus"),
)
_HEALTH = (
    *("health-cmd", "health-interval", "health-timeout", "health-retries", "health-start-period"),
    *("health-start-interval", "no-healthcheck"),
)
_NETWORK = (
    "network",
    "net",
    "ip",
    "ip6",
    "link-local-ip",
    "mac-address",
    "network-alias",
    "net-alias",
    "link",
)
_FILES = ("volume", "mount", "tmpfs", "device")

# Flags whose text is a member of the configuration as it is.
_TEXTS = (
    ("hostname", "Hostname"),
    ("domainname", "Domainname"),
    ("user", "User"),
    ("workdir", "WorkingDir"),
    ("stop-signal", "StopSignal"),
)
_HOST_TEXTS = (
    ("volume-driver", "VolumeDriver"),
    ("cgroup-parent", "CgroupParent"),
    ("runtime", "Runtime"),
    ("isolation", "Isolation"),
)
_HOST_LISTS = (("group-add", "GroupAdd"), ("volumes-from", "VolumesFrom"))


def container_body(flags: Flags, image: str, command: list[str]) -> dict[str, Any]:
    """The body of `POST /containers/create`. Raises Invalid or UsageError, in Docker's words."""
    _contradictions(flags)
    config: dict[str, Any] = {"Image": image}
    host: dict[str, Any] = {"NetworkMode": "default"}
    _streams(flags, config)
    if command:
        config["Cmd"] = command
    if flags.given("entrypoint"):
        config["Entrypoint"] = [flags.text("entrypoint")]
    for flag, field in _TEXTS:
        if flags.given(flag):
            config[field] = flags.text(flag)
    if flags.given("stop-timeout"):
        config["StopTimeout"] = flags.number("stop-timeout")
    if flags.given("env", "env-file", "label", "label-file"):
        from wherry.cli.options.environment import environment, labels

        config["Env"] = environment(flags)
        config["Labels"] = labels(flags)
    if flags.given(*_HEALTH):
        from wherry.cli.options.upkeep import health

        config["Healthcheck"] = health(flags)
    if flags.given("publish", "publish-all", "expose"):
        _ports(flags, config, host)
    _host(flags, host)
    if flags.given(*_FILES):
        _files(flags, config, host)
    if flags.given(*_NETWORK):
        from wherry.cli.options.networks import links, networking

        host["NetworkMode"], endpoints = networking(flags)
        if endpoints:
            config["NetworkingConfig"] = {"EndpointsConfig": endpoints}
        if flags.given("link"):
            host["Links"] = links(flags)
    if flags.given("add-host", "dns", "dns-search", "dns-option", "dns-opt"):
        from wherry.cli.options.networks import extra_hosts, name_servers, search_domains

        host["ExtraHosts"] = extra_hosts(flags.every("add-host"))
        host["Dns"] = name_servers(flags.every("dns"))
        host["DnsSearch"] = search_domains(flags.every("dns-search"))
        host["DnsOptions"] = flags.every("dns-option") + flags.every("dns-opt")
    config["HostConfig"] = host
    return config


def _contradictions(flags: Flags) -> None:
    if flags.on("rm") and flags.text("restart", "no") not in ("no", ""):
        raise Invalid("conflicting options: cannot specify both --restart and --rm")
    if flags.on("detach") and flags.given("attach"):
        raise Invalid("conflicting options: cannot specify both --attach and --detach")
    if flags.given("use-api-socket"):
        raise Invalid(
            "--use-api-socket is not yet in this version",
            hint="mount it: -v $(wherry engine socket):/var/run/docker.sock",
        )
    for flag in ("cpu-count", "cpu-percent", "io-maxbandwidth", "io-maxiops"):
        if flags.given(flag):
            raise Invalid(
                f"--{flag} is for Windows containers only", hint="--cpus and --device-read-bps limit here"
            )
    if flags.given("kernel-memory"):
        raise Invalid("--kernel-memory: the kernel has no such limit any more", hint="--memory counts it in")


def _streams(flags: Flags, config: dict[str, Any]) -> None:
    """Which streams are attached: those of --attach, else all that make sense, none in the background."""
    attach = [stream.lower() for stream in flags.every("attach")]
    for stream in attach:
        if stream not in ("stdin", "stdout", "stderr"):
            from wherry.cli.flags import UsageError

            raise UsageError(
                f'invalid argument "{stream}" for "-a, --attach" flag:'
                " valid streams are STDIN, STDOUT and STDERR"
            )
    interactive = flags.on("interactive")
    if not attach and not flags.on("detach"):
        attach = ["stdout", "stderr"]
        if interactive:
            attach.append("stdin")
    config["AttachStdin"] = "stdin" in attach
    config["AttachStdout"] = "stdout" in attach
    config["AttachStderr"] = "stderr" in attach
    if flags.on("tty"):
        config["Tty"] = True
    if interactive:
        config["OpenStdin"] = True
        config["StdinOnce"] = "stdin" in attach


def _host(flags: Flags, host: dict[str, Any]) -> None:
    if flags.on("rm"):
        host["AutoRemove"] = True
    if flags.given("init"):
        host["Init"] = flags.on("init")
    if flags.on("read-only"):
        host["ReadonlyRootfs"] = True
    if flags.given("restart"):
        from wherry.cli.options.upkeep import restart_policy

        host["RestartPolicy"] = restart_policy(flags.text("restart"))
    if flags.given("oom-score-adj"):
        host["OomScoreAdj"] = flags.number("oom-score-adj")
    if flags.given("shm-size"):
        host["ShmSize"] = flags.size("shm-size")
    for flag, field in _HOST_TEXTS:
        if flags.given(flag):
            host[field] = flags.text(flag)
    for flag, field in _HOST_LISTS:
        if flags.given(flag):
            host[field] = flags.every(flag)
    if flags.given("annotation", "storage-opt"):
        from wherry.cli.options.environment import pairs

        for text in flags.every("storage-opt"):
            if "=" not in text:
                raise Invalid("invalid storage option")
        for flag, field in (("annotation", "Annotations"), ("storage-opt", "StorageOpt")):
            if flags.given(flag):
                host[field] = pairs(flags.every(flag))
    if flags.given("log-driver", "log-opt"):
        from wherry.cli.options.upkeep import log_config

        host["LogConfig"] = log_config(flags)
    if flags.given(*_LIMITS):
        from wherry.cli.options.limits import limits

        host.update(limits(flags))
    if flags.given(*_CONFINEMENT):
        from wherry.cli.options.confinement import confinement

        host.update(confinement(flags))


def _ports(flags: Flags, config: dict[str, Any], host: dict[str, Any]) -> None:
    from wherry.cli.options.ports import exposed, published

    bindings = published(flags.every("publish"))
    config["ExposedPorts"] = {port: {} for port in [*bindings, *exposed(flags.every("expose"))]}
    if bindings:
        host["PortBindings"] = bindings
    if flags.on("publish-all"):
        host["PublishAllPorts"] = True


def _files(flags: Flags, config: dict[str, Any], host: dict[str, Any]) -> None:
    from wherry.cli.options.mounts import devices, mounts, tmpfs, volumes

    binds, anonymous = volumes(flags.every("volume"))
    if binds:
        host["Binds"] = binds
    if anonymous:
        config["Volumes"] = anonymous
    if flags.given("mount"):
        host["Mounts"] = mounts(flags.every("mount"))
    if flags.given("tmpfs"):
        host["Tmpfs"] = tmpfs(flags.every("tmpfs"))
    if flags.given("device"):
        host["Devices"] = devices(flags.every("device"))
