"""Docker's build checks, by their names."""

from __future__ import annotations

import pytest

from wherry.build.checks import check
from wherry.build.dockerfile import parse


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("FROM x\nRUN a", []),
        ("FROM x\nrun a", ["ConsistentInstructionCasing"]),
        ("FROM x AS Ab", ["StageNameCasing"]),
        ("FROM x as a", ["FromAsCasing"]),
        ("FROM x AS scratch", ["ReservedStageName"]),
        ("FROM --platform=linux/amd64 x", ["FromPlatformFlagConstDisallowed"]),
        ("FROM --platform=$TARGETPLATFORM x", ["RedundantTargetPlatform"]),
        ('FROM x\nCMD ["a"]\nCMD ["b"]', ["MultipleInstructionsDisallowed"]),
        ("FROM x\nCMD a", ["JSONArgsRecommended"]),
        ("FROM x\nMAINTAINER a", ["MaintainerDeprecated"]),
        ("FROM x\nWORKDIR a", ["WorkdirRelativePath"]),
        ("FROM x\nENV a b", ["LegacyKeyValueFormat"]),
        ("FROM x\nENV API_TOKEN=b", ["SecretsUsedInArgOrEnv"]),
        ("FROM x\nEXPOSE 80/TCP", ["ExposeProtoCasing"]),
        ("FROM $nothing", ["UndefinedArgInFrom"]),
        ("FROM x\nRUN a \\\n\n b", ["NoEmptyContinuation"]),
        ("# check=skip=JSONArgsRecommended\nFROM x\nCMD a", []),
    ],
)
def test_rules(text: str, rules: list[str]) -> None:
    assert [one.rule for one in check(parse(text))] == rules
