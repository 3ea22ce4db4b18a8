"""The root file system: overlays with any number of layers, binds, ids, and being read-only."""

from __future__ import annotations

import os

import pytest

from tests.harness.runtime_lab import Laboratory, mount

pytestmark = pytest.mark.needs("busybox")


def test_files_belong_to_the_ids_that_the_image_gives_them(lab: Laboratory) -> None:
    rootfs = lab.rootfs()
    outcome = lab.run(lab.spec("sh", "-c", "touch /x; chown 5:6 /x; stat -c '%u %g' / /bin/sh /x"), rootfs)
    assert outcome.out.splitlines() == ["0 0", "0 0", "5 6"]
    # What the container wrote is on disk under the image's own ids, so a commit needs no shifting.
    written = lab.shell(f"stat -c '%u %g' {rootfs['mounts'][0]['upper']}/x")
    assert written.split() == ["5", "6"]


def test_the_image_stays_as_it_was(lab: Laboratory) -> None:
    outcome = lab.run("rm /bin/ls; echo changed >/etc/passwd; test -e /bin/ls")
    assert outcome.code == 1
    assert os.path.lexists(lab.layer / "bin" / "ls")
    assert "changed" not in (lab.layer / "etc" / "passwd").read_text()


def test_a_second_run_sees_what_the_first_wrote(lab: Laboratory) -> None:
    rootfs = lab.rootfs()
    lab.run(lab.spec("sh", "-c", "echo kept >/note; rm /etc/group; mkdir /d; rmdir /home"), rootfs)
    outcome = lab.run(lab.spec("sh", "-c", "cat /note; ls /etc/group /home"), rootfs)
    assert outcome.out == "kept\n"
    assert outcome.err.count("No such file") == 2


def test_more_than_a_hundred_layers(lab: Laboratory) -> None:
    place = lab.directory / "roots" / "many"
    lab.shell(
        f"for number in $(seq 1 130); do mkdir -p {place}/$number; echo $number >{place}/$number/top; "
        f"echo $number >{place}/$number/file-$number; done"
    )
    lower = [*(str(place / str(number)) for number in range(1, 131)), str(lab.layer)]
    outcome = lab.run(lab.spec("sh", "-c", "cat /top; ls / | grep -c file-"), lab.rootfs(*lower))
    assert outcome.failure is None, outcome.failure
    assert outcome.out.split() == ["1", "130"]


def test_a_layer_without_an_upper_is_read_only(lab: Laboratory) -> None:
    rootfs = {"mounts": [{"type": "overlay", "target": "/", "lower": [str(lab.layer)]}]}
    spec = lab.spec("sh", "-c", "touch /x")
    for place in ("proc", "dev", "sys"):
        lab.shell(f"mkdir -p {lab.layer}/{place}")
    outcome = lab.run(spec, rootfs)
    assert "Read-only file system" in outcome.err


def test_a_second_overlay_inside_the_first(lab: Laboratory) -> None:
    rootfs = lab.rootfs()
    extra = lab.rootfs(str(lab.layer / "etc"))["mounts"][0]
    rootfs["mounts"].append({**extra, "target": "/opt/inner"})
    outcome = lab.run(
        lab.spec("sh", "-c", "ls /opt/inner/passwd; touch /opt/inner/new; ls /opt/inner/new"), rootfs
    )
    assert outcome.out.split() == ["/opt/inner/passwd", "/opt/inner/new"]
    assert os.path.exists(f"{extra['upper']}/new")


def test_a_directory_as_root(lab: Laboratory) -> None:
    place = lab.directory / "roots" / "plain"
    lab.shell(f"mkdir -p {place} && cp -a {lab.layer}/. {place}")
    rootfs = {"mounts": [{"type": "bind", "target": "/", "source": str(place)}]}
    outcome = lab.run(lab.spec("sh", "-c", "echo here >/mark; stat -c %u /mark"), rootfs)
    assert outcome.failure is None, outcome.failure
    assert outcome.out == "0\n"
    assert lab.shell(f"stat -c %u {place}/mark") == "0\n"


@pytest.mark.parametrize("way", ["plan", "specification"])
def test_a_read_only_root(lab: Laboratory, way: str) -> None:
    spec = lab.spec("sh", "-c", "touch /x; touch /dev/shm/y && echo writable")
    spec["root"]["readonly"] = way == "specification"
    outcome = lab.run(spec, lab.rootfs(read_only=way == "plan"))
    assert "Read-only file system" in outcome.err
    assert outcome.out == "writable\n"


def test_nothing_of_the_old_root_is_left(lab: Laboratory) -> None:
    outcome = lab.run("cat /proc/self/mountinfo")
    roots = [line for line in outcome.out.splitlines() if line.split()[4] == "/"]
    assert len(roots) == 1
    assert " - overlay " in roots[0]
    assert str(lab.directory) not in outcome.out


def test_masked_and_read_only_paths(lab: Laboratory) -> None:
    outcome = lab.run("cat /proc/timer_list /proc/keys; ls /sys/firmware; echo 1 >/proc/sys/kernel/msgmax")
    assert outcome.out == ""
    assert "Read-only file system" in outcome.err


def test_tmpfs_and_its_limits(lab: Laboratory) -> None:
    spec = lab.spec(
        "sh", "-c", "df -k /run /dev/shm | awk '{print $2}'; grep ' /run ' /proc/mounts; stat -c %a /run"
    )
    spec["mounts"].append(mount("/run", "tmpfs", "tmpfs", "noexec", "nosuid", "size=1m", "mode=1770"))
    lines = lab.run(spec).out.splitlines()
    assert lines[1:3] == ["1024", "65536"]
    assert {"rw", "nosuid", "noexec"} <= set(lines[3].split()[3].split(","))
    assert lines[4] == "1770"


def test_a_tmpfs_that_begins_with_what_was_there(lab: Laboratory) -> None:
    spec = lab.spec(
        "sh", "-c", "cat /etc/hello; ls -l /etc/link; touch /etc/new; stat -c '%a %u' /etc/hello /etc"
    )
    rootfs = lab.rootfs()
    upper = rootfs["mounts"][0]["upper"]
    lab.shell(f"cd {upper}; mkdir etc; echo hi >etc/hello; chmod 640 etc/hello; ln -s hello etc/link")
    spec["mounts"].append(mount("/etc", "tmpfs", "tmpfs", "tmpcopyup", "nosuid"))
    outcome = lab.run(spec, rootfs)
    assert outcome.failure is None, outcome.failure
    assert outcome.out.splitlines()[0] == "hi"
    assert "-> hello" in outcome.out
    assert "640 0" in outcome.out
    assert not os.path.exists(f"{upper}/etc/new")


def test_an_unknown_file_system(lab: Laboratory) -> None:
    spec = lab.spec("true")
    spec["mounts"].append(mount("/x", "nosuchfs", "none"))
    assert lab.run(spec).message.startswith("mounting /x: ")
