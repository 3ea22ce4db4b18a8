"""`wherry compose` on a real engine: up, what changes, down."""

from __future__ import annotations

import signal

import pytest

from tests.integration.compose.conftest import Application

TWO = """
services:
  db:
    image: IMAGE
    command: sh -c "sleep 0.3; touch /ready; trap 'exit 0' TERM; sleep 60 & wait"
    healthcheck: {test: test -e /ready, interval: 100ms, retries: 50}
    volumes: [data:/data, /anonymous]
  web:
    image: IMAGE
    init: true
    command: sh -c "echo hello from $$HOSTNAME; echo bad >&2; exec sleep 60"
    depends_on: {db: {condition: service_healthy}}
    environment: {A: "${A:-default}"}
    stop_grace_period: 1s
volumes: {data: }
"""


def test_up_changes_only_what_changed(app: Application) -> None:
    app.write(compose__yaml=TWO)
    app("up", "-d")
    first = app.containers()
    assert set(first) == {"shop-db-1", "shop-web-1"}
    labels = app.inspect("shop-web-1")["Config"]["Labels"]
    assert labels["com.docker.compose.project"] == "shop"
    assert labels["com.docker.compose.service"] == "web"
    assert labels["com.docker.compose.oneoff"] == "False"
    assert labels["com.docker.compose.container-number"] == "1"
    assert labels["com.docker.compose.depends_on"] == "db:service_healthy:false"
    assert "shop_default" in app.inspect("shop-web-1")["NetworkSettings"]["Networks"]
    app("up", "-d")
    assert app.containers() == first
    (app.folder / ".env").write_text("A=other\n")
    app("exec", "-T", "db", "sh", "-c", "echo kept > /anonymous/file")
    app("up", "-d")
    second = app.containers()
    assert second["shop-db-1"] == first["shop-db-1"]
    assert second["shop-web-1"] != first["shop-web-1"]
    assert "A=other" in app.inspect("shop-web-1")["Config"]["Env"]
    app("up", "-d", "--force-recreate")
    third = app.containers()
    assert third["shop-db-1"] != first["shop-db-1"]
    assert app("exec", "-T", "db", "cat", "/anonymous/file").out == "kept\n"
    app("up", "-d", "--scale", "web=3")
    assert set(app.containers()) == {"shop-db-1", "shop-web-1", "shop-web-2", "shop-web-3"}
    app("up", "-d")
    assert set(app.containers()) == {"shop-db-1", "shop-web-1"}
    out = app("down", "-v").err
    assert "Volume shop_data  Removed" in out
    assert app.containers() == {}
    assert "shop" not in app.command("network", "ls").out + app.command("volume", "ls").out


def test_verbs(app: Application) -> None:
    app.write(compose__yaml=TWO)
    app("up", "--wait")
    assert app("ps", "--services").out == "db\nweb\n"
    assert "healthy" in app("ps").out
    assert app("ps", "-q", "web").line == app.containers()["shop-web-1"]
    logs = app("logs")
    assert "web-1  | hello from" in logs.out
    assert "web-1  | bad" in logs.err
    assert app("ls").out.split()[-3:-1] == ["shop", "running(2)"]
    assert "sleep 60" in app("top").out
    assert app("images", "--format", "{{.Container}}").out.split() == ["shop-db-1", "shop-web-1"]
    app("cp", "compose.yaml", "web:/tmp/")
    assert app("exec", "-T", "web", "head", "-2", "/tmp/compose.yaml").out.strip() == "services:"
    assert app("exec", "-T", "web", "sh", "-c", "exit 7", code=7).code == 7
    app("stop", "web")
    assert app("ps", "--services").out == "db\n"
    app("start", "web")
    app("restart", "-t", "0", "web")
    app("kill", "web")
    app("rm", "-f", "web")
    assert set(app.containers()) == {"shop-db-1"}
    assert app("run", "--rm", "-T", "web", "echo", "once").out == "once\n"
    assert app("run", "--rm", "-T", "-e", "B=b", "web", "sh", "-c", "echo $B; exit 3", code=3).out == "b\n"
    assert set(app.containers()) == {"shop-db-1"}
    app("-p", "shop", "down", "-t", "0")


@pytest.mark.needs("freezer")
def test_pause(app: Application) -> None:
    app.write(compose__yaml="services: {web: {image: IMAGE, command: sleep 60, init: true}}")
    app("up", "-d")
    app("pause")
    assert "Paused" in app("ps").out
    app("unpause")
    assert "Paused" not in app("ps").out


def test_attached_ctrl_c_stops_everything(app: Application) -> None:
    app.write(compose__yaml=TWO)
    process = app.command.popen("compose", "up")
    assert process.stdout is not None
    line = process.stdout.readline()
    while b"hello" not in line:
        assert line, process.communicate()
        line = process.stdout.readline()
    assert line.startswith(b"web-1  | hello")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert app("ps", "--services").out == ""
    assert len(app.containers()) == 2


def test_exit_code_from(app: Application) -> None:
    app.write(
        compose__yaml="""
services:
  server: {image: IMAGE, command: sleep 600, init: true}
  tests: {image: IMAGE, command: sh -c "exit 5", depends_on: [server]}
"""
    )
    assert "tests-1 exited with code 5" in app("up", "--exit-code-from", "tests", code=5).out
    assert app("ps", "--services").out == ""


def test_conditions(app: Application) -> None:
    app.write(
        compose__yaml="""
services:
  make: {image: IMAGE, command: sh -c "echo made > /data/file", volumes: [data:/data]}
  use:
    image: IMAGE
    command: cat /data/file
    volumes: [data:/data:ro]
    depends_on: {make: {condition: service_completed_successfully}}
volumes: {data: }
"""
    )
    assert "made" in app("up").out
    app.write(
        compose__yaml="""
services:
  make: {image: IMAGE, command: "false"}
  use: {image: IMAGE, command: echo never, depends_on: {make: {condition: service_completed_successfully}}}
"""
    )
    failed = app("up", "-d", code=1)
    assert "didn't complete successfully: exit 1" in failed.err
    assert app.inspect("shop-use-1")["State"]["Status"] == "created"


def test_secrets_configs_and_limits(app: Application) -> None:
    app.write(
        token="hidden",  # noqa: S106 — a file of this name
        compose__yaml="""
services:
  web:
    image: IMAGE
    command: sleep 60
    init: true
    secrets: [token, {source: word, target: other, mode: 0400}]
    configs: [{source: settings, target: /etc/settings}]
    deploy: {resources: {limits: {cpus: "0.5", memory: 64m, pids: 50}}}
    ulimits: {nofile: 500}
    restart: on-failure:3
    tmpfs: /scratch
    logging: {driver: json-file, options: {max-size: 1m}}
secrets:
  token: {file: ./token}
  word: {environment: WORD}
configs:
  settings: {content: "a=${WORD}"}
""",
        __env="WORD=from-env\n",
    )
    app("up", "-d")
    read = app("exec", "-T", "web", "cat", "/run/secrets/token", "/run/secrets/other", "/etc/settings")
    assert read.out == "hiddenfrom-enva=from-env"
    host = app.inspect("shop-web-1")["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (64 << 20, 500000000, 50)
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}


def test_networks_addresses_and_names(app: Application) -> None:
    app.write(
        compose__yaml="""
services:
  web:
    image: IMAGE
    command: sleep 60
    init: true
    networks: {front: {ipv4_address: 10.214.1.10}, back: {ipv4_address: 10.214.2.10, aliases: [site]}}
  db:
    image: IMAGE
    command: sleep 60
    init: true
    networks: {back: {ipv4_address: 10.214.2.20}}
  alone: {image: IMAGE, command: sleep 60, init: true, network_mode: none}
  shares: {image: IMAGE, command: sleep 60, init: true, network_mode: "service:web"}
networks:
  front: {ipam: {config: [{subnet: 10.214.1.0/24}]}}
  back: {internal: true, ipam: {config: [{subnet: 10.214.2.0/24, gateway: 10.214.2.1}]}}
"""
    )
    app("up", "-d")
    networks = app.inspect("shop-web-1")["NetworkSettings"]["Networks"]
    assert networks["shop_front"]["IPAddress"] == "10.214.1.10"
    assert networks["shop_back"]["IPAddress"] == "10.214.2.10"
    assert "10.214.2.10" in app("exec", "-T", "db", "nslookup", "site", "127.0.0.11").out
    assert "10.214.2.20" in app("exec", "-T", "shares", "nslookup", "db", "127.0.0.11").out
    app("exec", "-T", "db", "ping", "-c", "1", "10.214.2.10")
    assert app("exec", "-T", "db", "ping", "-c", "1", "-W", "1", "10.214.1.10", code=1).code == 1
    app("up", "-d", "--force-recreate", "web")
    assert app.inspect("shop-web-1")["NetworkSettings"]["Networks"]["shop_back"]["IPAddress"] == "10.214.2.10"


def test_errors_say_where(app: Application) -> None:
    app.write(compose__yaml="services:\n  web:\n    imagee: x\n")
    assert "compose.yaml:3: services.web: additional property 'imagee'" in app("up", code=1).err
    app.write(compose__yaml="services:\n  web:\n    image: x\n    build: .\n    ports: [\n")
    assert "compose.yaml:6" in app("up", code=1).err
    app.write(compose__yaml="services:\n  web:\n    image: no-such-image\n    pull_policy: never\n")
    assert "No such image: no-such-image" in app("up", "-d", code=1).err
    app.write(compose__yaml="services:\n  web:\n    image: IMAGE\n    gpus: all\n")
    assert "compose.yaml:4: services.web: 'gpus' is not supported" in app("up", code=1).err
    assert "unknown command: wherry compose upp" in app("upp", code=125).err


def test_the_quick_start_script_finds_what_it_needs(app: Application) -> None:
    """It runs without the directory of installed packages, where PyYAML is."""
    import subprocess
    import sys

    from wherry.cli.launcher import write

    write(str(app.folder / "wherry"))
    app.write(compose__yaml="services: {web: {image: IMAGE}}")
    done = subprocess.run(
        [str(app.folder / "wherry"), "compose", "config", "--services"],
        cwd=app.folder,
        env=app.engine.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("web\n", ""), sys.executable
