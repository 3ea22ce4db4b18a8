"""Waiting for a container to be what another service, or `up --wait`, wants of it."""

from __future__ import annotations

import time

from wherry.client.api import Client
from wherry.errors import Unavailable

_FIRST, _LAST = 0.02, 0.25  # seconds between two looks, growing


def until_healthy(client: Client, identity: str) -> None:
    """Block until its health check agrees. Raises Unavailable when it does not, ends, or there is none."""
    pause = _FIRST
    while True:
        details = client.get(f"/containers/{identity}/json")
        state, name = details["State"], str(details["Name"]).removeprefix("/")
        health = (state.get("Health") or {}).get("Status") or "none"
        if health == "healthy":
            return
        if not state["Running"] and not state.get("Restarting"):
            raise Unavailable(f"container {name} exited ({state['ExitCode']})")
        if health == "none":
            raise Unavailable(
                f"container {name} has no healthcheck configured", hint="condition: service_healthy wants one"
            )
        if health == "unhealthy":
            log = (state["Health"].get("Log") or [{}])[-1]
            raise Unavailable(f"container {name} is unhealthy", hint=str(log.get("Output", "")).strip())
        time.sleep(pause)
        pause = min(_LAST, pause * 1.5)


def until_completed(client: Client, identity: str) -> None:
    """Block until it has ended with code 0. Raises Unavailable for another code."""
    response = client.stream("POST", f"/containers/{identity}/wait?condition=not-running")
    try:
        code = int(response.json()["StatusCode"])
    finally:
        response.close()
    if code:
        name = str(client.get(f"/containers/{identity}/json")["Name"]).removeprefix("/")
        raise Unavailable(f'service "{name}" didn\'t complete successfully: exit {code}')


def until_ready(client: Client, identity: str, timeout: float) -> None:
    """Block until it runs, and is healthy where it has a check. `timeout` in seconds, 0 for none."""
    deadline = time.monotonic() + timeout if timeout else None
    pause = _FIRST
    while True:
        details = client.get(f"/containers/{identity}/json")
        state, name = details["State"], str(details["Name"]).removeprefix("/")
        health = (state.get("Health") or {}).get("Status") or "none"
        if state["Running"] and health in ("none", "healthy"):
            return
        if not state["Running"] and not state.get("Restarting"):
            if state["ExitCode"] == 0:
                return
            raise Unavailable(f"container {name} exited ({state['ExitCode']})")
        if health == "unhealthy":
            raise Unavailable(f"container {name} is unhealthy")
        if deadline is not None and time.monotonic() > deadline:
            raise Unavailable(f"application not healthy after {timeout:g}s: {name} is {health}")
        time.sleep(pause)
        pause = min(_LAST, pause * 1.5)
