"""What the author of a Dockerfile or of a context can't reach."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from tests.harness.command import Command

pytestmark = [pytest.mark.needs("root")]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file beside the context that must not get into an image."""
    path = tmp_path / "outside" / "secret"
    path.parent.mkdir()
    path.write_text("outside-content\n")
    return path


@pytest.fixture
def context(tmp_path: Path, secret: Path) -> Path:
    """A context with links that lead out of it."""
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "out").symlink_to("../outside")
    (folder / "absolute").symlink_to(secret)
    (folder / "proc").symlink_to("/proc/self/environ")
    return folder


@pytest.mark.parametrize(
    "step",
    [
        "COPY ../outside/secret /s",
        "COPY out/secret /s",
        "COPY absolute /s",
        "COPY proc /s",
        "COPY out/* /s/",
        "ADD absolute /s",
        "RUN --mount=type=bind,source=../outside,target=/m cat /m/secret",
        "RUN --mount=type=bind,source=out,target=/m cat /m/secret",
        "RUN --mount=type=bind,source=absolute,target=/m cat /m",
        "RUN --mount=type=cache,target=/m,from=l,source=l/secret cat /m",
        "COPY --from=l /l/secret /s",
        "COPY --from=l /up /s",
    ],
)
def test_nothing_outside_is_read(wherry: Command, image: str, context: Path, secret: Path, step: str) -> None:
    """CVE-2024-23651, CVE-2024-1753: mounts and copies are resolved inside."""
    links = f"ln -s {secret.parent} /l && ln -s ../../../../../../../..{secret} /up"
    (context / "Dockerfile").write_text(
        f"FROM {image} AS l\nRUN {links}\nFROM {image}\n{step}\nRUN cat /s/* /s\n"
    )
    done = wherry("build", "--progress=plain", str(context), code=None)
    assert done.code == 1
    assert "outside-content" not in done.out + done.err


def test_targets_stay_inside(wherry: Command, image: str, context: Path, secret: Path) -> None:
    """A stage's links can't have COPY, WORKDIR or a mount point made outside (CVE-2024-23652)."""
    (context / "a").write_text("a\n")
    folder = secret.parent
    (context / "Dockerfile").write_text(
        f"FROM {image}\nRUN mkdir -p /x && ln -s {folder} /x/l && ln -s ../../../../..{folder} /x/up\n"
        "COPY a /x/l/copied\nCOPY a /x/up/copied\nWORKDIR /x/l/made\n"
        "RUN --mount=type=tmpfs,target=/x/l/mounted touch /x/l/mounted/here\n"
        "RUN --mount=type=cache,target=/x/up/cached touch /x/up/cached/here\n"
    )
    wherry("build", str(context), code=None)
    assert sorted(path.name for path in folder.iterdir()) == ["secret"]


def test_mount_points_are_removed_inside_only(
    wherry: Command, image: str, context: Path, secret: Path
) -> None:
    """CVE-2024-23652: a step replaces the place of its mount by a link before the clean-up."""
    (context / "Dockerfile").write_text(
        f"FROM {image}\nRUN --mount=type=tmpfs,target=/a/b "
        f"(umount /a/b; rm -rf /a; ln -s {secret.parent} /a) "
        "2>/dev/null || true\n"
    )
    wherry("build", str(context), code=None)
    assert secret.read_text() == "outside-content\n"


@pytest.mark.parametrize(
    "name", ["../escape", "/../escape", "a/../../escape", "link/escape"], ids=["up", "rooted", "deep", "link"]
)
def test_a_hostile_archive(wherry: Command, image: str, context: Path, secret: Path, name: str) -> None:
    """As a context and as what ADD unpacks: nothing lands outside."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret.parent)
        archive.addfile(link)
        member = tarfile.TarInfo(name)
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
        dockerfile = f"FROM {image}\nCOPY . /c\n".encode()
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(dockerfile)
        archive.addfile(member, io.BytesIO(dockerfile))
    wherry("build", "-", stdin=data.getvalue(), code=None)
    (context / "t.tar").write_bytes(data.getvalue())
    (context / "Dockerfile").write_text(f"FROM {image}\nADD t.tar /\n")
    wherry("build", str(context), code=None)
    assert sorted(path.name for path in secret.parent.iterdir()) == ["secret"]
    assert not list(secret.parent.parent.glob("escape*"))


@pytest.mark.parametrize(
    "remote",
    [
        "https://127.0.0.1:1/x.git#--upload-pack=touch${IFS}/tmp/x",
        "https://127.0.0.1:1/x.git#main:../..",
        "ext::sh.git",
    ],
)
def test_git_references(wherry: Command, remote: str) -> None:
    """A reference or subdirectory is never an option of git, nor a way out of the repository."""
    done = wherry("build", remote, code=1)
    assert "invalid" in done.err or "not found" in done.err


def test_privilege_is_refused(wherry: Command, image: str, context: Path) -> None:
    """CVE-2024-23653: a Dockerfile can't give itself privileges."""
    (context / "Dockerfile").write_text(f"FROM {image}\nRUN --security=insecure true\n")
    assert "not allowed" in wherry("build", str(context), code=1).err


def test_the_machines_network_is_refused(wherry: Command, image: str, context: Path) -> None:
    """Nor the machine's own network, unless who builds says so."""
    (context / "Dockerfile").write_text(f"FROM {image}\nRUN --network=host true\n")
    assert "--network=host is not allowed" in wherry("build", str(context), code=1).err
    wherry("build", "--allow=network.host", str(context))
    wherry("build", "--network=host", str(context))
