"""What would be there after changes that are not made; asked for it, it answers as the engine would.

Not thread-safe. `ask(path)` is a GET request to the real engine, as `Client.get`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from wherry.errors import Conflict, NotFound

Ask = Callable[[str], Any]

_AFTER = {
    "start": "running",
    "restart": "running",
    "unpause": "running",
    "pause": "paused",
    "stop": "exited",
    "kill": "exited",
}


# What a path can say behind a name, and what it says in place of one.
_WHAT = {
    "build": {"wherry"},
    "containers": {"archive", "create", "exec", "json", "rename", "wait", *_AFTER},
    "images": {"create", "json", "push", "tag"},
    "networks": {"create", "disconnect"},
    "volumes": {"create"},
}
_WITHOUT_NAME = {"create", "json", "wherry"}


class Asked(NamedTuple):
    """A request's path: the kind of thing, which one (its name may have slashes), and what of it."""

    kind: str
    name: str
    what: str
    query: dict[str, str]


def asked(path: str) -> Asked:
    """A path taken apart: `/images/a/b/json` is images, a/b and json."""
    split = urlsplit(path)
    kind, *rest = unquote(split.path).strip("/").split("/")
    last = rest[-1] if rest else ""
    what = last if last in _WHAT.get(kind, ()) and (len(rest) > 1 or last in _WITHOUT_NAME) else ""
    return Asked(kind, "/".join(rest[:-1] if what else rest), what, dict(parse_qsl(split.query)))


def state_of(status: str, *, checked: bool) -> dict[str, Any]:
    """`State` of a container that is as it should be."""
    running = status in ("running", "paused")
    found: dict[str, Any] = {"Status": status, "Running": running, "Restarting": False, "ExitCode": 0}
    return found | ({"Health": {"Status": "healthy" if running else "starting"}} if checked else {})


class Stage:
    """Containers by their ids, images by their names and ids, networks and volumes by their names."""

    def __init__(self) -> None:
        self._made: dict[str, dict[str, Any]] = {}  # containers: their names, and what they were asked to be
        self._states: dict[str, str] = {}  # of containers that were started, stopped, …
        self._removed: set[str] = set()  # containers
        self._renamed: set[str] = set()  # containers whose name is free
        self._images: dict[str, str] = {}
        self._others: dict[tuple[str, str], dict[str, Any]] = {}  # networks and volumes

    def read(self, path: str, ask: Ask) -> Any:
        """The answer to a question. Raises as `ask`."""
        kind, name, what, _ = asked(path)
        if kind == "exec":
            return {"ExitCode": 0}
        if kind == "images" and name in self._images:
            return {"Id": self._images[name], "Metadata": {}}
        if (kind, name) in self._others:
            return self._others[kind, name]
        if kind == "containers" and name in self._made:
            return self._details(name, ask)
        answer = ask(path)
        if kind == "containers" and not name:
            left = [entry for entry in answer if entry["Id"] not in self._removed]
            return [{**one, "State": self._states.get(one["Id"], one.get("State", ""))} for one in left]
        if kind == "containers" and what == "json" and name in self._states:
            checked = bool(answer["State"].get("Health"))
            answer["State"] = {**answer["State"], **state_of(self._states[name], checked=checked)}
        return answer

    def _details(self, identity: str, ask: Ask) -> dict[str, Any]:
        name, body = self._made[identity]["name"], self._made[identity]["body"]
        status = self._states.get(identity, "created")
        checked = bool(body.get("Healthcheck")) or self._image_is_checked(body["Image"], ask)
        return {"Id": identity, "Name": f"/{name}", "State": state_of(status, checked=checked), "Mounts": []}

    def _image_is_checked(self, image: str, ask: Ask) -> bool:
        """Whether an image has a health check; of one that would be pulled or built nobody knows."""
        if image in self._images or image in self._images.values():
            return True
        return bool((ask(f"/images/{image}/json").get("Config") or {}).get("Healthcheck"))

    def change(self, method: str, path: str, body: Any, ask: Ask) -> Any:
        """The answer to a change. Raises NotFound, and Conflict for a container's name that is taken."""
        kind, name, what, values = asked(path)
        if method == "DELETE":
            return self._delete(kind, name, ask)
        if kind == "containers" and what == "create":
            return self._create(values.get("name", ""), body, ask)
        if kind in ("networks", "volumes") and what == "create":
            made = {"Id": secrets.token_hex(32), "Name": body["Name"], "Labels": body.get("Labels") or {}}
            self._others[kind, body["Name"]] = made
            return made
        if kind == "containers" and what == "exec":
            return {"Id": secrets.token_hex(32)}
        if kind == "containers" and what in _AFTER:
            self._states[name] = _AFTER[what]
        elif kind == "containers" and what == "rename":
            self._renamed.add(name)
        return None

    def _create(self, name: str, body: dict[str, Any], ask: Ask) -> dict[str, Any]:
        try:
            holder = str(ask(f"/containers/{name}/json")["Id"])
        except NotFound:
            pass
        else:
            if holder not in self._removed | self._renamed:
                raise Conflict(
                    f'Conflict. The container name "/{name}" is already in use by container "{holder}". '
                    "You have to remove (or rename) that container to be able to reuse that name."
                )
        identity = secrets.token_hex(32)
        self._made[identity] = {"name": name, "body": body}
        return {"Id": identity, "Warnings": []}

    def _delete(self, kind: str, name: str, ask: Ask) -> None:
        if kind == "containers":
            self._made.pop(name, None)
            self._removed.add(name)
        elif kind == "images":
            ask(f"/images/{name}/json")
        elif kind == "networks" and (kind, name) not in self._others:
            self._others = {key: one for key, one in self._others.items() if one["Id"] != name}

    def has_image(self, name: str, identity: str = "") -> None:
        """An image was pulled or built."""
        self._images[name] = identity or f"sha256:{secrets.token_hex(32)}"
