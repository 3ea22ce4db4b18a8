"""The process: who it is, what it may, where it runs, and why it doesn't."""

from __future__ import annotations

import resource
from typing import Any

import pytest

from tests.harness.runtime_lab import Laboratory

pytestmark = pytest.mark.needs("busybox")

SETS = ("bounding", "effective", "permitted", "inheritable", "ambient")


def with_process(lab: Laboratory, script: str, **process: Any) -> dict[str, Any]:
    spec = lab.spec("sh", "-c", script)
    spec["process"].update(process)
    return spec


def status(lab: Laboratory, **process: Any) -> dict[str, str]:
    outcome = lab.run(with_process(lab, "", args=["cat", "/proc/self/status"], **process))
    assert outcome.failure is None, outcome.failure
    return {
        key: value.strip()
        for key, _colon, value in (line.partition(":") for line in outcome.out.splitlines())
    }


def test_user_groups_and_umask(lab: Laboratory) -> None:
    if not lab.many_ids:
        pytest.skip("needs subordinate-ids")
    user = {"uid": 12, "gid": 34, "additionalGids": [56, 78], "umask": 0o077}
    found = status(lab, user=user)
    assert found["Uid"].split() == ["12"] * 4
    assert found["Gid"].split() == ["34"] * 4
    assert found["Groups"].split() == ["56", "78"]
    assert found["Umask"] == "0077"


def test_the_usual_umask(lab: Laboratory) -> None:
    assert status(lab)["Umask"] == "0022"


def test_capabilities_of_root(lab: Laboratory) -> None:
    found = status(lab)
    assert found["CapEff"] == found["CapPrm"] == found["CapBnd"] == "00000000a80425fb"
    assert found["CapInh"] == found["CapAmb"] == "0000000000000000"


def test_capabilities_of_another_user(lab: Laboratory) -> None:
    if not lab.many_ids:
        pytest.skip("needs subordinate-ids")
    found = status(lab, user={"uid": 1, "gid": 1})
    assert (found["CapEff"], found["CapBnd"]) == ("0000000000000000", "00000000a80425fb")
    ambient = {kind: ["CAP_NET_BIND_SERVICE"] for kind in SETS}
    found = status(lab, user={"uid": 1, "gid": 1}, capabilities=ambient)
    assert {found[name] for name in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd")} == {
        "0000000000000400"
    }


def test_no_capabilities(lab: Laboratory) -> None:
    found = status(lab, capabilities={})
    assert {found[name] for name in ("CapEff", "CapPrm", "CapBnd")} == {"0000000000000000"}


def test_no_new_privileges(lab: Laboratory) -> None:
    assert status(lab, noNewPrivileges=True)["NoNewPrivs"] == "1"
    assert status(lab, noNewPrivileges=False)["NoNewPrivs"] == "0"


@pytest.mark.parametrize("strict", [True, False])
def test_seccomp(lab: Laboratory, strict: bool) -> None:
    spec = with_process(lab, "grep Seccomp: /proc/self/status; mkdir /x", noNewPrivileges=strict)
    spec["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}],
    }
    outcome = lab.run(spec)
    assert outcome.out.split() == ["Seccomp:", "2"]
    assert "Operation not permitted" in outcome.err


def test_limits(lab: Laboratory) -> None:
    wanted = [
        {"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
        {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
    ]
    outcome = lab.run(with_process(lab, "ulimit -Sn; ulimit -Hn; ulimit -c", rlimits=wanted))
    assert outcome.out.split() == ["100", "200", "0"]


def test_a_limit_that_may_not_be_raised(lab: Laboratory) -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    status_line = lab.shell("grep CapEff /proc/self/status; cat /proc/self/uid_map").split()
    if int(status_line[1], 16) >> 24 & 1 and status_line[4] == "4294967295":
        pytest.skip("CAP_SYS_RESOURCE raises any limit")
    wanted = [{"type": "RLIMIT_NOFILE", "soft": hard + 1, "hard": hard + 1}]
    outcome = lab.run(with_process(lab, "true", rlimits=wanted))
    assert outcome.message.startswith("error setting rlimit type 7")


def test_oom_score(lab: Laboratory) -> None:
    assert lab.run(with_process(lab, "cat /proc/self/oom_score_adj", oomScoreAdj=321)).out == "321\n"


def test_nice_and_io_priority(lab: Laboratory) -> None:
    spec = with_process(
        lab,
        "cut -d' ' -f19 /proc/self/stat; ionice",
        ioPriority={"class": "IOPRIO_CLASS_BE", "priority": 6},
        scheduler={"policy": "SCHED_OTHER", "nice": 7},
    )
    assert lab.run(spec).out.splitlines() == ["7", "best-effort: prio 6"]


def test_environment_as_given(lab: Laboratory) -> None:
    outcome = lab.run(
        with_process(lab, "cat /proc/$$/environ | tr '\\0' '\\n'", env=["A=1", "A=2", "B=x y", "EMPTY="])
    )
    assert outcome.failure is not None  # no PATH, so `sh` is not found
    spec = with_process(
        lab, "", args=["/bin/cat", "/proc/self/environ"], env=["A=1", "A=2", "B=x y", "EMPTY="]
    )
    assert lab.run(spec).out == "A=1\0A=2\0B=x y\0EMPTY=\0HOME=/root\0"


def test_home_of_the_user(lab: Laboratory) -> None:
    rootfs = lab.rootfs()
    upper = rootfs["mounts"][0]["upper"]
    users = "a:x:7:7::/home/a:/bin/sh\\nroot:x:0:0::/r:/bin/sh\\n"
    lab.shell(f"mkdir {upper}/etc; printf '{users}' >{upper}/etc/passwd")
    assert lab.run(lab.spec("sh", "-c", "echo $HOME"), rootfs).out == "/r\n"
    spec = lab.spec("sh", "-c", "echo $HOME")
    spec["process"]["env"].append("HOME=/given")
    assert lab.run(spec, rootfs).out == "/given\n"
    for hostile in ("ln -s /proc/self/environ", "mkfifo", "truncate -s 100G"):
        lab.shell(f"rm {upper}/etc/passwd; {hostile} {upper}/etc/passwd")
        assert lab.run(lab.spec("sh", "-c", "echo $HOME"), rootfs).out == "/\n"


def test_working_directory(lab: Laboratory) -> None:
    assert lab.run(with_process(lab, "pwd", cwd="/usr")).out == "/usr\n"
    assert lab.run(with_process(lab, "pwd; stat -c '%u %a' .", cwd="/new/one")).out == "/new/one\n0 755\n"


def test_signals_are_as_a_program_expects(lab: Laboratory) -> None:
    found = status(lab)
    assert {found[name] for name in ("SigBlk", "SigIgn")} == {"0000000000000000"}


def test_exit_codes(lab: Laboratory) -> None:
    assert lab.run("exit 42").code == 42
    assert lab.run("kill -9 $$; sh -c 'kill -9 $$'; exit $?").code == 137


@pytest.mark.parametrize(
    ("program", "message", "code"),
    [
        ("nonsense", 'exec: "nonsense": executable file not found in $PATH', 127),
        ("/nonsense", 'exec: "/nonsense": stat /nonsense: no such file or directory', 127),
        ("/etc/passwd", 'exec: "/etc/passwd": permission denied', 126),
        ("/etc", 'exec: "/etc": is a directory', 126),
        ("/garbage", 'exec: "/garbage": exec format error', 126),
        ("/orphan", 'exec: "/orphan": no such file or directory', 127),
    ],
)
def test_programs_that_do_not_run(lab: Laboratory, program: str, message: str, code: int) -> None:
    rootfs = lab.rootfs()
    upper = rootfs["mounts"][0]["upper"]
    lab.shell(f"echo junk >{upper}/garbage; printf '#!/no/such\\n' >{upper}/orphan; chmod 755 {upper}/*")
    outcome = lab.run(lab.spec(program), rootfs)
    assert outcome.message == message
    assert outcome.failure is not None
    assert outcome.failure["exit_code"] == code


def test_a_program_is_looked_for_in_the_containers_path(lab: Laboratory) -> None:
    rootfs = lab.rootfs()
    upper = rootfs["mounts"][0]["upper"]
    script = f"printf '#!/bin/sh\\necho b\\n' >{upper}/b/tool; chmod 755 {upper}/b/tool"
    lab.shell(f"mkdir -p {upper}/a {upper}/b; touch {upper}/a/tool; {script}")
    spec = lab.spec("tool")
    spec["process"]["env"] = ["PATH=/none:/a:/b:/bin"]
    assert lab.run(spec, rootfs).out == "b\n"


def test_what_can_not_be_done_is_refused(lab: Laboratory) -> None:
    spec = lab.spec("true")
    spec["linux"]["intelRdt"] = {"closID": "x"}
    failure = lab.run(spec).failure
    assert failure is not None
    assert failure["kind"] == "Unsupported"
    assert lab.run(lab.spec()).message == "no command specified"


def test_nothing_is_left_of_an_abandoned_launch(lab: Laboratory) -> None:
    before = lab.ask("descriptors")
    for at in ("once", "created"):
        assert lab.ask("create_and_abort", spec=lab.spec("true"), rootfs=lab.rootfs(), at=at) == {
            "left": None
        }
    lab.run(lab.spec("nonsense"))
    assert lab.ask("descriptors") == before
