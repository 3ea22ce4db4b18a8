"""The options of a mount in the OCI runtime specification (config.md, "Linux mount options") as values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wherry.linux import mounts


class MountOptions(NamedTuple):
    """What a list of option words comes to.

    `on`/`off` are attributes of the mount itself, `deep_on`/`deep_off` those of every mount below as well
    (`rro`, …). `data` is for the file system: ordered (key, value) pairs, None for a word without a value.
    `subpath` is what is meant of a bind's source: resolved as if the source were the root, since whoever
    fills the source may have put links into it. An option of ours, no other runtime has it.
    """

    bind: bool = False
    recursive: bool = False
    on: int = 0
    off: int = 0
    deep_on: int = 0
    deep_off: int = 0
    propagation: int = 0
    propagation_recursive: bool = False
    idmap: bool = False
    idmap_recursive: bool = False
    copy_up: bool = False
    subpath: str = ""
    data: tuple[tuple[str, str | None], ...] = ()


# word → (attributes to set, attributes to clear)
_ATTRIBUTES: dict[str, tuple[int, int]] = {
    "ro": (mounts.RDONLY, 0),
    "rw": (0, mounts.RDONLY),
    "nosuid": (mounts.NOSUID, 0),
    "suid": (0, mounts.NOSUID),
    "nodev": (mounts.NODEV, 0),
    "dev": (0, mounts.NODEV),
    "noexec": (mounts.NOEXEC, 0),
    "exec": (0, mounts.NOEXEC),
    "nodiratime": (mounts.NODIRATIME, 0),
    "diratime": (0, mounts.NODIRATIME),
    "nosymfollow": (mounts.NOSYMFOLLOW, 0),
    "symfollow": (0, mounts.NOSYMFOLLOW),
    "noatime": (mounts.NOATIME, mounts.ATIME_MASK),
    "strictatime": (mounts.STRICTATIME, mounts.ATIME_MASK),
    "relatime": (mounts.RELATIME, mounts.ATIME_MASK),
    "atime": (mounts.RELATIME, mounts.ATIME_MASK),
    "norelatime": (mounts.STRICTATIME, mounts.ATIME_MASK),
    "nostrictatime": (mounts.RELATIME, mounts.ATIME_MASK),
}

_PROPAGATION = {
    "private": mounts.PRIVATE,
    "slave": mounts.SLAVE,
    "shared": mounts.SHARED,
    "unbindable": mounts.UNBINDABLE,
}

# Meant for mount(8), or what happens anyway.
_IGNORED = frozenset({"defaults", "async", "loud", "silent", "nomand", "remount", "noiversion", "nolazytime"})


def words() -> list[str]:
    """Every option word that is not the file system's own affair."""
    known = {*_ATTRIBUTES, *_PROPAGATION, *_IGNORED, "bind", "rbind", "idmap", "ridmap", "tmpcopyup"}
    known |= {f"r{word}" for word in (*_ATTRIBUTES, *_PROPAGATION)}
    return sorted(known)


def parse(given: Iterable[str]) -> MountOptions:
    """The meaning of option words; a later one overrides an earlier one, unknown ones go to `data`."""
    bind = recursive = idmap = idmap_recursive = copy_up = propagation_recursive = False
    on = off = deep_on = deep_off = propagation = 0
    subpath = ""
    data: list[tuple[str, str | None]] = []
    for word in given:
        if word in _ATTRIBUTES:
            to_set, to_clear = _ATTRIBUTES[word]
            on = on & ~to_clear | to_set
            off = off & ~to_set | to_clear
        elif word in ("bind", "rbind"):
            bind, recursive = True, word == "rbind"
        elif word in _PROPAGATION:
            propagation, propagation_recursive = _PROPAGATION[word], False
        elif word[:1] == "r" and word[1:] in _PROPAGATION:
            propagation, propagation_recursive = _PROPAGATION[word[1:]], True
        elif word[:1] == "r" and word[1:] in _ATTRIBUTES:
            to_set, to_clear = _ATTRIBUTES[word[1:]]
            deep_on = deep_on & ~to_clear | to_set
            deep_off = deep_off & ~to_set | to_clear
        elif word in ("idmap", "ridmap"):
            idmap, idmap_recursive = True, word == "ridmap"
        elif word == "tmpcopyup":
            copy_up = True
        elif word.startswith("subpath="):
            subpath = word.partition("=")[2]
        elif word in _IGNORED or not word:
            pass
        else:
            key, equals, value = word.partition("=")
            data.append((key, value if equals else None))
    return MountOptions(
        bind,
        recursive,
        on,
        off & ~on,
        deep_on,
        deep_off & ~deep_on,
        propagation,
        propagation_recursive,
        idmap,
        idmap_recursive,
        copy_up,
        subpath,
        tuple(data),
    )
