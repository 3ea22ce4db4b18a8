"""What a check found out."""

from __future__ import annotations

GOOD, NOTE, LACK = "good", "note", "lack"


class Finding:
    """One thing looked at: whether it is there, what its absence means, and the command that mends it.

    `note`: containers run without it, but something is weaker or missing. `lack`: they do not.
    """

    __slots__ = ("area", "means", "mend", "state", "what")

    def __init__(self, area: str, what: str, state: str = GOOD, means: str = "", mend: str = "") -> None:
        self.area = area
        self.what = what
        self.state = state
        self.means = means
        self.mend = mend

    def as_dict(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in ("area", "what", "state", "means", "mend")}
