"""docker-py against the engine: what its users rely on."""

from __future__ import annotations

import io
import tarfile
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.daemons import Daemon

docker = pytest.importorskip("docker", reason="needs docker-py")

pytestmark = [
    pytest.mark.needs("docker-py", "docker-cli"),
    # docker-py leaves sockets of streams to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Any]:
    made = docker.DockerClient(base_url=daemon.host, version="auto", timeout=30)
    yield made
    made.close()


@pytest.fixture
def sleeper(client: Any, daemon: Daemon) -> Any:
    return client.containers.run(daemon.image, ["sleep", "60"], detach=True, network_mode="none")


def run(client: Any, daemon: Daemon, command: Any, **options: Any) -> Any:
    return client.containers.run(daemon.image, command, network_mode="none", remove=True, **options)


def test_ping_version_info(client: Any) -> None:
    assert client.ping() is True
    assert client.version()["Os"] == "linux"
    assert client.info()["OSType"] == "linux"
    assert set(client.df()) >= {"LayersSize", "Images", "Containers", "Volumes"}


def test_run_returns_the_output(client: Any, daemon: Daemon) -> None:
    assert run(client, daemon, "echo hello") == b"hello\n"
    assert run(client, daemon, ["sh", "-c", "echo e >&2"], stderr=True, stdout=False) == b"e\n"
    assert run(client, daemon, ["sh", "-c", "echo $A"], environment={"A": "b"}) == b"b\n"
    assert run(client, daemon, "pwd", working_dir="/tmp", user="33") == b"/tmp\n"


def test_run_raises_what_docker_py_promises(client: Any, daemon: Daemon) -> None:
    with pytest.raises(docker.errors.ContainerError) as failed:
        run(client, daemon, ["sh", "-c", "echo wrong >&2; exit 3"])
    assert failed.value.exit_status == 3
    with pytest.raises(docker.errors.NotFound):
        client.containers.get("nope")
    with pytest.raises(docker.errors.ImageNotFound):
        client.images.get("nope")
    with pytest.raises(docker.errors.NotFound):
        client.volumes.get("nope")
    with pytest.raises(docker.errors.NotFound):
        client.networks.get("nope")


def test_the_life_of_a_container(client: Any, daemon: Daemon) -> None:
    container = client.containers.create(
        daemon.image, ["sleep", "60"], name="boat", network_mode="none", labels={"a": "b"}
    )
    assert container.status == "created"
    assert container.labels == {"a": "b"}
    container.start()
    container.reload()
    assert container.status == "running"
    assert [c.name for c in client.containers.list(filters={"label": "a=b"})] == ["boat"]
    assert client.containers.list(filters={"label": "a=c"}) == []
    container.rename("ship")
    container.restart(timeout=0)
    assert client.containers.get("ship").id == container.id
    container.update(mem_limit="100m", memswap_limit="200m")
    titles = container.top()["Titles"]
    assert "PID" in titles
    container.kill()
    assert container.wait()["StatusCode"] == 137
    with pytest.raises(docker.errors.APIError) as conflict:
        container.kill()
    assert conflict.value.status_code == 409
    container.remove()
    with pytest.raises(docker.errors.NotFound):
        container.reload()


@pytest.mark.needs("freezer")
def test_pausing(sleeper: Any) -> None:
    sleeper.pause()
    sleeper.reload()
    assert sleeper.status == "paused"
    sleeper.unpause()
    sleeper.reload()
    assert sleeper.status == "running"


def test_wait_conditions(client: Any, daemon: Daemon) -> None:
    container = client.containers.create(daemon.image, "true", network_mode="none")
    ended: list[Any] = []
    waiting = threading.Thread(target=lambda: ended.append(container.wait(condition="next-exit", timeout=20)))
    waiting.start()
    time.sleep(0.3)  # the request is on its way; docker-py doesn't tell when it was accepted
    container.start()
    waiting.join(60)
    assert [one["StatusCode"] for one in ended] == [0]
    assert container.wait()["StatusCode"] == 0


def test_exec_run(sleeper: Any) -> None:
    code, output = sleeper.exec_run("echo hi")
    assert (code, output) == (0, b"hi\n")
    code, (out, err) = sleeper.exec_run(["sh", "-c", "echo o; echo e >&2; exit 4"], demux=True)
    assert (code, out, err) == (4, b"o\n", b"e\n")
    _, pieces = sleeper.exec_run(["sh", "-c", "echo a; echo b"], stream=True)
    assert b"".join(pieces) == b"a\nb\n"
    code, output = sleeper.exec_run("sh -c 'test -t 1 && echo tty'", tty=True)
    assert output == b"tty\r\n"
    assert not sleeper.exec_run("sleep 0", detach=True).output


def test_exec_over_a_socket(sleeper: Any) -> None:
    _, stream = sleeper.exec_run("cat", stdin=True, socket=True)
    raw = stream._sock
    raw.sendall(b"typed\n")
    raw.shutdown(1)
    data = b""
    while piece := raw.recv(4096):
        data += piece
    stream.close()
    assert data == b"\x01\0\0\0\0\0\0\x06typed\n"


def test_logs(client: Any, daemon: Daemon) -> None:
    container = client.containers.run(
        daemon.image, ["sh", "-c", "echo one; echo two >&2; echo three"], detach=True, network_mode="none"
    )
    container.wait()
    assert sorted(container.logs().splitlines()) == [b"one", b"three", b"two"]
    assert container.logs(stdout=True, stderr=False) == b"one\nthree\n"
    assert len(container.logs(tail=1).splitlines()) == 1
    assert b"Z one\n" in container.logs(stderr=False, timestamps=True)
    assert list(container.logs(stream=True, stderr=False)) in ([b"one\n", b"three\n"], [b"one\nthree\n"])


def test_following_logs(client: Any, daemon: Daemon) -> None:
    container = client.containers.run(
        daemon.image, ["sh", "-c", "echo a; sleep 0.2; echo b"], detach=True, network_mode="none"
    )
    assert b"".join(container.logs(follow=True, stream=True)) == b"a\nb\n"


def test_attach(client: Any, daemon: Daemon) -> None:
    container = client.containers.create(daemon.image, "echo attached", network_mode="none")
    pieces = container.attach(stream=True, logs=False)
    container.start()
    assert b"".join(pieces) == b"attached\n"


def test_archives(sleeper: Any) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("file")
        entry.size, entry.mode, entry.uid = 5, 0o640, 33
        archive.addfile(entry, io.BytesIO(b"inner"))
    assert sleeper.put_archive("/tmp", packed.getvalue())
    assert sleeper.exec_run("stat -c %a:%u /tmp/file").output == b"640:33\n"
    pieces, stat = sleeper.get_archive("/tmp/file")
    assert (stat["name"], stat["size"]) == ("file", 5)
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        member = archive.extractfile("file")
        assert member is not None and member.read() == b"inner"
    with pytest.raises(docker.errors.NotFound):
        sleeper.get_archive("/nope")
    assert {"Path": "/tmp/file", "Kind": 1} in sleeper.diff()
    exported = b"".join(sleeper.export())
    with tarfile.open(fileobj=io.BytesIO(exported)) as archive:
        assert "tmp/file" in archive.getnames()


def test_images(client: Any, daemon: Daemon, sleeper: Any) -> None:
    image = client.images.get(daemon.image)
    assert image.tag("other", "1")
    assert "other:1" in client.images.get("other:1").tags
    saved = b"".join(image.save(named=True))
    client.images.remove("other:1")
    assert client.images.load(saved)[0].id == image.id
    assert image.history()[0]["Size"] >= 0
    made = sleeper.commit("made", "1", message="said", changes=["ENV A=b"])
    assert "A=b" in made.attrs["Config"]["Env"]
    assert [i.id for i in client.images.list("made")] == [made.id]
    client.images.remove(made.id, force=True)
    assert client.images.list("made") == []
    with pytest.raises(docker.errors.APIError):
        client.images.pull("localhost:1/none", tag="x")


def test_volumes(client: Any, daemon: Daemon) -> None:
    volume = client.volumes.create("stuff", labels={"a": "b"})
    assert client.volumes.get("stuff").attrs["Labels"] == {"a": "b"}
    assert run(client, daemon, "touch /v/file", volumes={"stuff": {"bind": "/v", "mode": "rw"}}) == b""
    assert run(client, daemon, "ls /v", volumes=["stuff:/v:ro"]) == b"file\n"
    assert "stuff" in [v.name for v in client.volumes.list(filters={"label": "a=b"})]
    volume.remove()
    assert client.volumes.list(filters={"name": "stuff"}) == []


def test_networks(client: Any) -> None:
    assert {"host", "none"} <= {network.name for network in client.networks.list()}


def test_stats(sleeper: Any) -> None:
    one = sleeper.stats(stream=False)
    assert one["pids_stats"]["current"] == 1
    assert one["id"] == sleeper.id
    stream = sleeper.stats(decode=True)
    assert next(stream)["read"]
    stream.close()


def test_events(client: Any, daemon: Daemon) -> None:
    events = client.events(decode=True, filters={"type": "container"})
    container = client.containers.run(daemon.image, "true", detach=True, network_mode="none")
    seen: list[str] = []
    for event in events:
        if event["Actor"]["ID"] == container.id:
            seen.append(event["Action"])
        if event["Action"] == "die":
            break
    events.close()
    assert seen == ["create", "start", "die"]


def test_prune(client: Any, daemon: Daemon) -> None:
    container = client.containers.run(daemon.image, "true", detach=True, network_mode="none")
    container.wait()
    assert client.containers.prune()["ContainersDeleted"] == [container.id]


def test_old_api_versions(daemon: Daemon) -> None:
    client = docker.DockerClient(base_url=daemon.host, version="1.24", timeout=30)
    output = client.containers.run(daemon.image, "echo old", network_mode="none", remove=True)
    assert output == b"old\n"
    client.close()


def test_a_version_from_the_future(daemon: Daemon) -> None:
    client = docker.DockerClient(base_url=daemon.host, version="1.99", timeout=30)
    with pytest.raises(docker.errors.APIError, match="is too new"):
        client.containers.list()
    client.close()


def test_exec_with_a_terminal(client: Any, image: str) -> None:
    """Frames or none: what the start says counts, not what the exec was made with."""
    box = client.containers.run(image, "sleep 600", detach=True, network_mode="none", init=True)
    made = client.api.exec_create(box.id, ["sh", "-c", "echo out; echo err >&2"], tty=True)
    assert client.api.exec_start(made) == b"out\r\nerr\r\n"
    made = client.api.exec_create(box.id, ["sh", "-c", "echo out; echo err >&2"], tty=True)
    assert client.api.exec_start(made, tty=True) == b"out\r\nerr\r\n"
    made = client.api.exec_create(box.id, ["sh", "-c", "echo out; echo err >&2"])
    assert client.api.exec_start(made, demux=True) == (b"out\n", b"err\n")
    box.remove(force=True)


def test_errors_that_come_in_a_stream(client: Any) -> None:
    with pytest.raises(docker.errors.ImageLoadError):
        client.images.load(b"this is no archive")


def test_variables_without_a_value(client: Any, image: str) -> None:
    box = client.containers.create(image, "env", environment=["Gone", "Empty=", "Set=x"], network_mode="none")
    assert client.api.inspect_container(box.id)["Config"]["Env"] == ["Gone", "Empty=", "Set=x"]
    box.start()
    box.wait()
    lines = box.logs().decode().splitlines()
    assert "Empty=" in lines and "Set=x" in lines
    assert not any(line.startswith("Gone") for line in lines)
    box.remove()


def test_a_container_leaves_a_network_once(client: Any, image: str) -> None:
    network = client.networks.create("left-once")
    box = client.containers.create(image, "true")
    network.connect(box)
    network.disconnect(box, force=True)
    with pytest.raises(docker.errors.APIError, match="is not connected to network"):
        network.disconnect(box, force=True)
    box.remove()
    network.remove()
