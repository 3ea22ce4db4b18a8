"""Whether an image is for the platform that was asked for, or at least for this machine."""

from __future__ import annotations

from wherry.errors import Invalid, NotFound
from wherry.oci.image_config import ImageConfig

_SAME = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386", "armhf": "arm"}


def check_platform(
    asked: str, image: ImageConfig, name: str, here: str, *, built_in: bool = False
) -> list[str]:
    """Warnings. `asked` is "", `linux`, `arm64` or `linux/arm64/v8`; `here` this machine's architecture.

    Raises `NotFound` for an image of another platform than the one that was asked for, which makes clients
    pull that one; `Invalid` for one that is `built_in`, since no registry has it.
    """
    system, architecture = image.os or "linux", image.architecture or here
    if asked:
        words = [_SAME.get(word, word) for word in asked.lower().split("/")]
        if len(words) == 1:
            fits = words[0] in (system, architecture)
        else:
            fits = words[:2] == [system, architecture]
        if not fits and built_in:
            raise Invalid(
                f"image {name} is built in, for {system}/{architecture} alone: there is none for {asked}",
                hint="without --platform it runs",
            )
        if not fits:
            raise NotFound(
                f"image with reference {name} was found but its platform ({system}/{architecture}) does not "
                f"match the specified platform ({asked})"
            )
    elif architecture != here:
        return [
            f"The requested image's platform ({system}/{architecture}) does not match the detected host "
            f"platform (linux/{here}) and no specific platform was requested"
        ]
    return []
