"""Counters in the text form that Prometheus reads (exposition format 0.0.4).

Each worker process counts for itself and now and then puts its counters into a file of a shared directory;
whichever worker is asked adds up everybody's.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import time

import msgspec

_LOG = logging.getLogger("registry")
_BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0)  # seconds
_HELP = {
    "requests_total": ("counter", "Requests answered, by what was asked and status."),
    "request_seconds": ("histogram", "Seconds until an answer was complete."),
    "received_bytes_total": ("counter", "Bytes of blobs and manifests received."),
    "sent_bytes_total": ("counter", "Bytes of blobs and manifests sent."),
    "in_flight": ("gauge", "Requests being answered."),
    "wrong_credentials_total": ("counter", "Requests with wrong credentials."),
    "clients_given_up_total": ("counter", "Connections ended because a client did not get on."),
    "collected_bytes_total": ("counter", "Bytes freed by garbage collection."),
    "collections_total": ("counter", "Garbage collections that ended well."),
    "cache_hits_total": ("counter", "Requests of a pull-through cache answered from the storage."),
    "cache_misses_total": ("counter", "Requests of a pull-through cache that asked the other registry."),
}


class Metrics:
    """Counters by name and labels."""

    def __init__(self, directory: str = "", name: str = "") -> None:
        """`name` is the worker's in the shared `directory`; one that was there before goes on counting."""
        self._path = os.path.join(directory, f"{name}.json") if directory else ""
        self._values: dict[str, float] = {}
        self._written = 0.0
        if self._path:
            os.makedirs(directory, mode=0o700, exist_ok=True)
            self._values = {
                key: value for key, value in _read(self._path).items() if not key.startswith("in_flight")
            }

    def add(self, name: str, amount: float = 1, labels: str = "") -> None:
        """`labels` as they are written between the braces."""
        key = f"{name}{{{labels}}}" if labels else name
        self._values[key] = self._values.get(key, 0) + amount

    def value(self, name: str) -> float:
        """This worker's own."""
        return self._values.get(name, 0)

    def observe(self, kind: str, status: int, seconds: float) -> None:
        """A request that was answered."""
        self.add("requests_total", 1, f'kind="{kind}",status="{status}"')
        for bucket in _BUCKETS:
            if seconds <= bucket:
                self.add("request_seconds_bucket", 1, f'kind="{kind}",le="{bucket:g}"')
        self.add("request_seconds_bucket", 1, f'kind="{kind}",le="+Inf"')
        self.add("request_seconds_sum", seconds, f'kind="{kind}"')
        self.add("request_seconds_count", 1, f'kind="{kind}"')

    def save(self, *, every: float = 0) -> None:
        """Let the other workers see; not more often than `every` seconds."""
        if self._path and time.monotonic() - self._written >= every:
            self._written = time.monotonic()
            draft = f"{self._path}.{secrets.token_hex(4)}"
            try:
                with open(draft, "wb") as file:
                    file.write(msgspec.json.encode(self._values))
                os.replace(draft, self._path)
            except OSError as error:  # a full disk, say: no reason to refuse a request
                _LOG.warning("counters: %s", error)
                with contextlib.suppress(OSError):
                    os.unlink(draft)

    def text(self) -> str:
        """Everybody's counters."""
        total = dict(self._values)
        if self._path:
            directory, mine = os.path.split(self._path)
            for name in os.listdir(directory):
                if name.endswith(".json") and name != mine:
                    for key, value in _read(os.path.join(directory, name)).items():
                        total[key] = total.get(key, 0) + value
        lines = []
        for name, (kind, about) in _HELP.items():
            found = sorted(key for key in total if _family(key) == name)
            if found:
                lines += [f"# HELP wherry_registry_{name} {about}", f"# TYPE wherry_registry_{name} {kind}"]
                lines += [f"wherry_registry_{key} {total[key]:.17g}" for key in found]
        return "\n".join([*lines, ""])


def _family(key: str) -> str:
    name = key.partition("{")[0]
    for suffix in ("_bucket", "_sum", "_count"):
        if name == f"request_seconds{suffix}":
            return "request_seconds"
    return name


def _read(path: str) -> dict[str, float]:
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=dict[str, float])
    except (OSError, msgspec.DecodeError):
        return {}
