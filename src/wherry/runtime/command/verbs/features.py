"""`features`: what this runtime can do (runtime-spec, features.md)."""

from __future__ import annotations

import json
import os

from wherry import __version__
from wherry.linux import capabilities, namespaces
from wherry.linux.cgroups import hierarchies
from wherry.runtime import mount_options
from wherry.runtime.command.arguments import Arguments
from wherry.runtime.command.entry import SPECIFICATION, Context


def run(context: Context, arguments: Arguments) -> int:
    """Print the features structure as JSON."""
    version = hierarchies().version
    features = {
        "ociVersionMin": "1.0.0",
        "ociVersionMax": SPECIFICATION,
        "hooks": [
            "prestart",
            "createRuntime",
            "createContainer",
            "startContainer",
            "poststart",
            "poststop",
        ],
        "mountOptions": mount_options.words(),
        "linux": {
            "namespaces": sorted(namespaces.KINDS),
            "capabilities": capabilities.names(capabilities.known()),
            "cgroup": {
                "v1": version == 1,
                "v2": version == 2,
                "systemd": False,
                "systemdUser": False,
                "rdma": True,
            },
            "seccomp": {"enabled": True},
            "apparmor": {"enabled": os.path.isdir("/sys/kernel/security/apparmor")},
            "selinux": {"enabled": False},
            "intelRdt": {"enabled": False},
            "mountExtensions": {"idmap": {"enabled": True}},
        },
        "annotations": {"wherry.version": __version__},
        "potentiallyUnsafeConfigAnnotations": [],
    }
    print(json.dumps(features, indent=4))  # noqa: T201
    return 0
