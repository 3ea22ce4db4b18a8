"""kill -9 of `up` and `down` in the middle: the next one comes to the same end."""

from __future__ import annotations

import random
import signal
import subprocess
import time

from tests.integration.compose.conftest import Application

FILE = """
services:
  db:
    image: IMAGE
    command: sleep 600
    init: true
    networks: [back]
    secrets: [token]
    volumes: [data:/data]
  web:
    image: IMAGE
    command: sleep 600
    init: true
    networks: [back, front]
    depends_on: [db]
    environment: {ROUND: "0"}
    deploy: {replicas: 2}
networks:
  back: {ipam: {config: [{subnet: 10.218.1.0/24}]}}
  front: {ipam: {config: [{subnet: 10.218.2.0/24}]}}
volumes: {data: }
secrets: {token: {environment: TOKEN}}
"""
ROUNDS = 4


def killed(app: Application, seconds: float, *words: str) -> None:
    nowhere = subprocess.DEVNULL
    with app.command.popen("compose", *words, stdin=nowhere, stdout=nowhere, stderr=nowhere) as process:
        time.sleep(seconds)  # where in its work it is killed differs, and is to differ
        process.send_signal(signal.SIGKILL)


def test_up_and_down_come_to_their_end(app: Application) -> None:
    app.write(compose__yaml=FILE, __env="TOKEN=secret\n")
    chance = random.Random(5)
    for turn in range(ROUNDS):
        text = (app.folder / "compose.yaml").read_text()
        (app.folder / "compose.yaml").write_text(text.replace(f'ROUND: "{turn}"', f'ROUND: "{turn + 1}"'))
        killed(app, chance.uniform(0.1, 0.6), "up", "-d", "-t", "0")
        app("up", "-d", "-t", "0")
        assert set(app.containers()) == {"shop-db-1", "shop-web-1", "shop-web-2"}, turn
        assert app("exec", "-T", "db", "cat", "/run/secrets/token").out == "secret"
        environment = app.inspect("shop-web-2")["Config"]["Env"]
        assert f"ROUND={turn + 1}" in environment
        made = app.containers()
        app("up", "-d")
        assert app.containers() == made
        if turn % 2:
            killed(app, chance.uniform(0.1, 0.4), "down", "-v", "-t", "0")
            app("down", "-v", "-t", "0")
            assert app.containers() == {}
            assert "shop" not in app.command("network", "ls").out + app.command("volume", "ls").out
