"""`wherry manifest inspect`: the manifest or manifest list under a name in its registry."""

from __future__ import annotations

import json

from wherry.cli.command import Command, Invocation
from wherry.cli.manifest import drafts
from wherry.cli.manifest.asking import ask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


def run(invocation: Invocation) -> int:
    name, verbose = invocation.arguments[-1], invocation.flags.on("verbose")
    draft = drafts.read(invocation.arguments[0])
    if len(invocation.arguments) == 2:
        wanted = [one for one in drafts.get(invocation.arguments[0]) if _is(one, name)]
        draft = wanted or None
    if draft is not None:
        shown: Any = [_verbose(one) for one in draft] if verbose else _as_list(draft)
    else:
        found = ask(invocation.client, name, members=verbose)
        if verbose:
            shown = [_verbose(one) for one in found["Members"]]
            if "manifests" not in json.loads(found["Document"]):
                shown = shown[0]
        else:
            shown = json.loads(found["Document"])
    print(json.dumps(shown, indent="\t"))
    return 0


def _is(member: dict[str, Any], name: str) -> bool:
    return bool(member["Asked"] == name or member["Ref"].endswith(name))


def _as_list(members: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": _LIST,
        "manifests": [member["Descriptor"] for member in members],
    }


def _verbose(member: dict[str, Any]) -> dict[str, Any]:
    manifest = json.loads(member["Raw"])
    kind = "SchemaV2Manifest" if "docker" in member["Descriptor"]["mediaType"] else "OCIManifest"
    return {"Ref": member["Ref"], "Descriptor": member["Descriptor"], kind: manifest}


COMMAND = Command(
    run,
    usage="[OPTIONS] [MANIFEST_LIST] MANIFEST",
    minimum=1,
    maximum=2,
    flags=(
        ("verbose", "v", "bool", "Also the manifests of a list, with their platforms", ""),
        ("insecure", "", "bool", "Accepted for Docker's sake; registries.toml says which are", ""),
    ),
)
