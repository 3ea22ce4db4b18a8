"""The pages for people, in a real browser where there is one."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.integration.registry.server.conftest import Serve, digest_of
from wherry.registry.server.identity.accounts import set_password

CHROMIUM = shutil.which("chromium")


async def rendered(url: str, profile: Path) -> str:
    """The document as a browser has it after loading."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    assert CHROMIUM
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        *flags,
        f"--user-data-dir={profile}",
        "--dump-dom",
        url,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    return out.decode()


@pytest.mark.needs("chromium")
async def test_a_browser_shows_repositories_tags_and_layers(serve: Serve, tmp_path: Path) -> None:
    registry = await serve()
    _, digest = await registry.image("team/web", "1.0", b"a layer" * 1000, b"another")
    start = await rendered(registry.base + "/", tmp_path / "profile")
    assert '<a href="/repository/team/web">team/web</a>' in start
    tags = await rendered(registry.base + "/repository/team/web", tmp_path / "profile")
    assert '<a href="/image/team/web?of=1.0">1.0</a>' in tags
    assert digest in tags
    assert "just now" in tags
    layers = await rendered(registry.base + "/image/team/web?of=1.0", tmp_path / "profile")
    assert digest_of(b"another") in layers
    assert "7 kB" in layers


async def test_the_pages_show_what_the_caller_may_pull(serve: Serve, tmp_path: Path) -> None:
    path = str(tmp_path / "htpasswd")
    set_password(path, "alice", "wonder")
    grants = '[[grant]]\nrepositories = "public/*"\nwho = "*"\nrights = ["pull"]\n'
    grants += '[[grant]]\nwho = "alice"\nrights = ["pull", "push"]\n'
    registry = await serve(f'[accounts]\nhtpasswd = "{path}"\n{grants}')
    alice = registry.as_account("alice", "wonder")
    for name in ("public/a", "secret/b"):
        assert (await alice.image(name, "1", b"x"))[0] == 201
    _, headers, page = await registry.ask("GET", "/")
    assert b"public/a" in page
    assert b"secret/b" not in page
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    for where in ("/repository/secret/b", "/image/secret/b?of=1", "/repository/secret/none"):
        assert (await registry.ask("GET", where))[0] == 404
    assert b"alice" in (await alice.ask("GET", "/repository/secret/b"))[2]
    status, headers, _ = await registry.ask("GET", "/login")
    assert (status, headers["WWW-Authenticate"][:5]) == (401, "Basic")


async def test_what_was_pushed_is_text_and_nothing_else(serve: Serve) -> None:
    registry = await serve()
    config = b'{"history": [{"created_by": "<script>alert(1)</script>"}]}'
    from tests.integration.registry.server.conftest import manifest_of

    for data in (config, b"layer"):
        assert await registry.blob("team/x", data) == 201
    assert (await registry.put("team/x", "1", manifest_of(config, b"layer")))[0] == 201
    _, _, page = await registry.ask("GET", "/image/team/x?of=1")
    assert b"&lt;script&gt;" in page
    assert b"<script" not in page
    for hostile in ("/repository/<b>", "/image/team/x?of=<b>", "/image/%3Cb%3E?of=1"):
        assert b"<b>" not in (await registry.ask("GET", hostile))[2]
