"""What marks a container's messages: the tag, and the labels and variables that the options name."""

from __future__ import annotations

import re
from typing import NamedTuple

from wherry.errors import Invalid

DEFAULT_TAG = "{{.ID}}"
_FIELD = re.compile(r"\{\{-?\s*\.(\w+)\s*-?\}\}")


class About(NamedTuple):
    """The container whose output it is, as it was when it was started."""

    id: str
    name: str
    image_id: str
    image_name: str
    labels: dict[str, str]
    environment: tuple[str, ...]

    def fields(self) -> dict[str, str]:
        """What a tag may name."""
        return {
            "ID": self.id[:12],
            "FullID": self.id,
            "Name": self.name,
            "ImageID": self.image_id.removeprefix("sha256:")[:12],
            "ImageFullID": self.image_id,
            "ImageName": self.image_name,
            "DaemonName": "wherry",
        }


_KNOWN = frozenset(About("", "", "", "", {}, ()).fields())


def check(template: str) -> None:
    """Raise Invalid for a tag that names what there is not, or wants more than fields."""
    for name in _FIELD.findall(template):
        if name not in _KNOWN:
            raise Invalid(
                f"can't evaluate field {name} in tag {template!r}",
                hint=f"fields: {', '.join(sorted(_KNOWN))}",
            )
    if "{{" in _FIELD.sub("", template):
        raise Invalid(
            f"template parsing error: tag {template!r}", hint="fields such as {{.Name}} are filled in"
        )


def tag_of(about: About, options: dict[str, str]) -> str:
    """The tag with its fields filled in."""
    fields = about.fields()
    return _FIELD.sub(lambda found: fields.get(found[1], ""), options.get("tag", "") or DEFAULT_TAG)


def extra(about: About, options: dict[str, str]) -> dict[str, str]:
    """The labels and variables that `labels`, `labels-regex`, `env` and `env-regex` name."""
    variables = dict(item.partition("=")[::2] for item in about.environment)
    return {**_chosen(about.labels, options, "labels"), **_chosen(variables, options, "env")}


def _chosen(there: dict[str, str], options: dict[str, str], option: str) -> dict[str, str]:
    names = [name for name in options.get(option, "").split(",") if name]
    chosen = {name: there[name] for name in names if name in there}
    pattern = options.get(f"{option}-regex", "")
    if pattern:
        chosen |= {name: value for name, value in there.items() if re.search(pattern, name)}
    return chosen
