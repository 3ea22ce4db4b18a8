"""The container or image that was probably meant, when the engine knows none of that name."""

from __future__ import annotations

from wherry.cli.suggest import nearest
from wherry.errors import NotFound, WherryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wherry.client.api import Client

_PHRASES = (("No such container: ", "/containers/json?all=1"), ("No such image: ", "/images/json"))


def hint_for(error: WherryError, client: Client) -> str:
    """The error's own hint, else the nearest name that there is, else nothing. Asks the engine once more."""
    if error.hint or not isinstance(error, NotFound):
        return error.hint
    known = {phrase: path for phrase, path in _PHRASES if phrase in error.message}
    if not known:
        return ""
    phrase, path = known.popitem()
    wanted = error.message.partition(phrase)[2]
    names: list[str] = []
    try:
        for entry in client.get(path):
            names += [name.lstrip("/") for name in entry.get("Names") or ()]
            names += [tag.removesuffix(":latest") for tag in entry.get("RepoTags") or ()]
    except (WherryError, OSError):
        return ""
    name = nearest(wanted.strip().removesuffix(":latest"), names)
    return f"did you mean {name}?" if name else ""
