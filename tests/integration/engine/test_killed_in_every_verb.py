"""kill -9 of the engine in the middle of every verb: it is done or not done, and can be done then."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.harness.engine import EngineUnderTest, UnixConnection
from tests.harness.waiting import until

STABLE = {"created", "running", "paused", "exited"}
DELAYS = [float(text) for text in os.environ.get("WHERRY_KILL_AFTER", "0 0.004 0.02 0.06").split()]
"""Seconds from the requests to the kill; a long run has more."""

Api = Callable[..., tuple[int, Any]]


class Verb(NamedTuple):
    """A request, what must be there before it, and what may be found after it.

    `C` in `path` and `body` stands for the verb's own name. Sent again, the request must give one of `again`,
    and afterwards `holds` must be true.
    """

    method: str
    path: str
    body: Any = None
    needs: str = ""
    """"running", "created", "network", "volume" or "": what is made before, named after the verb."""
    again: tuple[int, ...] = (200, 201, 204)
    holds: Callable[[Api, str], bool] = lambda api, name: True


def state(wanted: str) -> Callable[[Api, str], bool]:
    return lambda api, name: api("GET", f"/containers/{name}/json")[1]["State"]["Status"] == wanted


def gone(path: str) -> Callable[[Api, str], bool]:
    return lambda api, name: api("GET", path.replace("C", name))[0] == 404


def there(path: str) -> Callable[[Api, str], bool]:
    return lambda api, name: api("GET", path.replace("C", name))[0] == 200


def connected(api: Api, name: str) -> bool:
    return name in api("GET", f"/containers/{name}/json")[1]["NetworkSettings"]["Networks"]


def limited(api: Api, name: str) -> bool:
    return bool(api("GET", f"/containers/{name}/json")[1]["HostConfig"]["RestartPolicy"]["Name"] == "always")


CREATE = {"Image": "IMAGE", "Cmd": ["sleep", "600"], "HostConfig": {"NetworkMode": "none"}}
VERBS: dict[str, Verb] = {
    "create": Verb("POST", "/containers/create?name=C", CREATE, again=(201, 409), holds=state("created")),
    "start": Verb("POST", "/containers/C/start", needs="created", again=(204, 304), holds=state("running")),
    "stop": Verb("POST", "/containers/C/stop?t=0", needs="running", again=(204, 304), holds=state("exited")),
    "kill": Verb("POST", "/containers/C/kill", needs="running", again=(204, 409), holds=state("exited")),
    "restart": Verb("POST", "/containers/C/restart?t=0", needs="running", holds=state("running")),
    "rename": Verb(
        "POST",
        "/containers/C/rename?name=C-2",
        needs="created",
        again=(204, 404),
        holds=there("/containers/C-2/json"),
    ),
    "update": Verb(
        "POST", "/containers/C/update", {"RestartPolicy": {"Name": "always"}}, needs="running", holds=limited
    ),
    "remove": Verb(
        "DELETE", "/containers/C?force=1", needs="running", again=(204, 404), holds=gone("/containers/C/json")
    ),
    "commit": Verb("POST", "/commit?container=C&repo=C", needs="created", holds=there("/images/C/json")),
    "exec": Verb("POST", "/containers/C/exec", {"Cmd": ["true"]}, needs="running", holds=state("running")),
    "network": Verb("POST", "/networks/create", {"Name": "C"}, again=(201, 409), holds=there("/networks/C")),
    "connect": Verb(
        "POST", "/networks/C/connect", {"Container": "C"}, needs="network", again=(200, 403), holds=connected
    ),
    "unmake": Verb("DELETE", "/networks/C", needs="network", again=(204, 404), holds=gone("/networks/C")),
    "volume": Verb("POST", "/volumes/create", {"Name": "C"}, holds=there("/volumes/C")),
    "empty": Verb("DELETE", "/volumes/C", needs="volume", again=(204, 404), holds=gone("/volumes/C")),
    "tag": Verb("POST", "/images/IMAGE/tag?repo=C", holds=there("/images/C/json")),
    "prune": Verb("POST", '/containers/prune?filters={"label":["prune"]}', holds=lambda api, name: True),
}


def filled(value: Any, name: str, image: str) -> Any:
    """The request for one verb: its name and the image's in their places."""
    if isinstance(value, dict):
        return {key: filled(item, name, image) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, name, image) for item in value]
    if not isinstance(value, str):
        return value
    return (
        value.replace("IMAGE", image)
        if "IMAGE" in value
        else value.replace("C", name)
        if "C" in value
        else value
    )


@pytest.mark.parametrize("delay", DELAYS)
def test_every_verb_is_done_or_not_done(own_engine: EngineUnderTest, image: str, delay: float) -> None:
    def path_of(verb: Verb, name: str) -> str:
        head, mark, query = verb.path.partition("?")
        return f"{filled(head, name, image)}{mark}" + str(filled(query, name, image)).replace('"', "%22")

    for name, verb in VERBS.items():
        prepare(own_engine.api, name, verb.needs, image)
    senders = [
        threading.Thread(
            target=ask, args=(own_engine, verb.method, path_of(verb, name), filled(verb.body, name, image))
        )
        for name, verb in VERBS.items()
    ]
    for sender in senders:
        sender.start()
    time.sleep(delay)
    own_engine.kill()
    for sender in senders:
        sender.join(60)
    own_engine.start()
    api = own_engine.api
    for listed in api("GET", "/containers/json?all=1")[1]:
        status, found = api("GET", f"/containers/{listed['Id']}/json")
        assert (status, found["State"]["Status"] in STABLE) == (200, True), found
        running = found["State"]["Status"] == "running"
        assert running == (found["State"]["Pid"] > 0)
        assert not running or os.path.exists(f"/proc/{found['State']['Pid']}")
    wrong = []
    for name, verb in VERBS.items():
        status, said = api(verb.method, path_of(verb, name), filled(verb.body, name, image))
        if status not in verb.again:
            wrong.append(f"{name}: {status} {said}")
            continue
        try:
            until(lambda verb=verb, name=name: verb.holds(api, name), 20)  # type: ignore[misc]
        except AssertionError:
            wrong.append(f"{name}: does not hold after {status}")
    assert not wrong, "\n".join(wrong)
    assert "Traceback" not in own_engine.log_text(), own_engine.log_text()[-3000:]
    for name in ("network", "connect", "unmake"):
        own_engine.api("DELETE", f"/containers/{name}?force=1")
        own_engine.api("DELETE", f"/networks/{name}")


def prepare(api: Api, name: str, needs: str, image: str) -> None:
    """Make what a verb works on."""
    if needs in ("created", "running", "network"):
        assert api("POST", f"/containers/create?name={name}", filled(CREATE | {}, name, image))[0] == 201
    if needs == "running":
        assert api("POST", f"/containers/{name}/start")[0] == 204
    if needs == "network":
        api("DELETE", f"/containers/{name}")
        assert api("POST", "/networks/create", {"Name": name})[0] == 201
        body = filled(CREATE, name, image) | {"HostConfig": {"NetworkMode": "bridge"}}
        assert api("POST", f"/containers/create?name={name}", body)[0] == 201
    if needs == "volume":
        assert api("POST", "/volumes/create", {"Name": name})[0] == 201


def ask(engine: EngineUnderTest, method: str, path: str, body: Any) -> None:
    """Send a request whose answer may never come."""
    connection = UnixConnection(engine.socket, 30)
    with contextlib.suppress(OSError, http.client.HTTPException):
        data = None if body is None else json.dumps(body).encode()
        connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
        connection.getresponse().read()
    connection.close()
