"""The same files give the same image: for another user, in another home, at another time."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest

pytestmark = [pytest.mark.needs("root", "busybox")]

TEXT = """
FROM busybox AS tools
RUN mkdir -p /t/deep && echo tool > /t/deep/tool && chmod 4755 /t/deep/tool && ln /t/deep/tool /t/linked
FROM busybox
WORKDIR /work/here
COPY --chown=1000:1001 . .
RUN chown 33:44 a && ln -s a b && mkfifo pipe && chmod 1777 d && rm /bin/vi && touch -d '1990-01-02 3:04' old
COPY --from=tools /t /tools
RUN rm -r /tools/deep && mkdir /tools/deep && echo again > /tools/deep/new
RUN --mount=type=cache,target=/etc/kept echo x > /etc/kept/x && echo y > /etc/y
ENV A=b
"""
ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
set -e
trap 'wherry engine stop >/dev/null 2>&1' EXIT
wherry load -i "$1/base.tar"
wherry build --reproducible --network=none --metadata-file "$HOME/meta" \\
    -o type=oci,dest="$HOME/image.tar" "$1/context" >&2
cat "$HOME/meta"
"""


def _built(wherry: Command, tmp_path: Path, name: str) -> dict[str, str]:
    meta = tmp_path / f"{name}.json"
    output = f"--output=type=oci,dest={tmp_path / name}.tar"
    wherry(
        "build",
        "--reproducible",
        "--no-cache",
        "--network=none",
        f"--metadata-file={meta}",
        output,
        str(tmp_path / "context"),
    )
    return _digests(meta.read_text())


def _digests(meta: str) -> dict[str, str]:
    said = json.loads(meta)
    return {name: said[name] for name in ("containerimage.config.digest", "containerimage.digest")}


def test_users_and_homes_make_no_difference(
    engine: EngineUnderTest, own_engine: EngineUnderTest, tmp_path: Path
) -> None:
    context = tmp_path / "context"
    (context / "d").mkdir(parents=True)
    (context / "a").write_text("a\n")
    (context / "d" / "b").write_text("b\n")
    (context / "d" / "b").chmod(0o640)
    (context / "Dockerfile").write_text(TEXT)
    engine.wherry("save", "-o", str(tmp_path / "base.tar"), "busybox")
    ours = _built(engine.wherry, tmp_path, "root")

    own_engine.wherry("rmi", "-f", "busybox")
    own_engine.wherry("load", "-i", str(tmp_path / "base.tar"))
    assert _built(own_engine.wherry, tmp_path, "elsewhere") == ours

    # Somewhere that an ordinary user can look.
    folder = Path(tempfile.mkdtemp(prefix="wherry-same-", dir="/tmp"))
    try:
        folder.chmod(0o755)
        shutil.copytree(context, folder / "context")
        (folder / "context" / "d" / "b").chmod(0o644)  # the context is read by that user
        shutil.copy(tmp_path / "base.tar", folder)
        (context / "d" / "b").chmod(0o644)
        ours = _built(engine.wherry, tmp_path, "again")
        done = subprocess.run(
            [str(ROOT / "scripts" / "as-ordinary-user"), "sh", "-c", SCRIPT, "sh", str(folder)],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert _digests(done.stdout[done.stdout.index("{") :]) == ours
    finally:
        shutil.rmtree(folder)
