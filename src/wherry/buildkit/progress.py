"""A build's events as BuildKit's vertexes, for one client or several that watch it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

from wherry.build.events import Event, StageEnded, StepDone, StepOutput, StepStarted, Warned
from wherry.buildkit import messages as m

__all__ = ["Progress"]


class Progress:
    """Everything that was said is kept until the build is forgotten: who comes late hears it all."""

    def __init__(self, ref: str) -> None:
        self._ref = ref
        self._said: list[m.StatusResponse] = []
        self._over = False
        self._more = asyncio.Condition()
        self._vertexes: dict[object, m.Vertex] = {}

    async def say(self, event: Event) -> None:
        """One event of the build."""
        response = self._translate(event)
        if response is not None:
            await self._add(response)

    async def step(self, name: str) -> m.Vertex:
        """A step that is not one of the Dockerfile's has begun; `done` ends it."""
        vertex = self._vertex(name, name)
        vertex.started = m.Timestamp.now()
        await self._add(m.StatusResponse(vertexes=[vertex]))
        return vertex

    async def done(self, vertex: m.Vertex, error: str = "") -> None:
        """It has ended."""
        vertex.completed = m.Timestamp.now()
        vertex.error = error
        await self._add(m.StatusResponse(vertexes=[vertex]))

    async def end(self) -> None:
        """There is no more."""
        async with self._more:
            self._over = True
            self._more.notify_all()

    async def watch(self) -> AsyncIterator[m.StatusResponse]:
        """All of it, from the beginning to the end."""
        at = 0
        while True:
            async with self._more:
                while at >= len(self._said) and not self._over:
                    await self._more.wait()
                found = self._said[at:]
                over = self._over
            for response in found:
                yield response
            at += len(found)
            if over and at >= len(self._said):
                return

    async def _add(self, response: m.StatusResponse) -> None:
        async with self._more:
            self._said.append(response)
            self._more.notify_all()

    def _translate(self, event: Event) -> m.StatusResponse | None:
        now = m.Timestamp.now()
        if isinstance(event, StepStarted):
            vertex = self._vertex(event.step, f"[{event.stage} {event.number}/{event.total}] {event.text}")
            vertex.started = now
            return m.StatusResponse(vertexes=[vertex])
        if isinstance(event, StepOutput):
            vertex = self._vertexes[event.step]
            log = m.VertexLog(vertex.digest, now, event.stream, event.data.encode("utf-8", "replace"))
            return m.StatusResponse(logs=[log])
        if isinstance(event, StepDone):
            vertex = self._vertexes[event.step]
            vertex.completed, vertex.cached, vertex.error = now, event.cached, event.error
            return m.StatusResponse(vertexes=[vertex])
        if isinstance(event, Warned):
            vertex = self._vertex("warnings", "checking the Dockerfile")
            vertex.started = vertex.completed = now
            text = f"{event.rule}: {event.text}" if event.rule else event.text
            where = f" (line {event.line})" if event.line else ""
            warning = m.VertexWarning(vertex.digest, 1, f"{text}{where}".encode())
            return m.StatusResponse(vertexes=[vertex], warnings=[warning])
        if isinstance(event, StageEnded):
            return None
        return self._pulling(event, now)

    def _pulling(self, event: dict[str, Any], now: m.Timestamp) -> m.StatusResponse | None:
        """Docker's progress of a pull."""
        text = str(event.get("status", ""))
        if not text:
            return None
        vertex = self._vertex("pull", "[internal] pulling base images")
        vertex.started = vertex.completed = vertex.started or now
        detail = event.get("progressDetail") or {}
        name = f"{event['id']}: {text}" if event.get("id") else text
        status = m.VertexStatus(
            id=str(event.get("id") or text),
            vertex=vertex.digest,
            name=name,
            current=int(detail.get("current") or 0),
            total=int(detail.get("total") or 0),
            timestamp=now,
            started=now,
        )
        return m.StatusResponse(vertexes=[vertex], statuses=[status])

    def _vertex(self, key: object, name: str) -> m.Vertex:
        vertex = self._vertexes.get(key)
        if vertex is None:
            digest = hashlib.sha256(f"{self._ref}\0{key}".encode()).hexdigest()
            vertex = self._vertexes[key] = m.Vertex(digest=f"sha256:{digest}", name=name)
        return vertex
