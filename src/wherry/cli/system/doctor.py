"""`wherry doctor`: what this machine lacks, with the command that mends each."""

from __future__ import annotations

import sys

from wherry.cli.command import Command, Invocation
from wherry.cli.console import paint
from wherry.cli.doctor.finding import GOOD, LACK, NOTE, Finding
from wherry.cli.doctor.kernel import check_kernel
from wherry.cli.doctor.limits import check_limits
from wherry.cli.doctor.machine import Machine
from wherry.cli.doctor.network import check_network
from wherry.cli.doctor.place import check_place
from wherry.cli.doctor.users import check_user
from wherry.errors import Unsupported

_MARKS = {GOOD: ("✓", "green"), NOTE: ("!", "yellow"), LACK: ("✗", "red")}
_PLAIN = {GOOD: "ok", NOTE: "--", LACK: "NO"}


def run(invocation: Invocation) -> int:
    if sys.platform != "linux":
        raise Unsupported(
            "this machine has no Linux kernel: only the client part runs here",
            hint="`wherry -H ssh://USER@HOST ps` speaks to an engine elsewhere; run `wherry doctor` there",
        )
    machine = Machine()
    found: list[Finding] = []
    for check in (check_kernel, check_user, check_limits, check_network, check_place):
        found += check(machine)
    lacks = sum(finding.state == LACK for finding in found)
    if invocation.flags.on("json") or invocation.flags.text("format") == "json":
        import json

        print(json.dumps([finding.as_dict() for finding in found], indent=4))
    else:
        _print(found)
    return 1 if lacks else 0


def _print(found: list[Finding]) -> None:
    fancy = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    area = ""
    for finding in found:
        if finding.area != area:
            area = finding.area
            print(paint(area, "bold"))
        mark, colour = _MARKS[finding.state]
        print(f"  {paint(mark if fancy else _PLAIN[finding.state], colour)} {finding.what}")
        if finding.means:
            print(f"      {finding.means}")
        if finding.mend:
            print(f"      {paint(finding.mend, 'cyan')}")
    lacks = sum(finding.state == LACK for finding in found)
    notes = sum(finding.state == NOTE for finding in found)
    print()
    if lacks:
        print(f"{lacks} thing{'s' * (lacks > 1)} to mend before containers run here.")
    elif notes:
        print(f"Containers run here. {notes} thing{'s' * (notes > 1)} could be better.")
    else:
        print("Nothing is missing. Try: wherry run hello")


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(
        ("json", "", "bool", "Findings as JSON: area, what, state (good, note, lack), means, mend", ""),
        ("format", "", "text:FORMAT", "json: the same", "Accepted only"),
    ),
    details="""\
It needs no engine and changes nothing: what is tried is tried in a child that ends. Commands are those of
this machine's distribution. It ends with 1 when containers can't run here, else with 0.""",
)
