"""The findings of build checks as BuildKit answers them: JSON, with the Dockerfile that they are about.

Source: moby/buildkit frontend/subrequests/lint.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from wherry.build.checks import check
from wherry.build.dockerfile import DockerfileError, parse

__all__ = ["findings"]

_RULES = "https://docs.docker.com/go/dockerfile/rule/"


def findings(text: bytes, name: str) -> dict[str, bytes]:
    """By the names of a result's metadata. `result.statuscode` is 1 when there is anything."""
    warnings: list[dict[str, Any]] = []
    told: dict[str, Any] = {"warnings": warnings}
    told["sources"] = [{"filename": name, "language": "Dockerfile", "data": base64.b64encode(text).decode()}]
    lines = []
    try:
        for one in check(parse(text, name)):
            warnings.append(
                {
                    "ruleName": one.rule,
                    "description": one.text,
                    "url": _RULES + _spelled(one.rule) + "/",
                    "detail": one.text,
                    "location": _location(one.line),
                }
            )
            lines.append(f"{name}:{one.line}: {one.rule}: {one.text}")
    except DockerfileError as error:
        told["buildError"] = {"message": error.message, "location": _location(error.line)}
        lines.append(error.message)
    return {
        "result.json": json.dumps(told).encode(),
        "result.txt": "".join(f"{line}\n" for line in lines).encode(),
        "result.statuscode": b"1" if lines else b"0",
        "version": b"1.0.0",
    }


def _location(line: int) -> dict[str, Any]:
    return {"ranges": [{"start": {"line": line}, "end": {"line": line}}]}


def _spelled(rule: str) -> str:
    """JSONArgsRecommended is json-args-recommended in an address."""
    spelled = ""
    for at, char in enumerate(rule):
        begins = char.isupper() and at and (rule[at - 1].islower() or rule[at + 1 : at + 2].islower())
        spelled += f"-{char}" if begins else char
    return spelled.lower()
