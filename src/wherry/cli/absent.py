"""Commands of Docker's that are not here, and what there is instead."""

from __future__ import annotations

INSTEAD = {
    "buildx": "`wherry build` builds; `wherry builder` shows and empties its cache",
    "checkpoint": "there are no checkpoints; `wherry pause` holds a container",
    "config": "configs belong to compose files: `configs:` at the top and in a service",
    "node": "there is no swarm: stacks run on this machine, see `wherry stack --help`",
    "plugin": "there are no plugins: the drivers of volumes, networks and logs are built in",
    "secret": "secrets belong to compose files: `secrets:` at the top and in a service",
    "service": "there is no swarm: `wherry stack deploy` starts a compose file's services on this machine",
    "swarm": "none is needed: `wherry stack deploy -c compose.yaml NAME` works as it is",
    "trust": "there is no content trust; `wherry pull NAME@sha256:…` takes exactly one content",
}
