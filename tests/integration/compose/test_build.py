"""Services that are built."""

from __future__ import annotations

import contextlib
import json
import socket
from pathlib import Path

from tests.harness.registry import RegistryUnderTest
from tests.integration.compose.conftest import Application


def test_a_missing_image_is_built_and_built_again_when_asked(app: Application) -> None:
    app.write(
        Dockerfile="FROM IMAGE\nARG WORD\nRUN echo $WORD > /word\nCMD cat /word\n",
        compose__yaml="services: {web: {build: {context: ., args: {WORD: one}}}}",
    )
    assert "one" in app("up").out
    first = app.containers()
    app("up", "-d")
    assert app.containers() == first
    app.write(compose__yaml="services: {web: {build: {context: ., args: {WORD: two}}}}")
    assert "two" in app("up", "--build").out
    assert app.containers() != first
    app("down", "--rmi", "local")
    assert "shop-web" not in app.command("images").out


def test_secrets_inline_files_and_other_services(app: Application) -> None:
    app.write(
        compose__yaml="""
services:
  base:
    build:
      dockerfile_inline: |
        FROM IMAGE
        RUN --mount=type=secret,id=token grep -q hidden /run/secrets/token && echo base > /base
      secrets: [token]
    command: "true"
    network_mode: none
  web:
    network_mode: none
    build:
      additional_contexts: {below: "service:base"}
      dockerfile_inline: |
        FROM below
        RUN grep -q db /etc/hosts && cat /base > /seen
      extra_hosts: ["db:10.0.0.9"]
      tags: [shop-web:other]
    command: cat /seen
secrets: {token: {environment: TOKEN}}
""",
        __env="TOKEN=hidden\n",
    )
    assert "base" in app("up", "--no-log-prefix").out
    assert app("build", "--quiet", "web", "--with-dependencies").err == ""
    assert "other" in app.command("images", "shop-web").out
    app.command("rmi", "shop-web:other")
    app("down", "--rmi", "all")
    assert "no such service: none" in app("build", "none", code=1).err
    app.write(compose__yaml="services: {web: {build: {context: ., sbom: true}}}", Dockerfile="FROM x\n")
    assert "build.sbom is not supported" in app("build", code=1).err
    assert "--provenance is not supported" in app("build", "--provenance", "mode=max", code=1).err
    app.write(compose__yaml="services: {web: {build: .}}", Dockerfile="FROM IMAGE\nRUN exit 5\n")
    failed = app("up", "-d", code=1).err
    assert "service web: " in failed
    assert "exit 5" in failed


def test_agents_folders_and_entitlements(app: Application, tmp_path: Path) -> None:
    (app.folder / "beside").mkdir()
    (app.folder / "beside" / "file").write_text("from beside")
    app.write(
        compose__yaml="""
services:
  web:
    build:
      ssh: {default: agent}
      additional_contexts: {beside: ./beside}
      entitlements: [security.insecure]
      dockerfile_inline: |
        FROM IMAGE
        COPY --from=beside file /file
        RUN --mount=type=ssh,required=true test -S "$$SSH_AUTH_SOCK" && cat /file && echo
        RUN --security=insecure echo insecure
"""
    )
    with socket.socket(socket.AF_UNIX) as agent, contextlib.chdir(app.folder):
        agent.bind("agent")
        agent.listen()
        told = app("build").err
    assert "\nfrom beside\n" in told
    assert "\ninsecure\n" in told
    app.write(Dockerfile="FROM IMAGE\nENV key value\n", compose__yaml="services: {web: {build: .}}")
    assert "LegacyKeyValueFormat" in app("build", "--check", code=1).err
    app.write(Dockerfile="FROM IMAGE\nRUN true\n")
    assert app("build", "--check").code == 0
    app.write(compose__yaml="services: {web: {build: {context: ., cache_to: ['type=local,dest=c']}}}")
    assert "type=local is not supported" in app("build", code=1).err


def test_a_cache_elsewhere(app: Application, tmp_path: Path) -> None:
    home = tmp_path / "registry"
    home.mkdir()
    with RegistryUnderTest(home) as registry:
        cache = f"{registry.address}/shop/cache"
        build = f"context: ., cache_to: ['type=registry,ref={cache},mode=max'], cache_from: ['{cache}']"
        app.write(
            Dockerfile="FROM IMAGE\nRUN echo cached-elsewhere > /mark\n",
            compose__yaml=f"services: {{web: {{build: {{{build}}}}}}}",
        )
        assert "CACHED" not in app("build", "-m", "64m").err
        app.command("rmi", "shop-web")
        app.command("builder", "prune", "-af")
        assert "CACHED" in app("build").err
        app.command("rmi", "shop-web")


def test_pushed_and_pulled(app: Application, tmp_path: Path) -> None:
    home = tmp_path / "registry"
    home.mkdir()
    with RegistryUnderTest(home) as registry:
        name = f"{registry.address}/shop/web"
        app.write(
            Dockerfile="FROM IMAGE\nRUN echo pushed > /mark\nCMD cat /mark\n",
            compose__yaml=f"services: {{web: {{image: '{name}', build: ., network_mode: none}}, "
            f"bad: {{image: '{name}-none'}}}}",
        )
        app("build")
        assert f"Image {name}  Pushed" in app("push").err
        assert app("push", "-q").err == ""
        app.command("rmi", name)
        failed = app("pull", code=1).err
        assert f"Image {name}  Pulled" in failed
        assert f"Image {name}-none  Error" in failed
        assert "Error" in app("pull", "--ignore-pull-failures").err
        assert app("pull", "-q", "web").err == ""
        assert app("pull", "--policy", "missing", "web").err == ""
        assert app("pull", "--ignore-buildable", "web").err == ""
        assert app("up", "--no-log-prefix", "web").out.startswith("pushed\n")
        assert app("up", "-d", "--pull", "always", "--quiet-pull", "web").code == 0
        assert f"{name}@sha256:" in app("config", "--resolve-image-digests", "web").out
        locked = json.loads(app("config", "--lock-image-digests", "--format", "json", "web").out)
        assert locked["services"]["web"].keys() == {"image"}
        assert locked["services"]["web"]["image"].startswith(f"{name}@sha256:")
        app("down", "--rmi", "all")
