"""`post_start` and `pre_stop`: commands of a service that run in its container."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wherry.client.api import Client
from wherry.client.objects.frames import gathered, received
from wherry.errors import Unavailable

Hooks = Mapping[str, Sequence[dict[str, Any]]]
_UPGRADE = {"Connection": "Upgrade", "Upgrade": "tcp"}


def run_hooks(client: Client, identity: str, name: str, kind: str, hooks: Sequence[dict[str, Any]]) -> None:
    """Run the commands one after the other. Raises Unavailable, with what it wrote, when one fails."""
    for hook in hooks:
        body = {
            "Cmd": hook["command"],
            "User": str(hook.get("user") or ""),
            "WorkingDir": str(hook.get("working_dir") or ""),
            "Privileged": bool(hook.get("privileged")),
            "Env": [
                f"{key}={value}"
                for key, value in (hook.get("environment") or {}).items()
                if value is not None
            ],
            "AttachStdout": True,
            "AttachStderr": True,
        }
        exec_id = client.post(f"/containers/{identity}/exec", body)["Id"]
        pending = client.begin("POST", f"/exec/{exec_id}/start", {}, headers=_UPGRADE)
        stream, left = pending.upgraded()
        out, err = gathered(received(stream, left), raw=False)
        code = int(client.get(f"/exec/{exec_id}/json")["ExitCode"] or 0)
        if code:
            said = (err or out).decode("utf-8", "replace").strip()
            raise Unavailable(f"{kind} hook of {name} exited with status {code}", hint=said)


def pre_stop(services: Mapping[str, Any]) -> Hooks:
    """The commands to run before a container is stopped, by service."""
    return {
        name: service.fields["pre_stop"]
        for name, service in services.items()
        if service.fields.get("pre_stop")
    }
