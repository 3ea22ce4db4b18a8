"""Services that are built."""

from __future__ import annotations

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
