"""What `inspect` shows: objects as indented JSON, or by a template."""

from __future__ import annotations

import json
import sys

from wherry.cli.failure import say
from wherry.cli.format.listing import renderer
from wherry.errors import NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

# Members that engines leave out when they are not set; a template finds nil there, as in Docker's own types.
OPTIONAL = frozenset(
    (
        *(
            "Health",
            "Healthcheck",
            "SizeRw",
            "SizeRootFs",
            "Entrypoint",
            "StopSignal",
            "StopTimeout",
            "Shell",
        ),
        *("OnBuild", "Labels", "Volumes", "ExposedPorts", "Mounts", "GraphDriver", "UsageData", "Status"),
    )
)


def show_details(names: Iterable[str], find: Callable[[str], Any], form: str) -> int:
    """Print what `find` knows of each name; say what it does not find.

    Returns 1 when something is missing.
    """
    code = 0
    found = []
    missing = []
    for name in names:
        try:
            found.append(find(name))
        except NotFound as error:
            missing.append(error.message)
            code = 1
    if form and form != "json":
        render = renderer(form)
        for details in found:
            print(render(details, optional=OPTIONAL))
        if not found:
            print()
    elif form == "json":
        for details in found:
            print(json.dumps(details, separators=(",", ":"), ensure_ascii=False))
    else:
        print(json.dumps(found, indent=4, ensure_ascii=False))
    sys.stdout.flush()
    for message in missing:
        say(message)
    return code


INSPECT_FLAGS = (("format", "f", "text:FORMAT", "json, or a template: '{{.State.Status}}'", ""),)
