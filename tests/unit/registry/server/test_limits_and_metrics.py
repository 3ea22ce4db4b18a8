"""Rates, counters, and paths taken apart."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from wherry.registry.server import limits
from wherry.registry.server.failures import Refusal
from wherry.registry.server.limits import Attempts, Rate
from wherry.registry.server.metrics import Metrics
from wherry.registry.server.names import check_name, check_tag
from wherry.registry.server.routes.table import parse


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


def test_a_rate_lets_a_burst_through_and_then_tells_how_long_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(limits, "time", clock)
    rate = Rate(0.5, 3)
    for _ in range(3):
        rate.take("a")
    with pytest.raises(Refusal) as caught:
        rate.take("a")
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (429, "2")
    rate.take("b")
    clock.now += 2
    rate.take("a")


def test_wrong_passwords_close_the_door_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(limits, "time", clock)
    attempts = Attempts(2)
    for _ in range(3):
        attempts.check("a")
        attempts.failed("a")
    with pytest.raises(Refusal):
        attempts.check("a")
    attempts.check("b")
    clock.now += 31
    attempts.check("a")


def test_counters_of_all_workers_are_added_up_and_outlive_them(tmp_path: Path) -> None:
    one, two = Metrics(str(tmp_path), "worker-0"), Metrics(str(tmp_path), "worker-1")
    one.observe("blob", 200, 0.01)
    two.observe("blob", 200, 0.3)
    two.add("sent_bytes_total", 500)
    two.add("in_flight")
    two.save()
    text = one.text()
    assert 'wherry_registry_requests_total{kind="blob",status="200"} 2\n' in text
    assert 'wherry_registry_request_seconds_bucket{kind="blob",le="0.1"} 1\n' in text
    assert 'wherry_registry_request_seconds_count{kind="blob"} 2\n' in text
    assert "# TYPE wherry_registry_request_seconds histogram\n" in text
    again = Metrics(str(tmp_path), "worker-1")
    assert "wherry_registry_sent_bytes_total 500\n" in again.text()
    assert "in_flight 1" not in again.text()
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) .*|[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [0-9.e+-]+', line), line


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/v2/", ("base", "", "")),
        ("/v2/_catalog", ("catalog", "", "")),
        ("/v2/a/manifests/x", ("manifest", "a", "x")),
        ("/v2/a/b/blobs/sha256:0", ("blob", "a/b", "sha256:0")),
        ("/v2/a/blobs/uploads/", ("uploads", "a", "")),
        ("/v2/a/blobs/uploads", ("uploads", "a", "")),
        ("/v2/a/blobs/uploads/1", ("upload", "a", "1")),
        ("/v2/manifests/manifests/manifests", ("manifest", "manifests", "manifests")),
        ("/v2/a/tags/list", ("tags", "a", "")),
        ("/v2/a/tags/other", ("", "", "")),
        ("/v2/a/referrers/d", ("referrers", "a", "d")),
        ("/v2/manifests/x", ("", "", "")),
        ("/v2/a", ("", "", "")),
    ],
)
def test_paths(path: str, parts: tuple[str, str, str]) -> None:
    kind, name, last = parse(path)
    assert (kind, name, last if kind != "tags" else "") == parts


@given(some.text(max_size=60))
def test_names_that_are_accepted_stay_where_they_belong(text: str) -> None:
    for check in (check_name, check_tag):
        try:
            check(text)
        except Refusal:
            continue
        parts = text.split("/")
        assert "" not in parts
        assert not any(part.startswith(".") for part in parts)
        assert text.isascii()
        if check is check_name:
            assert not any(part.startswith("_") for part in parts)
