"""The Python API on a real engine."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import wherry
from tests.harness.engine import EngineUnderTest
from wherry.client.objects.container import CommandFailed
from wherry.errors import Invalid, NotFound, Unavailable


@pytest.fixture
def api(engine: EngineUnderTest) -> Iterator[wherry.Engine]:
    with wherry.Engine(engine.docker_host) as found:
        yield found


def test_importing_costs_nothing() -> None:
    import subprocess

    code = "import sys; before = set(sys.modules); import wherry; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['__future__', 'wherry']"


def test_run_starts_the_engine_by_itself(no_engine: EngineUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in no_engine.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    with wherry.run("host", "sleep 60", network="none") as container:
        assert container.exec("echo hello").text == "hello"
    assert no_engine.container_ids() == []


def test_life(api: wherry.Engine, image: str) -> None:
    with api.run(image, ["sh", "-c", "echo out; echo err >&2; exec sleep 60"], name="life") as container:
        assert (container.name, container.status, container.exit_code) == ("life", "running", None)
        assert (container.wait_for_log("out"), container.wait_for_log("err")) == ("out", "err")
        assert container in api.containers.list()
        assert sorted(container.logs().split()) == ["err", "out"]
        assert container.logs(stderr=False) == "out\n"
        container.stop(timeout=0)
        assert container.exit_code == 137
        assert container.wait() == 137
        container.start()
        container.start()
        assert container.top()
        assert api.containers.get("life") == container
    with pytest.raises(NotFound):
        container.inspect()


@pytest.mark.needs("freezer")
def test_pause(api: wherry.Engine, image: str) -> None:
    with api.run(image, "sleep 60", init=True) as container:
        container.pause()
        assert container.status == "paused"
        container.unpause()
        assert container.status == "running"


def test_a_failed_start_leaves_nothing(api: wherry.Engine, image: str) -> None:
    with pytest.raises(Invalid, match="no such file or directory"):
        api.run(image, ["/no/such"])
    assert api.containers.list(all=True) == []


def test_exec(api: wherry.Engine, image: str) -> None:
    with api.run(image, "sleep 60") as container:
        result = container.exec(["sh", "-c", "echo $A; echo b >&2; exit 3"], env={"A": "a"})
        assert result == (3, b"a\n", b"b\n")
        big = bytes(range(256)) * 8192
        assert container.exec("cat", stdin=big).stdout == big
        assert container.exec("cat", stdin=b"").stdout == b""
        with pytest.raises(CommandFailed, match="exit code 1") as failure:
            container.exec("false", check=True)
        assert failure.value.result.code == 1


def test_files(api: wherry.Engine, image: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("content")
    with api.run(image, "sleep 60") as container:
        container.write("/tmp/note", "text", mode=0o600)
        assert container.read("/tmp/note") == b"text"
        container.copy_to(tmp_path / "folder", "/tmp/other")
        assert container.read("/tmp/other/file") == b"content"
        container.copy_from("/tmp/other", tmp_path / "back")
        assert (tmp_path / "back" / "file").read_text() == "content"
        container.copy_from("/tmp/note", tmp_path)
        assert (tmp_path / "note").read_text() == "text"
        assert ("A", "/tmp/note") in container.diff()
        with pytest.raises(Invalid, match="not a file"):
            container.read("/tmp")
        with pytest.raises(NotFound):
            container.read("/no/such")


def test_images(api: wherry.Engine, image: str, tmp_path: Path) -> None:
    with api.run(image, "sleep 60") as container:
        container.write("/tmp/note", "text")
        made = container.commit("made:1", changes=['CMD ["cat", "/tmp/note"]', "ENV A=b"])
    made.tag("made:2")
    assert sorted(made.tags) == ["made:1", "made:2"]
    archive = tmp_path / "made.tar"
    archive.write_bytes(b"".join(made.save()))
    with api.run("made:1") as container:
        assert container.wait() == 0
        assert container.logs() == "text"
    made.remove(force=True)
    assert not api.images.exists("made:1")
    found = api.images.load(archive)
    assert found == [made]
    assert made in api.images.list()
    assert api.images.load(io.BytesIO(archive.read_bytes())) == [made]
    made.remove(force=True)


def test_networks_and_volumes(api: wherry.Engine, image: str) -> None:
    with (
        api.networks.create("between", subnet="10.213.7.0/24") as network,
        api.volumes.create("kept", labels={"a": "b"}) as volume,
    ):
        assert network.subnet == "10.213.7.0/24"
        assert volume.labels == {"a": "b"}
        with (
            api.run(image, "sleep 60", network="between", aliases=["db"], volumes=["kept:/data"]) as one,
            api.run(image, "sleep 60", volumes={"kept": "/data"}) as two,
        ):
            network.connect(two, ip="10.213.7.77")
            assert two.ip("between") == "10.213.7.77"
            one.write("/data/note", "shared")
            assert two.read("/data/note") == b"shared"
            assert one.exec("nslookup db 127.0.0.11").code == 0
            network.disconnect(two)
    with pytest.raises(NotFound):
        api.networks.get("between")


def test_ports(api: wherry.Engine, image: str) -> None:
    serve = ["sh", "-c", "mkdir /www; echo hello > /www/index.html; exec httpd -f -p 8000 -h /www"]
    with api.run(image, serve, ports=[8000]) as container:
        host, port = container.wait_for_port(8000)
        import urllib.request

        with urllib.request.urlopen(f"http://{host}:{port}/") as answer:
            assert answer.read() == b"hello\n"
        with pytest.raises(NotFound, match="not published"):
            container.port(9)


def test_health(api: wherry.Engine, image: str) -> None:
    command = ["sh", "-c", "sleep 0.3; touch /ready; exec sleep 60"]
    with api.run(
        image, command, health="test -e /ready", health_interval=0.1, health_retries=99
    ) as container:
        container.wait_until_healthy()
        assert container.health == "healthy"
    with api.run(image, "true", health="true") as container, pytest.raises(Unavailable, match="ended with"):
        container.wait()
        container.wait_until_healthy()


def test_a_log_line_that_never_comes(api: wherry.Engine, image: str) -> None:
    with api.run(image, "echo something") as container:
        with pytest.raises(Unavailable, match="ended without writing 'other'"):
            container.wait_for_log("other")
        assert list(container.follow()) == ["something"]


def test_threads_share_an_engine(api: wherry.Engine, image: str) -> None:
    codes: list[int] = []

    def life() -> None:
        with api.run(image, ["sh", "-c", "exit 7"]) as container:
            codes.append(container.wait())

    threads = [threading.Thread(target=life) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [7] * 8


def test_events(api: wherry.Engine, image: str) -> None:
    import time

    begin = time.time() - 1
    with api.run(image, "true") as container:
        container.wait()
    found = [
        event["Action"]
        for event in api.events(since=begin, until=time.time() + 0.2)
        if event["Actor"]["ID"] == container.id
    ]
    assert found[:3] == ["create", "start", "die"] or {"create", "start", "die"} <= set(found)


def test_an_application(api: wherry.Engine, image: str, tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(
        f"services: {{web: {{image: {image}, command: sleep 60, init: true, environment: [WHAT]}}}}\n"
    )
    with wherry.up(file, engine=api, name="pyapp", environment={"WHAT": "this"}) as app:
        assert (app.name, app.services) == ("pyapp", ["web"])
        assert app["web"].exec("sh -c 'echo $WHAT'").text == "this"
        before = app["web"]
        assert app.up()["web"] == before
        assert app.up(force_recreate=True)["web"] != before
        with pytest.raises(NotFound, match="no such service: other"):
            app["other"]
        with pytest.raises(TypeError, match="unknown option: weit"):
            app.up(weit=True)  # type: ignore[call-arg]
    assert api.containers.list(all=True) == []
