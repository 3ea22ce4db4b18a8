"""Services that are built."""

from __future__ import annotations

import json
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
    app.write(compose__yaml="services: {web: {build: {context: ., ssh: [default]}}}", Dockerfile="FROM x\n")
    assert "build.ssh is not supported" in app("build", code=1).err
    app.write(compose__yaml="services: {web: {build: .}}", Dockerfile="FROM IMAGE\nRUN exit 5\n")
    failed = app("up", "-d", code=1).err
    assert "service web: " in failed
    assert "exit 5" in failed


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
