"""`--change` of import and commit."""

from __future__ import annotations

import pytest

from wherry.errors import Invalid
from wherry.oci import Healthcheck, RunConfig
from wherry.store.images.instructions import apply_instructions


def _apply(*instructions: str, before: RunConfig | None = None) -> RunConfig:
    return apply_instructions(before or RunConfig(), instructions)


def test_commands_in_both_forms() -> None:
    assert _apply('CMD ["a", "b c"]').cmd == ["a", "b c"]
    assert _apply("CMD echo $HOME").cmd == ["/bin/sh", "-c", "echo $HOME"]
    assert _apply("cmd x").cmd == ["/bin/sh", "-c", "x"]
    assert _apply('ENTRYPOINT ["/e"]', "CMD []").entrypoint == ["/e"]
    assert _apply('SHELL ["/bin/bash", "-c"]', "CMD x").cmd == ["/bin/bash", "-c", "x"]


def test_environment() -> None:
    before = RunConfig(env=["A=1", "B=2"])
    assert _apply("ENV B=3 C='4 5'", before=before).env == ["A=1", "B=3", "C=4 5"]
    assert _apply("ENV D the rest of it").env == ["D=the rest of it"]
    assert before.env == ["A=1", "B=2"], "what was given is not changed"


def test_the_others() -> None:
    config = _apply(
        "EXPOSE 80 443/tcp 53/udp 8000-8002",
        'VOLUME ["/data", "/more"]',
        "VOLUME /x /y",
        'LABEL a=1 "b c"="d e"',
        "USER nobody:nogroup",
        "WORKDIR /srv",
        "WORKDIR sub/../app",
        "STOPSIGNAL SIGQUIT",
        "ONBUILD RUN make",
    )
    assert set(config.exposed_ports or {}) == {
        "80/tcp", "443/tcp", "53/udp", "8000/tcp", "8001/tcp", "8002/tcp"
    }  # fmt: skip
    assert set(config.volumes or {}) == {"/data", "/more", "/x", "/y"}
    assert config.labels == {"a": "1", "b c": "d e"}
    assert config.user == "nobody:nogroup"
    assert config.working_dir == "/srv/app"
    assert config.stop_signal == "SIGQUIT"
    assert config.on_build == ["RUN make"]


def test_health_checks() -> None:
    config = _apply("HEALTHCHECK --interval=1m30s --timeout=3s --retries=4 --start-period=500ms CMD curl x")
    assert config.healthcheck == Healthcheck(
        test=["CMD-SHELL", "curl x"],
        interval=90_000_000_000,
        timeout=3_000_000_000,
        retries=4,
        start_period=500_000_000,
    )
    assert _apply('HEALTHCHECK CMD ["a"]').healthcheck == Healthcheck(test=["CMD", "a"])
    assert _apply("HEALTHCHECK NONE").healthcheck == Healthcheck(test=["NONE"])


@pytest.mark.parametrize(
    "line",
    ["RUN make", "FROM x", "CMD", "EXPOSE x", "EXPOSE 0", "EXPOSE 70000", "EXPOSE 9-8", "ENV A", "LABEL a",
     "LABEL 'a", "ONBUILD ONBUILD RUN x", "ONBUILD FROM x", "HEALTHCHECK x", "HEALTHCHECK --interval=z CMD x",
     "HEALTHCHECK --what=1 CMD x", "SHELL /bin/sh"],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(line: str) -> None:
    with pytest.raises(Invalid):
        _apply(line)


def test_the_refusal_names_the_instruction() -> None:
    with pytest.raises(Invalid, match="RUN is not a valid change command"):
        _apply("RUN make")
