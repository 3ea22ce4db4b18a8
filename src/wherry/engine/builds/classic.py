"""A build's events as the objects that Docker's classic builder streams."""

from __future__ import annotations

from typing import Any

from wherry.build.events import Event, StageEnded, StepDone, StepOutput, StepStarted, Warned

__all__ = ["Classic"]


class Classic:
    """Stages that run at the same time are shown one after another: one of them is live, what the others say
    is kept until it is their turn."""

    def __init__(self) -> None:
        self._stage_of: dict[int, int] = {}
        self._kept: dict[int, list[dict[str, Any]]] = {}
        self._open: dict[int, int] = {}
        self._live = -1

    def feed(self, event: Event) -> list[dict[str, Any]]:
        """What to send now."""
        if isinstance(event, dict):
            return [event]
        if isinstance(event, Warned):
            return [{"stream": f"{event.text}\n"}] if not event.rule else []
        if isinstance(event, StepStarted):
            self._stage_of[event.step] = event.stage_number
            said = [{"stream": f"Step {event.number}/{event.total} : {event.text}"}, {"stream": "\n"}]
            return self._say(event.stage_number, said)
        if isinstance(event, StageEnded):
            return self._stage_ended(event.stage_number)
        stage = self._stage_of[event.step]
        if isinstance(event, StepOutput):
            return self._say(stage, [{"stream": event.data}])
        return self._say(stage, _done(event))

    def finish(self) -> list[dict[str, Any]]:
        """Whatever is still kept."""
        said = [item for stage in sorted(self._kept) for item in self._kept[stage]]
        self._kept.clear()
        return said

    def _stage_ended(self, stage: int) -> list[dict[str, Any]]:
        """A stage has said its last: the next one is shown."""
        self._open[stage] = 0
        if stage != self._live:
            return []
        waiting = [number for number in sorted(self._kept) if number != stage]
        if not waiting:
            self._live = -1
            return []
        self._live = waiting[0]
        said = self._kept.pop(self._live)
        if self._open.get(self._live) == 0:
            said += self._stage_ended(self._live)
        return said

    def _say(self, stage: int, said: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if self._live < 0:
            self._live = stage
        if stage == self._live:
            return said
        self._kept.setdefault(stage, []).extend(said)
        return []


def _done(event: StepDone) -> list[dict[str, Any]]:
    said = []
    if event.cached:
        said.append({"stream": " ---> Using cache\n"})
    if event.container and not event.error:
        said.append({"stream": f" ---> Removed intermediate container {event.container}\n"})
    if event.state:
        said.append({"stream": f" ---> {event.state}\n"})
    return said
