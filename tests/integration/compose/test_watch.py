"""`develop.watch`: files that change reach the containers."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.integration.compose.conftest import Application

FILE = """
services:
  web:
    build: .
    command: sleep 600
    init: true
    stop_grace_period: 0s
    develop:
      watch:
        - {path: src, action: sync, target: /app, ignore: ["*.tmp", cache/]}
        - {path: hook, action: sync+exec, target: /hook, exec: {command: "cp /hook/file /hooked"}}
        - {path: conf, action: sync+restart, target: /conf, initial_sync: true}
        - {path: Dockerfile, action: rebuild}
"""


def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def test_watch(app: Application) -> None:
    app.write(compose__yaml=FILE, Dockerfile="FROM IMAGE\nRUN echo one > /version\n")
    for name in ("src", "hook", "conf", "src/cache"):
        (app.folder / name).mkdir()
    (app.folder / "src" / "gone").write_text("x")
    (app.folder / "conf" / "c").write_text("first")

    def inside(path: str) -> str:
        return app("exec", "-T", "web", "cat", path, code=None).out

    with app.command.popen("compose", "watch") as watching:
        try:
            said = watching.stderr
            assert said is not None
            until(lambda: b"Watch  enabled" in said.readline(), "the beginning")
            until(lambda: inside("/conf/c") == "first", "the initial copy")
            started = app.inspect("shop-web-1")["State"]["StartedAt"]
            (app.folder / "src" / "deep").mkdir()
            (app.folder / "src" / "deep" / "a.py").write_text("new")
            (app.folder / "src" / "b.tmp").write_text("never")
            (app.folder / "src" / "cache" / "c").write_text("never")
            until(lambda: inside("/app/deep/a.py") == "new", "a new file")
            (app.folder / "src" / "deep" / "a.py").unlink()
            until(lambda: inside("/app/deep/a.py") == "", "a file that was removed")
            assert inside("/app/b.tmp") == inside("/app/cache/c") == ""
            (app.folder / "hook" / "file").write_text("hooked")
            until(lambda: inside("/hooked") == "hooked", "sync+exec")
            assert app.inspect("shop-web-1")["State"]["StartedAt"] == started
            (app.folder / "conf" / "c").write_text("second")
            until(lambda: inside("/conf/c") == "second", "sync+restart")
            until(lambda: app.inspect("shop-web-1")["State"]["StartedAt"] != started, "the restart")
            dockerfile = (app.folder / "Dockerfile").read_text()
            (app.folder / "Dockerfile").write_text("FRO x\n")
            until(lambda: b"failed" in said.readline(), "a failed build")
            (app.folder / "Dockerfile").write_text(dockerfile.replace("one", "two"))
            until(lambda: inside("/version") == "two\n", "rebuild")
        finally:
            watching.terminate()
    app("down", "--rmi", "local", "-t", "0")


def test_nothing_to_watch(app: Application) -> None:
    app.write(compose__yaml="services: {a: {image: IMAGE}}")
    assert "none of the selected services is configured for watch" in app("watch", code=1).err
