"""`wherry image explain`: where an image's bytes are, and which of them nobody will ever see."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.console import visible, width
from wherry.cli.format.human import ellipsis, size
from wherry.cli.format.listing import print_listing
from wherry.client.api import query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LAYERS = (("LAYER", "Layer"), ("SIZE", "Size"), ("HIDDEN", "Hidden"), ("MADE BY", "CreatedBy"))
_FILES = (("SIZE", "Size"), ("LAYER", "Layer"), ("FILE", "Path"), ("WHY NOBODY SEES IT", "Why"))


def run(invocation: Invocation) -> int:
    flags, name = invocation.flags, invocation.arguments[0]
    found = invocation.client.get("/wherry/images/explain" + query(name=name))
    form = flags.text("format")
    if form == "json":
        from wherry.client.codec import encode

        print(encode(found).decode())
        return 0
    layers, total, hidden = found["Layers"], found["Size"], found["Hidden"]
    if form:
        print_listing([_layer(n, one, 1 << 20) for n, one in enumerate(layers)], _LAYERS, form)
        return 0
    count = f"{len(layers)} layer{'s' if len(layers) != 1 else ''}"
    print(f"{name}: {size(total)} in {count}\n")
    room = max(30, width() - 32)
    print_listing([_layer(n, one, room) for n, one in enumerate(layers)], _LAYERS)
    if not hidden:
        print("\nEvery byte of it can be seen: squashing would save nothing.")
        return 0
    most = flags.number("top", 10)
    if found["Largest"] and most > 0:
        print()
        print_listing([_file(one) for one in found["Largest"][:most]], _FILES)
    share = hidden * 100 / total if total else 0
    print(
        f"\n{size(hidden)} ({share:.0f}%) is deleted or replaced by later layers, but everyone downloads it."
        f"\n`wherry image squash {visible(name)} NEW_NAME` makes it {size(total - hidden)} in one layer."
    )
    return 0


def _layer(number: int, layer: dict[str, Any], room: int) -> dict[str, str]:
    return {
        "Layer": str(number + 1),
        "Size": size(layer["Size"]),
        "Hidden": size(layer["Hidden"]) if layer["Hidden"] else "",
        "CreatedBy": ellipsis(" ".join(layer["CreatedBy"].split()), room) or "(not said)",
        "DiffId": layer["DiffId"],
        "Files": str(layer["Files"]),
    }


def _file(file: dict[str, Any]) -> dict[str, str]:
    return {
        "Size": size(file["Size"]),
        "Layer": str(file["Layer"] + 1),
        "Path": file["Path"],
        "Why": f"{file['How']} by layer {file['By'] + 1}",
    }


COMMAND = Command(
    run,
    usage="[OPTIONS] IMAGE",
    minimum=1,
    maximum=1,
    details="Sizes are those of the files, before compression.",
    flags=(
        ("top", "n", "int:COUNT", "How many of the largest hidden files to show (default 10)", ""),
        ("format", "", "text:FORMAT", "json, or a template for each layer", ""),
    ),
)
