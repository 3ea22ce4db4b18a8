"""CVE-2019-5736 on run and exec, with every switch that makes root inside root outside."""

from __future__ import annotations

import pytest

from tests.harness.command import Command
from tests.security.test_process_in_container import fingerprint

SWITCHES = [
    [],
    ["--userns=host"],
    ["--privileged"],
    ["--userns=host", "--cap-add=ALL", "--security-opt", "seccomp=unconfined"],
    ["--pid=host"],
    ["--privileged", "--pid=host"],
]

# Opens for appending and writes nothing: what could be opened is told, nothing is harmed.
WATCH = """
printf '#!/proc/self/exe\\n' >/trap; chmod 755 /trap
end=$(($(date +%s) + 20))
while [ $(date +%s) -lt $end ]; do
    for exe in /proc/[0-9]*/exe; do
        program=$(readlink $exe) || continue
        case $program in *python*|*interpreter*|*wherry*) ;; *) continue ;; esac
        (: >>$exe) 2>/dev/null && echo OPENED $program
        mount -o remount,rw,bind $exe 2>/dev/null && echo REMOUNTED $program
    done
    [ -e /done ] && break
done
"""


@pytest.mark.parametrize("switches", SWITCHES, ids=" ".join)
def test_the_interpreter_can_not_be_opened_for_writing(
    wherry: Command, image: str, switches: list[str]
) -> None:
    if any("pid=host" in switch for switch in switches):
        # The machine's own processes, which this container may see, have executables of the machine. Those
        # that are protected are the ones that carry containers out: the supervisor and what it forks.
        found = "grep -q wherry.supervisor $p/cmdline && (: >>$p/exe) && echo OPENED $p"
        script = f"for p in /proc/[0-9]*; do {found}; done"
        result = wherry("run", "--rm", *switches, image, "sh", "-c", f"({script}) 2>/dev/null; exit 0")
        assert "OPENED" not in result.out
        return
    before = fingerprint()
    wherry("run", "-d", "--name", "attacker", *switches, image, "sh", "-c", WATCH)
    for _ in range(4):
        wherry("exec", "attacker", "/trap", code=None)
        wherry("exec", "attacker", "/proc/self/exe", code=None)
        wherry("exec", "attacker", "true")
    wherry("exec", "attacker", "touch", "/done")
    assert wherry("wait", "attacker").line == "0"
    assert wherry("logs", "attacker").out == ""
    wherry("run", "--rm", *switches, "--entrypoint", "/proc/self/exe", image, code=None)
    assert fingerprint() == before
