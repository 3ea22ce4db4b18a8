"""Which capabilities a container gets: Docker's default set, `--cap-add`, `--cap-drop`, `--privileged`."""

from __future__ import annotations

from wherry.errors import Invalid
from wherry.linux import capabilities

DEFAULT = tuple(
    f"CAP_{name}"
    for name in (
        "CHOWN",
        "DAC_OVERRIDE",
        "FSETID",
        "FOWNER",
        "MKNOD",
        "NET_RAW",
        "SETGID",
        "SETUID",
        "SETFCAP",
        "SETPCAP",
        "NET_BIND_SERVICE",
        "SYS_CHROOT",
        "KILL",
        "AUDIT_WRITE",
    )
)


def effective(
    add: list[str] | None, drop: list[str] | None, *, privileged: bool, known: int = 0
) -> list[str]:
    """The names of the set, by number; `known` is the kernel's own set, 0 for all that have a name here.

    "ALL" in `add` is everything less `drop`; "ALL" in `drop` is nothing but `add`. Raises Invalid.
    """
    adds = normalized(add, "CapAdd")
    drops = normalized(drop, "CapDrop")
    everything = capabilities.names(known or (1 << len(capabilities.NAMES)) - 1)
    if privileged:
        return everything
    if "ALL" in adds:
        chosen = set() if "ALL" in drops else set(everything)
        chosen = chosen - set(drops) | (set(adds) if "ALL" in drops else set())
    elif "ALL" in drops:
        chosen = set(adds)
    else:
        chosen = set(DEFAULT) - set(drops) | set(adds)
    return [name for name in everything if name in chosen]


def normalized(names: list[str] | None, field: str) -> list[str]:
    """Upper case, with "CAP_" in front; "ALL" stands. Raises Invalid for what no kernel has."""
    found = []
    for name in names or ():
        upper = name.upper()
        if upper == "ALL" or upper == "CAP_ALL":
            found.append("ALL")
            continue
        if not upper.startswith("CAP_"):
            upper = f"CAP_{upper}"
        if upper not in capabilities.NAMES:
            raise Invalid(f'invalid {field}: unknown capability: "{upper}"')
        found.append(upper)
    return found


def section(names: list[str], *, root: bool) -> dict[str, list[str]]:
    """`process.capabilities`. The inheritable set stays empty (CVE-2022-24769).

    A program that isn't root's gets its capabilities from files, out of the bounding set; that it has none
    before, exec would see to anyway.
    """
    held = names if root else []
    return {"bounding": names, "effective": held, "permitted": held, "inheritable": []}
