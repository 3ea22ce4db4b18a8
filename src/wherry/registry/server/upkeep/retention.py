"""Which tags and manifests go by the rules of the configuration."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Sequence
from typing import NamedTuple

from wherry.errors import Invalid
from wherry.oci.manifest import Index, parse_document
from wherry.registry.server.content import Content, Tag
from wherry.registry.server.failures import Refusal
from wherry.registry.server.storage import Missing
from wherry.registry.server.upkeep.survey import Survey, survey

_UNTAGGED_AT_LEAST = 3600.0  # seconds; an image's parts are pushed before its tag


class Rule(NamedTuple):
    """Tags that fit go when they are beyond the newest `keep` and older than `older` seconds.

    `untagged` seconds is the age after which manifests go that no tag leads to; None keeps them.
    """

    repositories: str
    tags: str
    keep: int
    older: float
    untagged: float | None


class Going(NamedTuple):
    """A tag, or with a digest for it an untagged manifest, that goes."""

    repository: str
    reference: str


async def retain(content: Content, rules: Sequence[Rule], *, dry_run: bool = False) -> list[Going]:
    """What went, or would go."""
    found = await survey(content.driver)
    going: list[Going] = []
    for name in sorted({*found.tags, *found.manifests}):
        tags = await _tags(content, name, found)
        for rule in rules:
            if not fnmatch.fnmatchcase(name, rule.repositories):
                continue
            for tag in _beyond(tags, rule):
                if dry_run or await _still(content, name, tag, tags[tag]):
                    going.append(Going(name, tag))
                    if not dry_run:
                        await content.delete_tag(name, tag)
                    del tags[tag]
            if rule.untagged is not None:
                for digest in await _untagged(content, name, found, tags, rule.untagged):
                    going.append(Going(name, digest))
                    if not dry_run:
                        await _delete(content, name, digest)
    return list(dict.fromkeys(going))


def _beyond(tags: dict[str, Tag], rule: Rule) -> list[str]:
    if not rule.keep and not rule.older:
        return []
    fitting = [tag for tag in tags if fnmatch.fnmatchcase(tag, rule.tags)]
    fitting.sort(key=lambda tag: (tags[tag].at, tag), reverse=True)
    limit = time.time() - rule.older
    return [tag for tag in fitting[rule.keep :] if tags[tag].at < limit]


async def _tags(content: Content, name: str, found: Survey) -> dict[str, Tag]:
    tags = {}
    for tag in found.tags.get(name, []):
        try:
            tags[tag] = await content.tag(name, tag)
        except Refusal:
            continue
    return tags


async def _still(content: Content, name: str, tag: str, was: Tag) -> bool:
    try:
        return await content.tag(name, tag) == was
    except Refusal:
        return False


async def _untagged(
    content: Content, name: str, found: Survey, tags: dict[str, Tag], age: float
) -> list[str]:
    """Manifests that neither a tag, nor an index that stays, nor a subject that stays leads to."""
    manifests = found.manifests.get(name, {})
    parts: dict[str, list[str]] = {}
    subjects: dict[str, str] = {}
    for digest in manifests:
        try:
            stored = await content.manifest(name, digest)
            document = parse_document(stored.data, stored.media_type)
        except (Refusal, Invalid):
            continue
        parts[digest] = [one.digest for one in document.manifests] if isinstance(document, Index) else []
        if document.subject:
            subjects[digest] = document.subject.digest
    old = time.time() - max(age, _UNTAGGED_AT_LEAST)
    staying = {tag.digest for tag in tags.values()} | {one for one, at in manifests.items() if at >= old}
    waiting = list(staying)
    while waiting:
        digest = waiting.pop()
        more = [*parts.get(digest, []), *(one for one, subject in subjects.items() if subject == digest)]
        fresh = [one for one in more if one not in staying]
        staying.update(fresh)
        waiting += fresh
    return sorted(digest for digest in parts if digest not in staying)


async def _delete(content: Content, name: str, digest: str) -> None:
    try:
        await content.delete_manifest(name, digest)
    except (Refusal, Missing):
        pass  # somebody else did
