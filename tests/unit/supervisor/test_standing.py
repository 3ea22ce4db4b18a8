"""What containers get instead of what the supervisor took."""

from __future__ import annotations

from wherry.supervisor.standing import Standing


def test_a_process_says_what_it_would_inherit() -> None:
    given = Standing((1024, 4096), 0).give_back({"args": ["true"]})
    assert given == {
        "args": ["true"],
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 4096}],
        "oomScoreAdj": 0,
    }


def test_what_it_says_itself_stays() -> None:
    process = {"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 5, "hard": 6}], "oomScoreAdj": 300}
    assert Standing((1024, 4096), 0).give_back(process) == process


def test_without_a_lowered_score_nobody_needs_one() -> None:
    assert "oomScoreAdj" not in Standing((1024, 4096), None).give_back({})
