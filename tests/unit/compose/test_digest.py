"""Digests of services, networks and volumes: those that Docker Compose 2.40.3 takes."""

from __future__ import annotations

from pathlib import Path

from wherry.compose.digest import network_digest, volume_digest
from wherry.compose.labels import config_hash
from wherry.compose.loading import load
from wherry.compose.shapes import fraction, span, written

FILE = Path(__file__).parent / "files" / "every-form.yaml"
# `docker compose -f every-form.yaml --profile p config --hash '*'`
THEIRS = {
    "a": "2afd7866203dca40993313263173003833e9de9c3ad83f2f59484e32a5605234",
    "b": "e7460b7cc8787d93e07ca5b8059b8a2394a670c7f06da1488e4901109c3f03e9",
    "c": "df6f6f530f793c8af54c531319b5a9542ad2cbb852da219f0c03c0dde719f9e6",
    "d": "0d357ff39a29f858940c23c50f995c02f9b28107decdb08b0211040d5fc34e26",
    "e": "a6bcbd157df43c63cb4fd1d9da30de522a768c43fe611fdf418ebad00588c02e",
    "f": "25bcb91701871dae4d8b1153892c09a740bc3ded7777aa3a03e87fd25c0e7bbd",
}


def test_services_have_the_digests_of_docker_compose() -> None:
    project = load([str(FILE)], profiles=["p"], environment={})
    assert {name: config_hash(one) for name, one in project.services.items()} == THEIRS


def test_files_laid_over_each_other_have_the_digest_of_docker_compose() -> None:
    """`docker compose -f under.yaml -f over.yaml config --hash a`"""
    files = [str(FILE.with_name(name)) for name in ("under.yaml", "over.yaml")]
    theirs = "f16fd9e0aec5be4dd1b0e855c88c9fc61352284c5e4dd7c441f873578653e659"
    assert config_hash(load(files, environment={}).services["a"]) == theirs


def test_containers_in_place_of_services() -> None:
    project = load([str(FILE)], profiles=["p"], environment={})
    service = project.services["d"]
    assert config_hash(service, {"a": "1", "c": "2"}) != config_hash(service, {"a": "1", "c": "3"})
    assert config_hash(service, {"a": "1", "c": "2"}) != THEIRS["d"]


def test_networks_and_volumes() -> None:
    """As labelled by Docker Compose on networks and volumes that it made."""
    front = "c21ecd8b78ee956716ca93389a9eed7fe2a5bbbdc8c499ecad9fc9ed6419ec5f"
    back = "d71ee94a17c4dadc1042b5e1135d5c81e6de2dcde113a0cae2d41c14bac4a02b"
    data = "6e3ecffb3e615b84ac16d5c05083fa9f23863eb88acce83a71a426410c9339ea"
    fields = {"ipam": {"config": [{"subnet": "10.1.1.0/24"}]}, "internal": True, "labels": {"q": "w"}}
    assert network_digest("hash_front", {}) == front
    assert network_digest("hash_back", fields) == back
    assert volume_digest("hash_data", {"labels": {"l": "m"}}) == data


def test_numbers_and_durations() -> None:
    assert [fraction(value) for value in ("0.1", "0.50", 2, "1e-3", 0.30000001)] == [0.1, 0.5, 2, 0.001, 0.3]
    spans = {
        "90s": "1m30s",
        "1h": "1h0m0s",
        "1500ms": "1.5s",
        "20us": "20µs",
        "0s": "0s",
        "1ms500us": "1.5ms",
    }
    assert {text: span(text) for text in spans} == spans
    assert written({"a": "<&>\u2028ä"}) == b'{"a":"\\u003c\\u0026\\u003e\\u2028\xc3\xa4"}'
