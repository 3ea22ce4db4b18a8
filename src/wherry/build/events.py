"""What a build says while it goes on: plain objects, sent to clients as JSON."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["Event", "StageEnded", "StepDone", "StepOutput", "StepStarted", "Warned"]


class StepStarted(msgspec.Struct, tag="started", tag_field="event"):
    """`step` is unique in a build; `number` of `total`, from 1; `text` on one line."""

    step: int
    stage: str
    stage_number: int
    number: int
    total: int
    text: str


class StepOutput(msgspec.Struct, tag="output", tag_field="event"):
    """Something a step printed; `stream` is 1 or 2. `data` is text, with what is no UTF-8 replaced."""

    step: int
    stream: int
    data: str


class StepDone(msgspec.Struct, tag="done", tag_field="event", omit_defaults=True):
    """`state` is a short name of what there is after the step. `why`: what kept it from the cache."""

    step: int
    cached: bool
    seconds: float
    state: str = ""
    container: str = ""
    why: list[str] = []
    error: str = ""


class StageEnded(msgspec.Struct, tag="stage", tag_field="event"):
    """A stage has said its last."""

    stage_number: int


class Warned(msgspec.Struct, tag="warning", tag_field="event", omit_defaults=True):
    """`rule` is Docker's name of a check, or empty."""

    text: str
    rule: str = ""
    line: int = 0


Event = StepStarted | StepOutput | StepDone | StageEnded | Warned | dict[str, Any]
