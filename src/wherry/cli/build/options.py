"""The flags of `build`, and the order that they make."""

from __future__ import annotations

import os
from base64 import b64encode

from wherry.cli.build.attest import attests
from wherry.cli.build.caches import cache_source
from wherry.cli.build.context import named_context
from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wherry.cli.flags import Flags

FLAGS = (
    (
        "file",
        "f",
        "text:FILE",
        "The Dockerfile, where it is not PATH/Dockerfile; - reads it from the input",
        "What",
    ),
    ("tag", "t", "list:NAME[:TAG]", "A name for the image; may be given several times", "What"),
    ("target", "", "text:STAGE", "The stage to build", "What"),
    ("build-arg", "", "list:NAME[=VALUE]", "Set an ARG; without a value, the environment's", "What"),
    ("build-context", "", "list:NAME=PATH", "A further context, for COPY --from and FROM", "What"),
    ("label", "", "list:NAME=VALUE", "A label for the image", "What"),
    ("platform", "", "text:OS/ARCH[,…]", "The platform of the image; several make an index", "What"),
    ("secret", "", "list:id=NAME[,src=FILE|,env=VARIABLE]", "A secret for RUN --mount=type=secret", "What"),
    (
        "ssh",
        "",
        "list:default|ID[=SOCKET|KEY]",
        "Lend RUN --mount=type=ssh an SSH agent (default: yours) or a key",
        "What",
    ),
    ("no-cache", "", "bool", "Carry out every step", "Cache"),
    ("no-cache-filter", "", "strings:STAGE", "Carry out every step of these stages", "Cache"),
    ("pull", "", "bool", "Look for newer base images", "Cache"),
    ("explain", "", "bool", "Say why each step that ran was not in the cache", "Cache"),
    (
        "cache-from",
        "",
        "list:CACHE",
        "Take steps from a cache elsewhere too: an image's name, or type=registry|local,ref=…|src=…",
        "Cache",
    ),
    (
        "cache-to",
        "",
        "list:CACHE",
        "Bring the cache elsewhere: type=registry|local|inline,ref=…|dest=…,mode=min|max",
        "Cache",
    ),
    (
        "output",
        "o",
        "list:DEST",
        "Where to: a directory, - for tar, or type=local|tar|oci|docker|image|registry,…; may be repeated",
        "Result",
    ),
    ("iidfile", "", "text:FILE", "Write the image's id to a file", "Result"),
    ("metadata-file", "", "text:FILE", "Write what came of the build, as JSON", "Result"),
    ("reproducible", "", "bool", "The same files give the same image, whenever and wherever", "Result"),
    ("squash", "", "bool", "One layer instead of those that the build adds", "Result"),
    ("push", "", "bool", "Push the image to its registry", "Result"),
    ("load", "", "bool", "The image into the engine, whatever --output says besides", "Result"),
    (
        "attest",
        "",
        "list:type=KIND",
        "Attest what is in the image (sbom) or how it was made (provenance)",
        "Result",
    ),
    ("sbom", "", "text:BOOL", "Short for --attest=type=sbom", "Result"),
    ("provenance", "", "text:mode=MODE", "Short for --attest=type=provenance; mode=min or max", "Result"),
    (
        "annotation",
        "",
        "list:[LEVEL:]NAME=VALUE",
        "Annotate the manifest, or index:, manifest-descriptor:, index-descriptor:",
        "Result",
    ),
    ("quiet", "q", "bool", "Print only the image's id", "Output"),
    ("progress", "", "text:KIND", "auto, plain, tty, quiet or rawjson", "Output"),
    ("debug-shell", "", "bool", "When a step fails, open a shell in what it has left", "Output"),
    ("check", "", "bool", "Only look for mistakes in the Dockerfile", "Output"),
    ("call", "", "text:METHOD", "build or check", "Output"),
    ("network", "", "text:MODE", "The network of RUN: default, none, host, or a network's name", "Steps"),
    ("add-host", "", "list:HOST:IP", "A further name in /etc/hosts of RUN", "Steps"),
    (
        "allow",
        "",
        "strings:WHAT",
        "security.insecure or network.host: allow RUN --security=insecure, --network=host",
        "Steps",
    ),
    ("ulimit", "", "list:LIMIT", "Limits of processes of RUN", "Steps"),
    ("memory", "m", "size:BYTES", "Memory of each RUN", "Steps"),
    ("memory-swap", "", "size:BYTES", "Memory and swap of each RUN", "Steps"),
    ("cpu-shares", "c", "int:WEIGHT", "Weight of each RUN for the CPU", "Steps"),
    ("cpu-period", "", "int:µs", "Period of the CPU quota", "Steps"),
    ("cpu-quota", "", "int:µs", "CPU time of each period", "Steps"),
    ("cpuset-cpus", "", "text:CPUS", "The CPUs of RUN", "Steps"),
    ("cpuset-mems", "", "text:NODES", "The memory nodes of RUN", "Steps"),
    ("cgroup-parent", "", "text:CGROUP", "Where the cgroups of RUN are", "Steps"),
    ("shm-size", "", "size:BYTES", "Size of /dev/shm of RUN", "Steps"),
    ("rm", "", "bool", "Accepted for Docker's sake: nothing is left anyway", "Steps"),
    ("force-rm", "", "bool", "Accepted for Docker's sake: nothing is left anyway", "Steps"),
)


def build_order(flags: Flags) -> dict[str, Any]:
    """What the flags ask of the engine. Raises Invalid."""
    for what in flags.every("allow"):
        if what not in ("security.insecure", "network.host"):
            raise Invalid(f"invalid entitlement: {what}")
    args = _arguments(flags.every("build-arg"))
    epoch = args.get("SOURCE_DATE_EPOCH") or os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch and not epoch.isdigit():
        raise Invalid(f"invalid SOURCE_DATE_EPOCH {epoch!r}: seconds since 1970")
    if flags.on("reproducible") and not epoch:
        epoch = "0"
    return {
        "target": flags.text("target"),
        "args": args,
        "labels": dict(_pair(label) for label in flags.every("label")),
        "tags": flags.every("tag"),
        "no_cache": flags.on("no-cache"),
        "no_cache_stages": flags.every("no-cache-filter"),
        "pull": flags.on("pull"),
        "squash": flags.on("squash"),
        "cache_from": [cache_source(text) for text in flags.every("cache-from")],
        "network": flags.text("network").replace("default", ""),
        "platform": flags.text("platform"),
        "contexts": dict(named_context(text) for text in flags.every("build-context")),
        "secrets": dict(_secret(text) for text in flags.every("secret")),
        "epoch": int(epoch) if epoch else None,
        "insecure": "security.insecure" in flags.every("allow"),
        "host_network": "network.host" in flags.every("allow"),
        "keep_failed": flags.on("debug-shell"),
        "attests": attests(flags),
        "annotations": flags.every("annotation"),
        "shm_size": flags.size("shm-size"),
        "limits": _limits(flags),
    }


def _limits(flags: Flags) -> dict[str, Any]:
    from wherry.cli.options.limits import limits

    found = limits(flags)
    if flags.text("cgroup-parent"):
        found["CgroupParent"] = flags.text("cgroup-parent")
    if flags.given("add-host"):
        found["ExtraHosts"] = [text.replace("=", ":", 1) for text in flags.every("add-host")]
    return found


def _arguments(given: list[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name:
            raise Invalid(f"invalid build argument {text!r}")
        found[name] = value if equals else os.environ.get(name)
    return found


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _secret(text: str) -> tuple[str, str]:
    fields = dict(_pair(item) for item in text.split(","))
    name = fields.get("id", "")
    if not name:
        raise Invalid(f"invalid secret {text!r}: id is missing", hint="--secret id=token,src=FILE")
    source = fields.get("src") or fields.get("source")
    variable = fields.get("env") or (name if not source and name in os.environ else "")
    if variable:
        if variable not in os.environ:
            raise Invalid(f"secret {name}: the environment has no {variable}")
        data = os.fsencode(os.environ[variable])
    else:
        try:
            with open(source or name, "rb") as file:
                data = file.read()
        except OSError as error:
            raise Invalid(f"secret {name}: {source or name}: {(error.strerror or '').lower()}") from None
    return name, b64encode(data).decode()
