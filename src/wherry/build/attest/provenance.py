"""How an image was made, as SLSA provenance in the form of BuildKit's.

Sources: slsa.dev/spec/v1.0/provenance, slsa.dev/provenance/v0.2; BuildKit's docs/attestations.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from wherry.build.request import Request
from wherry.oci import parse_reference

__all__ = ["PREDICATES", "Times", "material", "provenance"]

PREDICATES = {"v1": "https://slsa.dev/provenance/v1", "v0.2": "https://slsa.dev/provenance/v0.2"}
_BUILD_TYPE = "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md"
_OLD_BUILD_TYPE = "https://mobyproject.org/buildkit@v1"
_BUILDER = "wherry"


class Times(NamedTuple):
    """RFC 3339; `invocation` is unique to the build."""

    invocation: str
    started: str
    finished: str


def provenance(
    request: Request,
    materials: list[dict[str, Any]],
    platform: str,
    times: Times,
    *,
    version: str,
    whole: bool,
) -> dict[str, Any]:
    """The predicate. `whole` (mode=max) has build arguments and the Dockerfile in it, which may tell secrets
    of those who give them as arguments; without it neither. `--secret` is in neither."""
    asked = _asked(request, whole)
    place = {"path": request.name}
    if request.place.startswith(("http://", "https://", "git://", "ssh://")):
        place["uri"] = request.place
    source = {"source": _source(request)} if whole else {}
    if version == "v1":
        return {
            "buildDefinition": {
                "buildType": _BUILD_TYPE,
                "externalParameters": {"configSource": place, "request": asked},
                "internalParameters": {"builderPlatform": platform},
                "resolvedDependencies": materials,
            },
            "runDetails": {
                "builder": {"id": _BUILDER},
                "metadata": {
                    "invocationId": times.invocation,
                    "startedOn": times.started,
                    "finishedOn": times.finished,
                    "buildkit_completeness": {"request": whole, "resolvedDependencies": False},
                    "buildkit_reproducible": request.epoch is not None,
                    **({"buildkit_metadata": source} if source else {}),
                },
            },
        }
    return {
        "builder": {"id": _BUILDER},
        "buildType": _OLD_BUILD_TYPE,
        "materials": materials,
        "invocation": {
            "configSource": {"entryPoint": request.name, **({"uri": place["uri"]} if "uri" in place else {})},
            "parameters": asked,
            "environment": {"platform": platform},
        },
        "metadata": {
            "buildInvocationID": times.invocation,
            "buildStartedOn": times.started,
            "buildFinishedOn": times.finished,
            "completeness": {"parameters": whole, "environment": True, "materials": False},
            "reproducible": request.epoch is not None,
            **({f"{_OLD_BUILD_TYPE}#metadata": source} if source else {}),
        },
    }


def material(reference: str, digest: str, platform: str) -> dict[str, Any]:
    """An image that the build used."""
    algorithm, _, value = digest.partition(":")
    return {"uri": image_url(reference, platform), "digest": {algorithm: value}}


def image_url(reference: str, platform: str) -> str:
    """The package URL of an image."""
    parsed = parse_reference(reference).tagged
    name = parsed.familiar.partition("@")[0]
    path, _, tag = name.rpartition(":")
    return f"pkg:docker/{path or tag}{f'@{tag}' if path else ''}?platform={quote(platform, safe='')}"


def _asked(request: Request, whole: bool) -> dict[str, Any]:
    args: dict[str, str] = {}
    if request.target:
        args["target"] = request.target
    if whole:
        args |= {f"build-arg:{name}": value or "" for name, value in request.args.items()}
        args |= {f"label:{name}": value for name, value in request.labels.items()}
    asked: dict[str, Any] = {"frontend": "dockerfile.v0", "args": args}
    if request.context is not None:
        asked["locals"] = [{"name": "context"}, {"name": "dockerfile"}]
    if request.secrets:
        asked["secrets"] = [{"id": name, "optional": True} for name in sorted(request.secrets)]
    if request.agents:
        asked["ssh"] = [{"id": name, "optional": True} for name in sorted(request.agents)]
    return asked


def _source(request: Request) -> Mapping[str, Any]:
    data = base64.b64encode(request.dockerfile).decode()
    return {"infos": [{"filename": request.name, "language": "Dockerfile", "data": data}]}
