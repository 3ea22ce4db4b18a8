"""`gc`, `retain` and `check` as commands, and the same from time to time beside a registry that serves."""

from __future__ import annotations

import asyncio
import logging
import random
import sys

from wherry.errors import Conflict, Invalid, WherryError
from wherry.registry.server import quantities
from wherry.registry.server.content import Content
from wherry.registry.server.metrics import Metrics
from wherry.registry.server.settings import Settings
from wherry.registry.server.storage import Driver
from wherry.registry.server.upkeep.checking import check
from wherry.registry.server.upkeep.collection import Collector, Report
from wherry.registry.server.upkeep.retention import Going, Rule, retain

_LOG = logging.getLogger("registry")


def rules(settings: Settings) -> list[Rule]:
    """The retention rules of the settings."""
    return [
        Rule(
            one.repositories,
            one.tags,
            one.keep,
            quantities.seconds(one.older) if one.older else 0.0,
            quantities.seconds(one.untagged) if one.untagged else None,
        )
        for one in settings.retention
    ]


def collector(settings: Settings, content: Content) -> Collector:
    """With the grace times of the settings."""
    told = settings.collection
    return Collector(content, grace=quantities.seconds(told.grace), uploads=quantities.seconds(told.uploads))


def run_gc(settings: Settings, driver: Driver, *, dry_run: bool) -> int:
    """Print what was (or would be) freed."""
    report = asyncio.run(collector(settings, Content(driver)).collect(dry_run=dry_run))
    sys.stdout.write("".join(f"{line}\n" for line in _told(report, dry_run)))
    return 0


def run_retain(settings: Settings, driver: Driver, *, dry_run: bool) -> int:
    """Print each tag and manifest that went, or would go."""
    if not settings.retention:
        raise Invalid(
            "there are no retention rules", hint="write [[retention]] tables into the --config file"
        )
    gone = asyncio.run(retain(Content(driver), rules(settings), dry_run=dry_run))
    for going in gone:
        sys.stdout.write(f"{'would delete' if dry_run else 'deleted'} {_name(going)}\n")
    sys.stdout.write(f"{len(gone)} in all; `wherry registry gc` frees the space that only they need\n")
    return 0


def run_check(driver: Driver) -> int:
    """Print what is wrong; 1 when something is."""
    return asyncio.run(_check(driver))


async def _check(driver: Driver) -> int:
    count = 0
    async for finding in check(Content(driver)):
        count += 1
        where = ", ".join(finding.where) or "no repository"
        sys.stdout.write(f"{finding.kind}: {finding.digest} (in {where})\n")
        sys.stdout.flush()
    if not count:
        sys.stdout.write("everything is as it should be\n")
        return 0
    sys.stdout.write(f"{count} wrong; they are not served. Pushing the images again mends them\n")
    return 1


async def keep_in_order(settings: Settings, driver: Driver, metrics: Metrics) -> None:
    """Retention and garbage collection, again and again. Ends when cancelled."""
    every = quantities.seconds(settings.collection.every)
    content = Content(driver)
    while True:
        await asyncio.sleep(every * random.uniform(0.9, 1.1))  # replicas take turns
        try:
            gone = await retain(content, rules(settings))
            if gone:
                _LOG.warning("retention: deleted %s", ", ".join(_name(one) for one in gone[:50]))
            report = await collector(settings, content).collect()
            metrics.add("collected_bytes_total", report.freed)
            metrics.add("collections_total")
            if report.freed or report.links:
                _LOG.warning("garbage collection: %s", "; ".join(_told(report, dry_run=False)))
        except Conflict:
            continue  # another replica is at it
        except (WherryError, OSError):
            _LOG.exception("garbage collection failed; the next one tries again")


def _told(report: Report, dry_run: bool) -> list[str]:
    word = "would free" if dry_run else "freed"
    lines = [
        f"{word} {quantities.shown(report.freed)} ({report.freed} bytes): {report.blobs} blobs,"
        f" {report.uploads} unfinished uploads; {report.links} blobs taken from repositories"
    ]
    lines += [
        f"left {name} alone: a manifest there is damaged; see `wherry registry check`" for name in report.kept
    ]
    return lines


def _name(going: Going) -> str:
    return f"{going.repository}{'@' if ':' in going.reference else ':'}{going.reference}"
