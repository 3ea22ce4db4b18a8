"""Image configurations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wherry.errors import Invalid
from wherry.oci import ImageConfig, RootFS, RunConfig, encode_image_config, parse_image_config

_DIFF_ID = "sha256:" + "cd" * 32


def _parse(**fields: Any) -> ImageConfig:
    return parse_image_config(json.dumps({"rootfs": {"type": "layers", "diff_ids": []}, **fields}).encode())


def test_what_docker_writes_is_read() -> None:
    config = _parse(
        architecture="amd64",
        os="linux",
        config={
            "Env": ["PATH=/bin"],
            "Cmd": ["sh"],
            "Entrypoint": None,
            "ExposedPorts": {"80/tcp": {}},
            "Volumes": {"/data": None},
            "Labels": None,
            "WorkingDir": "",
            "OnBuild": None,
            "Healthcheck": {"Test": ["CMD", "true"], "Interval": 1_000_000_000},
            "Hostname": "of no meaning here",
        },
        history=[{"created_by": "x", "empty_layer": True}, {"comment": "y"}],
        container_config={},
    )
    assert config.config.env == ["PATH=/bin"]
    assert config.config.entrypoint is None
    assert config.config.exposed_ports == {"80/tcp": {}}
    assert config.config.volumes == {"/data": {}}, "a null in a set is a member all the same"
    assert config.config.healthcheck is not None
    assert config.config.healthcheck.interval == 1_000_000_000
    assert [step.empty_layer for step in config.history] == [True, False]


def test_encoding_is_deterministic_and_complete() -> None:
    config = ImageConfig(
        architecture="arm64",
        os_features=["f"],
        rootfs=RootFS(diff_ids=[_DIFF_ID]),
        config=RunConfig(labels={"b": "2", "a": "1"}, on_build=["RUN x"], stop_timeout=0),
    )
    data = encode_image_config(config)
    assert data == encode_image_config(parse_image_config(data))
    assert parse_image_config(data) == config
    fields = json.loads(data)
    assert fields["rootfs"] == {"type": "layers", "diff_ids": [_DIFF_ID]}
    assert fields["config"]["OnBuild"] == ["RUN x"]
    assert fields["os"] == "linux"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b'{"rootfs":{"type":"windows","diff_ids":[]}}',
        b'{"rootfs":{"type":"layers","diff_ids":["../x"]}}',
        b'{"rootfs":{"type":"layers","diff_ids":[]},"config":{"Env":"x"}}',
        b'{"rootfs":{"type":"layers","diff_ids":[]},"config":{"Volumes":[1]}}',
        b" " * (9 << 20),
    ],
)
def test_malformed_configurations_are_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        parse_image_config(data)
