"""What a build takes from elsewhere: contexts as bases, image layouts, git with queries, URLs."""

from __future__ import annotations

import hashlib
import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.command import Command
from tests.integration.build.conftest import Build

pytestmark = [pytest.mark.needs("root")]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A folder over HTTP."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *given: object) -> None:
            super().__init__(*given, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def repository(served: tuple[str, Path], tmp_path: Path) -> tuple[str, dict[str, str]]:
    """A git repository over HTTP: its URL, and the commits of main and of the tag v1."""
    work = tmp_path / "work"

    def git(*words: str) -> str:
        environment = os.environ | {"GIT_CONFIG_GLOBAL": "/dev/null"}
        for role in ("AUTHOR", "COMMITTER"):
            environment |= {f"GIT_{role}_NAME": "somebody", f"GIT_{role}_EMAIL": "somebody@example.org"}
        done = subprocess.run(
            ["git", *words], cwd=work, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    (work / "sub").mkdir(parents=True)
    git("init", "-q", "-b", "main")
    commits = {}
    for version in ("v1", "main"):
        (work / "file").write_text(f"{version}\n")
        (work / "sub" / "inner").write_text(f"{version} below\n")
        git("add", ".")
        git("commit", "-q", "-m", version)
        commits[version] = git("rev-parse", "HEAD")
        if version == "v1":
            git("tag", "v1")
    url, folder = served
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(folder / "r.git")], check=True)
    subprocess.run(["git", "update-server-info"], cwd=folder / "r.git", check=True)
    return f"{url}/r.git", commits


def _shown(said: str) -> list[str]:
    return [
        line.partition(" ")[2]
        for line in said.splitlines()
        if line.startswith("#") and "= " in line and "RUN" not in line
    ]


def test_a_directory_is_a_base(build: Build, wherry: Command, tmp_path: Path, context: Path) -> None:
    root = tmp_path / "root"
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "tool").write_text("#!/x\n")
    (root / "bin" / "tool").chmod(0o755)
    text = "FROM BASE AS real\nFROM base\nCOPY a /a\nENV X=1\n"
    option = f"--build-context=base={root}"
    build(text, option, "-t", "based:1")
    assert "CACHED" in build(text, option).err
    out = tmp_path / "out"
    build(text, option, f"--output={out}")
    assert (out / "bin" / "tool").stat().st_mode & 0o777 == 0o755
    assert sorted(path.name for path in out.iterdir()) == ["a", "bin"]
    assert wherry("inspect", "-f", "{{len .RootFS.Layers}}", "based:1").line == "2"


def test_an_image_layout_is_a_base_and_a_context(build: Build, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    build(
        "FROM BASE\nRUN echo in the layout > /said\nENV FROM_LAYOUT=yes\n",
        "-t",
        "x:tagged",
        f"--output=type=oci,tar=false,dest={layout}",
    )
    text = "FROM other\nRUN echo = $FROM_LAYOUT $(cat /said)\nCOPY --from=other /said /copied\n"
    for place in (f"{layout}:tagged", f"{layout}"):
        said = build(text, f"--build-context=other=oci-layout://{place}", "--no-cache").err
        assert _shown(said) == ["= yes in the layout"]
    assert (
        "there is no 'missing'"
        in build(text, f"--build-context=other=oci-layout://{layout}:missing", code=1).err
    )
    assert "no OCI image layout" in build(text, f"--build-context=other=oci-layout://{tmp_path}", code=1).err


def test_a_context_stands_for_an_image_or_a_stage_of_its_name(
    build: Build, image: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("from the context\n")
    text = (
        "FROM there/is:none AS stage\nRUN false\n"
        "FROM alpine:3\nCOPY --from=stage /file /file\nRUN echo = $(cat /file)\n"
    )
    said = build(
        text,
        f"--build-context=stage={tmp_path}",
        f"--build-context=docker.io/library/alpine:3=docker-image://{image}",
        "--no-cache",
    ).err
    assert _shown(said) == ["= from the context"] and "RUN false" not in said


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("#main", "= main main below"),
        ("#v1:sub", "= v1 below"),
        ("?tag=v1", "= v1 v1 below"),
        ("?branch=main&subdir=sub", "= main below"),
        ("?ref=v1&checksum={v1}", "= v1 v1 below"),
    ],
)
def test_git(
    build: Build, wherry: Command, image: str, repository: tuple[str, dict[str, str]], query: str, shown: str
) -> None:
    url, commits = repository
    source = url + query.format(**commits)
    said = build(
        f"FROM BASE\nADD {source} /r/\nRUN cd /r && echo = $(cat file sub/inner inner 2>/dev/null)\n",
        "--no-cache",
    ).err
    assert _shown(said) == [shown]
    text = (
        f"FROM {image}\nCOPY . /r/\nRUN cd /r && test ! -e .git && echo = $(cat file sub/inner inner 2>&-)\n"
    )
    said = wherry("build", "--progress=plain", "--no-cache", "-f", "-", source, stdin=text).err
    assert _shown(said) == [shown]


def test_git_that_is_not_what_was_meant(build: Build, repository: tuple[str, dict[str, str]]) -> None:
    url, commits = repository
    for source, said in (
        (f"{url}?tag=v1&commit={commits['main']}", f"is {commits['v1']}, and not {commits['main']}"),
        (f"{url}?tag=v1&branch=main", "only one of ref, branch and tag"),
        (f"{url}?color=red", "unknown query of a git URL: 'color'"),
        (f"{url}?tag=v1#main", "a query and a fragment"),
        (f"{url}?subdir=../..", "invalid subdirectory"),
        (f"{url}#v2", "git fetch"),
    ):
        assert said in build(f"FROM scratch\nADD {source} /r/\n", code=1).err
    assert "and not" in build(f"FROM scratch\nADD --checksum={commits['v1']} {url}#main /r/\n", code=1).err
    said = build(
        f"FROM BASE\nADD --keep-git-dir=true {url}#main /r/\nRUN echo = $(cat /r/.git/HEAD)\n", "--no-cache"
    ).err
    assert _shown(said) == [f"= {commits['main']}"]


def test_urls(build: Build, served: tuple[str, Path]) -> None:
    url, folder = served
    (folder / "data").write_bytes(b"data\n")
    os.utime(folder / "data", (1_600_000_000, 1_600_000_000))
    digest = hashlib.sha256(b"data\n").hexdigest()
    add = f"ADD --checksum=sha256:{digest} --chmod=640 {url}/data /d/"
    text = f"FROM BASE\n{add}\nRUN echo = $(stat -c '%a %Y' /d/data)\n"
    assert _shown(build(text, "--no-cache").err) == ["= 640 1600000000"]
    wrong = text.replace(digest, "0" * 64)
    assert "digest mismatch" in build(wrong, code=1).err
    assert "status 404" in build(f"FROM scratch\nADD {url}/none /\n", code=1).err


def test_parents_and_exclude(build: Build, context: Path) -> None:
    for name in ("p/x/one.txt", "p/x/two.md", "p/y/three.txt", "q/x/four.txt"):
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text(name)
    show = "RUN cd /o && echo = $(find . -type f | sort)\n"
    for copy, shown in (
        ("COPY --parents p/x/one.txt q/x/four.txt /o/", "./p/x/one.txt ./q/x/four.txt"),
        ("COPY --parents p/./x/*.txt /o/", "./x/one.txt"),
        ("COPY --parents **/*.md /o/", "./p/x/two.md"),
        ("COPY --exclude=*.md p/x /o/", "./one.txt"),
        ("COPY --exclude=**/*.txt --exclude=z p /o/", "./x/two.md"),
        ("COPY --parents --exclude=p/y p /o/", "./p/x/one.txt ./p/x/two.md"),
        ("ADD --exclude=x p q /o/", "./y/three.txt"),
    ):
        assert _shown(build(f"FROM BASE\n{copy}\n{show}", "--no-cache").err) == [f"= {shown}"], copy
