"""`--security-opt`, read once."""

from __future__ import annotations

from typing import NamedTuple

from wherry.errors import Invalid


class SecurityOptions(NamedTuple):
    """`seccomp`: "" for the default, "unconfined", or the text of a profile. None: not said."""

    seccomp: str = ""
    apparmor: str = ""
    no_new_privileges: bool | None = None
    writable_cgroups: bool | None = None
    warnings: tuple[str, ...] = ()


_LABELS = "SELinux labels are not supported: {} has no effect"


def parse(options: list[str] | None) -> SecurityOptions:
    """Raises Invalid, in Docker's words. "systempaths" isn't here: clients send lists of paths for it."""
    found = SecurityOptions()
    warnings: list[str] = []
    for option in options or ():
        if option == "no-new-privileges":
            found = found._replace(no_new_privileges=True)
            continue
        if option == "disable":  # short for label:disable, from before options had values
            continue
        name, separator, value = option.partition("=")
        if not separator:
            name, separator, value = option.partition(":")
            if not separator:
                raise Invalid(f'invalid --security-opt 1: "{option}"')
        if name == "label":
            if value != "disable":
                warnings.append(_LABELS.format(f"label={value}"))
        elif name == "apparmor":
            found = found._replace(apparmor=value)
        elif name == "seccomp":
            found = found._replace(seccomp="" if value == "builtin" else value)
        elif name == "no-new-privileges":
            found = found._replace(no_new_privileges=_truth(option, value))
        elif name == "writable-cgroups":
            found = found._replace(writable_cgroups=_truth(option, value))
        else:
            raise Invalid(f'invalid --security-opt 2: "{option}"')
    return found._replace(warnings=tuple(warnings))


def _truth(option: str, value: str) -> bool:
    if value in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if value in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise Invalid(f'invalid --security-opt 2: "{option}"')
