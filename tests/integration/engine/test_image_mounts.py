"""`--mount type=image`: what an image has, read-only, at another place; as root and as an ordinary user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.command import Command

pytestmark = pytest.mark.needs("busybox")

DOCKERFILE = """
FROM busybox
RUN mkdir -p /site/deep && echo one >/site/page && echo gone >/site/old && echo low >/site/deep/low
RUN rm /site/old && echo two >/site/page && chown 7:8 /site/page && ln -s site/deep /way
RUN rm -r /site/deep && mkdir /site/deep && echo high >/site/deep/high
"""


@pytest.fixture
def site(wherry: Command, image: str, tmp_path: Path) -> Iterator[str]:
    """An image of several layers, the upper ones of which hide some of the lower ones."""
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    wherry("build", "-q", "-t", "site", str(tmp_path))
    yield "site"
    wherry("rmi", "-f", "site", code=None)


def test_the_files_of_all_layers_are_there_and_stay(wherry: Command, image: str, site: str) -> None:
    script = "cat /m/site/page; stat -c %u:%g /m/site/page; ls /m/site; ls /m/site/deep; echo x >/m/site/page"
    done = wherry(
        "run", "--rm", "--mount", f"type=image,src={site},dst=/m", image, "sh", "-c", script, code=1
    )
    assert done.out == "two\n7:8\ndeep\npage\nhigh\n"
    assert "Read-only file system" in done.err


def test_a_part_of_an_image(wherry: Command, image: str, site: str) -> None:
    def run(subpath: str, code: int = 0) -> str:
        mount = f"type=image,source={site},target=/m,image-subpath={subpath}"
        done = wherry("run", "--rm", "--mount", mount, image, "ls", "/m", code=code)
        return done.out + done.err

    assert run("site") == "deep\npage\n"
    assert run("site/deep") == "high\n"
    assert run("way") == "high\n"  # a link, followed inside the image
    assert "nothing is there" in run("nowhere", 125)
    assert "it is no directory" in run("site/page", 125)
    assert "must be a relative path" in run("../etc", 125)


def test_an_image_in_use_stays_and_a_missing_one_is_said(wherry: Command, image: str, site: str) -> None:
    wherry("run", "-d", "--name", "user", "--mount", f"type=image,src={site},dst=/m", image, "sleep", "1000")
    assert "is using its referenced image" in wherry("rmi", site, code=1).err
    mount = wherry("inspect", "-f", "{{json .Mounts}}", "user").line
    assert f'"Source":"{site}"' in mount
    assert '"Destination":"/m"' in mount
    assert '"RW":false' in mount
    wherry("rm", "-f", "user")
    absent = ["run", "--rm", "--mount", "type=image,src=not-there,dst=/m", image, "true"]
    assert "No such image: not-there" in wherry(*absent, code=125).err
    below = ["-v", "/v", "--mount", f"type=image,src={site},dst=/v/m"]
    assert "lies below the mount /v" in wherry("run", "--rm", *below, image, "true", code=125).err
