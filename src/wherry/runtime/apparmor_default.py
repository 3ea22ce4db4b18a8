"""The AppArmor profile of a container that asks for none, for kernels that have AppArmor.

It stands behind the other walls, against what a hole in one of them would give: no mounts, no writing to what
/proc and /sys tell and take of the machine, no tracing of what isn't in a container of ours.
"""

from __future__ import annotations

NAME = "wherry-default"

# Nothing of the machine may be written. Paths are resolved when they are checked, so /proc/self is a number;
# what isn't one is the machine's, but for the settings that belong to namespaces: net, IPC, message queues.
_READ_ONLY = (
    "/proc/[a-zA-Z]*",
    "/proc/[a-rt-z]*/**",
    "/proc/s[a-xz]*/**",
    "/proc/sys/[a-eg-jlmo-z]*/**",
    "/proc/sys/fs/[a-ln-z]**",
    "/proc/sys/kernel/[a-ln-rt-z]**",
    "/proc/sys/kernel/s[a-dfgi-z]**",
    "/sys/[a-eg-z]**",
    "/sys/fs/[abd-z]**",
)


def text(name: str = NAME, *, abi: str = "") -> str:
    """The profile's source. `abi` is a feature file in angle brackets, "" for the parser's own choice."""
    refused = [f"  deny {path} wkl," for path in _READ_ONLY]
    return "\n".join(
        [
            *([f"abi {abi},"] if abi else []),
            f"profile {name} flags=(attach_disconnected,mediate_deleted) {{",
            "  network,",
            "  deny network alg,",
            "  deny network vsock,",
            "  capability,",
            "  file,",
            "  umount,",
            "  deny mount,",
            "",
            "  # the engine and its supervisor end and stop what is in here; neighbours signal each other",
            "  signal (receive) peer=unconfined,",
            f"  signal (send,receive) peer={name},",
            f"  ptrace (trace,read,tracedby,readby) peer={name},",
            "  unix,",
            "",
            *refused,
            "}",
            "",
        ]
    )
