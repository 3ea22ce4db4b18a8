"""`wherry search`: search a registry."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.filters import parse_filters
from wherry.cli.format.human import ellipsis
from wherry.cli.format.listing import print_listing
from wherry.client.api import query
from wherry.client.credentials import auth_header

_COLUMNS = (
    ("NAME", "Name"),
    ("DESCRIPTION", "Description"),
    ("STARS", "StarCount"),
    ("OFFICIAL", "IsOfficial"),
)


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    term = invocation.arguments[0]
    path = "/images/search" + query(
        term=term, limit=flags.number("limit", 25), filters=parse_filters(flags.every("filter"))
    )
    response = invocation.client.begin("GET", path, headers=auth_header(term)).response()
    found = [hit for answer in response.documents() for hit in answer]
    response.close()
    found.sort(key=lambda hit: -hit.get("star_count", 0))
    whole = flags.on("no-trunc")
    rows = [
        {
            "Name": hit["name"],
            "Description": _one_line(hit.get("description", ""), whole),
            "StarCount": str(hit.get("star_count", 0)),
            "IsOfficial": "[OK]" if hit.get("is_official") else "",
            "IsAutomated": "[OK]" if hit.get("is_automated") else "",
        }
        for hit in found
    ]
    print_listing(rows, _COLUMNS, flags.text("format"))
    return 0


def _one_line(text: str, whole: bool) -> str:
    text = text.replace("\n", " ").replace("\r", " ")
    return text if whole else ellipsis(text, 45)


COMMAND = Command(
    run,
    usage="[OPTIONS] TERM",
    minimum=1,
    maximum=1,
    details="Searches the registry that TERM begins with, else Docker's. Few registries can be searched.",
    flags=(
        ("filter", "f", "list:NAME=VALUE", "Only some: is-official=true, stars=3", ""),
        ("limit", "", "int:COUNT", "The most results (default 25)", ""),
        ("no-trunc", "", "bool", "Nothing cut short", ""),
        ("format", "", "text:FORMAT", "json or a template", ""),
    ),
)
