"""Two replicas over one bucket of an S3-compatible server, one killed while clients push and pull."""

from __future__ import annotations

import http.client
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.bucket import Bucket
from tests.harness.registry import RegistryUnderTest
from tests.integration.registry.server.conftest import digest_of
from tests.integration.registry.server.test_faults import Client, wait_until


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[list[RegistryUnderTest]]:
    with Bucket() as bucket:
        url, options = bucket.storage("registry")
        told = "".join(f'{name} = "{value}"\n' for name, value in options.items())
        running = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            running.append(RegistryUnderTest(tmp_path / name, f'storage = "{url}"\n[objects]\n{told}'))
        for one in running:
            one.start()
        yield running
        Client.close_all()
        for one in running:
            one.stop()


def test_what_one_is_told_the_other_knows(replicas: list[RegistryUnderTest]) -> None:
    one, two = replicas
    layer = os.urandom(20 << 20)
    assert Client(one).push("team/a", "1", layer) == 201
    assert Client(two).ask("GET", f"/v2/team/a/blobs/{digest_of(layer)}")[2] == layer
    status, _, body = Client(two).ask("GET", f"/v2/team/a/blobs/{digest_of(layer)}", Range="bytes=5-9")
    assert (status, body) == (206, layer[5:10])
    # an upload begun at one is finished at the other
    _, where, _ = Client(one).ask("POST", "/v2/team/a/blobs/uploads/")
    assert Client(one).ask("PATCH", where, b"half and ")[0] == 202
    whole = b"half and half"
    assert Client(two).ask("PUT", f"{where}?digest={digest_of(whole)}", b"half")[0] == 201
    assert Client(one).ask("GET", f"/v2/team/a/blobs/{digest_of(whole)}")[2] == whole
    assert "everything is as it should be" in one.run("check")


def test_one_killed_under_load(replicas: list[RegistryUnderTest]) -> None:
    confirmed: list[tuple[str, bytes]] = []
    enough = threading.Event()

    def pusher(number: int) -> None:
        count = 0
        while not enough.is_set():
            count += 1
            layer = os.urandom(300_000)
            for replica in (replicas[count % 2], replicas[(count + 1) % 2]):
                try:  # as a client behind a balancer does: what fails is tried again, with the other
                    if Client(replica).push(f"team/{number}", f"t{count}", layer) == 201:
                        confirmed.append((f"/v2/team/{number}", layer))
                        break
                except (OSError, http.client.HTTPException):
                    continue
            else:
                raise AssertionError("neither replica took it")

    failed: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            pusher(number)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(confirmed) > 10 or bool(failed))
        replicas[0].kill()
        killed_at = len(confirmed)
        wait_until(lambda: len(confirmed) > killed_at + 10 or bool(failed))
    finally:
        enough.set()
        for thread in threads:
            thread.join()
    assert failed == []
    client = Client(replicas[1])
    for path, layer in confirmed:
        status, _, body = client.ask("GET", f"{path}/blobs/{digest_of(layer)}")
        assert status == 200
        assert body == layer
    assert "everything is as it should be" in replicas[1].run("check")
    assert "freed" in replicas[1].run("gc")
