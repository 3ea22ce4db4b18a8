"""Image references: `[domain/]path[:tag][@digest]`, with Docker's rules for what may be left out.

`busybox` means `docker.io/library/busybox:latest`. The first component is a registry only when it looks like
a host: it has a dot or a colon, is `localhost`, or has an upper-case letter. Grammar: the distribution
project's reference grammar, which Docker, Podman and every registry follow.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from wherry.errors import Invalid
from wherry.oci.digest import is_digest

__all__ = ["DEFAULT_DOMAIN", "DEFAULT_TAG", "Reference", "looks_like_id", "parse_reference"]

DEFAULT_DOMAIN = "docker.io"
DEFAULT_TAG = "latest"
_OFFICIAL = "library"
_OLD_DOMAIN = "index.docker.io"
_MAX_NAME = 255

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_ID = re.compile(r"(?:sha256:)?[0-9a-f]{1,64}")
_FULL_ID = re.compile(r"[0-9a-f]{64}")


class Reference(NamedTuple):
    """One name of an image. `tag` and `digest` may both be empty: then it names a repository."""

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def repository(self) -> str:
        """`docker.io/library/busybox`: the full name without tag and digest."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar_name(self) -> str:
        """`busybox`: the repository as Docker shows it."""
        if self.domain != DEFAULT_DOMAIN:
            return self.repository
        head, slash, rest = self.path.partition("/")
        if slash and _is_host(head):
            return self.repository  # docker.io/a.b/c: without its domain it would mean another registry
        return rest if slash and head == _OFFICIAL and "/" not in rest else self.path

    @property
    def familiar(self) -> str:
        """`busybox:latest`, `busybox@sha256:…`: the whole reference as Docker shows it."""
        return self.familiar_name + self._suffix()

    @property
    def tagged(self) -> Reference:
        """The same, with the default tag when it has neither tag nor digest."""
        return self if self.tag or self.digest else self._replace(tag=DEFAULT_TAG)

    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        """`docker.io/library/busybox:latest`: the canonical form, which is also what the database keeps."""
        return self.repository + self._suffix()


def parse_reference(text: str) -> Reference:
    """The reference that `text` means; no default tag is added (see `Reference.tagged`).

    Raises Invalid with Docker's wording.
    """
    if _FULL_ID.fullmatch(text):
        raise Invalid(
            f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings",
            hint="that is an image id; a name is needed here",
        )
    rest, at, digest = text.partition("@")
    if at and not is_digest(digest):
        raise _malformed(text)
    domain, remainder = _split_domain(rest)
    path, colon, tag = remainder.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise _malformed(text)
    if path != path.lower():
        raise Invalid(
            f"invalid reference format: repository name ({path}) must be lowercase",
            hint=f"write it as {path.lower()}",
        )
    if not _PATH.fullmatch(path) or not _DOMAIN.fullmatch(domain):
        raise _malformed(text)
    if len(domain) + 1 + len(path) > _MAX_NAME:
        raise Invalid(f"repository name must not be more than {_MAX_NAME} characters")
    return Reference(domain, path, tag, digest)


def looks_like_id(text: str) -> bool:
    """Whether `text` may be an image id or the beginning of one (`sha256:` may stand before it)."""
    return _ID.fullmatch(text) is not None


def _split_domain(name: str) -> tuple[str, str]:
    head, slash, rest = name.partition("/")
    if not slash or not _is_host(head):
        domain, rest = DEFAULT_DOMAIN, name
    elif head == _OLD_DOMAIN:
        domain = DEFAULT_DOMAIN
    else:
        domain = head
    if domain == DEFAULT_DOMAIN and "/" not in rest:
        rest = f"{_OFFICIAL}/{rest}"
    return domain, rest


def _is_host(component: str) -> bool:
    return "." in component or ":" in component or component == "localhost" or component != component.lower()


def _malformed(text: str) -> Invalid:
    return Invalid(
        "invalid reference format",
        hint=f"{text[:200]!r} is not [registry/]name[:tag][@digest], with the name in lower case",
    )
