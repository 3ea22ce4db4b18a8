"""The built-in images: `hello`, and `host`, this machine's own userland."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.store.mounted import run_mounted
from tests.harness.command import Command
from wherry.errors import Unsupported
from wherry.oci import ImageConfig, RootFS, encode_image_config
from wherry.store import Store
from wherry.store.builtin import etc
from wherry.store.builtin.elf import printing_program
from wherry.store.builtin.hello import MESSAGE
from wherry.store.snapshots import Change


def test_hello_is_a_small_program_that_says_it(store: Store) -> None:
    image = store.images.resolve("hello")
    program = Path(store.layers.path(image.layers[0])) / "hello"
    assert program.stat().st_size < 4096
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, MESSAGE)
    assert image.config.config.cmd == ["/hello"]


def test_a_program_that_cannot_write_fails(tmp_path: Path) -> None:
    program = tmp_path / "p"
    program.write_bytes(printing_program(b"x" * 70_000, store_architecture()))
    program.chmod(0o755)
    assert subprocess.run([program], stdout=subprocess.PIPE, check=False).stdout == b"x" * 70_000
    with open("/dev/full", "wb") as full:
        assert subprocess.run([program], stdout=full, check=False).returncode == 1


def test_the_arm64_program_is_well_formed(tmp_path: Path) -> None:
    program = tmp_path / "p"
    text = b"hello from arm64\n" * 5000
    program.write_bytes(printing_program(text, "arm64"))
    program.chmod(0o755)
    said = subprocess.run(["file", program], capture_output=True, text=True, check=False).stdout
    if shutil.which("file"):
        assert "ARM aarch64" in said and "statically linked" in said
    emulator = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
    if emulator:
        done = subprocess.run([emulator, program], capture_output=True, check=False)
        assert (done.returncode, done.stdout) == (0, text)
    with pytest.raises(Unsupported):
        printing_program(b"", "s390x")


def store_architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]


def _files(root: str) -> Iterator[tuple[str, os.stat_result]]:
    for directory, directories, files in os.walk(root):
        for name in [*directories, *files]:
            path = os.path.join(directory, name)
            yield path, os.lstat(path)


def test_nothing_private_of_the_machine_is_in_the_layer(store: Store) -> None:
    image = store.images.resolve("host")
    root = store.layers.path(image.layers[0])
    for path, status in _files(root):
        name = path[len(root) :]
        assert not any(word in name for word in ("shadow", "ssh/", "ssl/private", "sudoers", ".key")), name
        if stat.S_ISREG(status.st_mode):
            assert status.st_mode & 0o7022 == 0, name
            if name.startswith("/etc/") and os.path.isfile(name):
                assert os.stat(name).st_mode & 0o004, f"{name} is not for everyone's eyes"
    for empty in ("home", "root", "srv", "opt", "tmp", "var/log/apt", "var/spool"):
        assert os.listdir(f"{root}/{empty}") == []
    accounts = Path(root, "etc/passwd").read_text()
    people = [
        line for line in Path("/etc/passwd").read_text().splitlines() if int(line.split(":")[2]) >= 1000
    ]
    for line in people:
        if not line.startswith("nobody:"):
            assert line.split(":")[0] + ":" not in accounts
    assert all(line.split(":")[4] in ("", "root") for line in accounts.splitlines()), "no real names"


def test_secrets_beside_what_is_taken_stay_on_the_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = {"ssl/certs/private.pem", "ssl/certs/server.key", "ssl/certs/ca.pem", "ssl/certs/closed.pem"}
    for name in names:
        file = tmp_path / "etc" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("text")
    (tmp_path / "etc/ssl/certs/closed.pem").chmod(0o640)
    monkeypatch.setattr(etc, "ROOT", str(tmp_path))
    taken = {item.path for item in etc.collect()}
    assert {f"etc/{name}" for name in names} & taken == {"etc/ssl/certs/ca.pem"}


def test_the_image_follows_the_machine(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "etc/alternatives").mkdir(parents=True)
    (tmp_path / "usr").mkdir()
    (tmp_path / "etc/ld.so.cache").write_text("one")
    monkeypatch.setattr(etc, "ROOT", str(tmp_path))
    first = store.images.resolve("host")
    assert store.images.resolve("host") == first
    snapshot = store.snapshots.prepare("a" * 64, first)
    (tmp_path / "etc/ld.so.cache").write_text("another")
    (tmp_path / "etc/alternatives/vi").symlink_to("/usr/bin/vim.basic")
    second = store.images.resolve("host")
    assert second.id != first.id
    assert second.tags == ("docker.io/library/host:latest",)
    root = Path(store.layers.path(second.layers[0]))
    assert (root / "etc/ld.so.cache").read_text() == "another"
    assert os.readlink(root / "etc/alternatives/vi") == "/usr/bin/vim.basic"
    old = Path(snapshot.place.lowers[0])
    assert (old / "etc/ld.so.cache").read_text() == "one", "a container keeps what it was made from"
    snapshot.remove()
    assert [layer.diff_id for layer in store.layers.all()] == list(second.layers)


@pytest.mark.needs("root", "busybox")
def test_a_machine_whose_usr_is_not_merged(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, busybox_tar: Path
) -> None:
    machine = tmp_path / "machine"
    for name in ("usr/bin", "bin", "sbin", "lib", "etc"):
        (machine / name).mkdir(parents=True)
    with tarfile.open(busybox_tar) as archive:
        file = archive.extractfile("bin/busybox")
        assert file is not None
        (machine / "bin/busybox").write_bytes(file.read())
    (machine / "bin/busybox").chmod(0o755)
    (machine / "bin/sh").symlink_to("busybox")
    (machine / "lib64").symlink_to("lib")
    monkeypatch.setattr(etc, "ROOT", str(machine))
    image = store.images.resolve("host")
    assert [target for target, _ in image.extras] == ["/usr", "/bin", "/sbin", "/lib"]
    snapshot = store.snapshots.prepare("a" * 64, image)
    said = run_mounted(
        snapshot,
        "import subprocess; os.chroot(root); os.chdir('/')\n"
        "script = 'echo $((6*7)); echo x > /bin/new; rm /bin/busybox'\n"
        "result = [os.popen(script).read(), os.readlink('/lib64')]",
    )
    assert said == ["42\n", "lib"]
    assert snapshot.changes() == [Change("C", "/bin"), Change("D", "/bin/busybox"), Change("A", "/bin/new")]
    assert sorted(os.listdir(machine / "bin")) == ["busybox", "sh"]
    names = [chunk[:100].rstrip(b"\0") for chunk in snapshot.export() if chunk[257:262] == b"ustar"]
    assert b"bin/new" in names and b"bin/sh" in names and b"bin/busybox" not in names
    assert len(names) == len(set(names))


def test_the_image_cannot_be_carried_away(store: Store) -> None:
    with pytest.raises(Unsupported, match="means nothing elsewhere"):
        store.save(["host"])


def test_an_image_from_elsewhere_cannot_ask_for_the_machine_s_usr(store: Store) -> None:
    config = ImageConfig(architecture="amd64", rootfs=RootFS(), os_features=["wherry.host"])
    with store.layers.lease() as lease:
        image = store.images.add(encode_image_config(config), lease=lease)
    assert image.extras == ()
    assert len(store.snapshots.prepare("a" * 64, image).mounts()["mounts"]) == 1


def test_what_is_committed_on_it_keeps_the_machine_below(store: Store) -> None:
    image = store.images.resolve("host")
    snapshot = store.snapshots.prepare("a" * 64, image)
    upper = Path(snapshot.driver.writable(snapshot.place)[1])
    (upper / "local").mkdir()
    (upper / "local" / "mine").write_text("x")
    assert ("A", "/usr/local/mine") in snapshot.changes()
    assert ("C", "/usr") in snapshot.changes()
    committed = store.commit(snapshot, image.config.config, "mine")
    again = store.snapshots.prepare("b" * 64, committed)
    plan = again.mounts()["mounts"]
    assert plan[1]["target"] == "/usr"
    assert plan[1]["lower"] == [f"{store.layers.path(committed.layers[1])}/usr", "/usr"]


_PROGRAMS = [
    ("bash", "echo $BASH_VERSION", ""),
    ("python3", "python3 -c 'import ssl; print(ssl.create_default_context().cert_store_stats())'", "x509_ca"),
    ("perl", "perl -e 'use strict; use POSIX; print 6*7'", "42"),
    (
        "git",
        "cd /tmp && git init -q r && git -C r -c user.name=a -c user.email=b commit --allow-empty -m m",
        "m",
    ),
    ("gcc", "cd /tmp && echo 'int main(){return 42;}' > a.c && gcc a.c && ./a.out; echo $?", "42"),
    ("apt-get", "apt-get --version", "apt"),
    ("ldconfig", "/sbin/ldconfig -p", "libc.so.6"),
    ("openssl", "openssl version -a", "OPENSSLDIR"),
    ("locale", "locale", "C.UTF-8"),
    ("vi", "vi --version", ""),
    ("getent", "getent passwd nobody && getent services http && id -un", "root"),
    ("date", "date +%Z", ""),
]


@pytest.mark.parametrize(("program", "script", "expected"), _PROGRAMS, ids=[name for name, *_ in _PROGRAMS])
def test_programs_work_in_it(program: str, script: str, expected: str, wherry: Command) -> None:
    if not shutil.which(program, path="/usr/bin:/usr/sbin:/bin:/sbin"):
        return  # then it can't be there either
    done = wherry("run", "--rm", "--network", "none", "host", "bash", "-c", script)
    assert expected in done.out
    assert "warning" not in done.err.lower()


def test_what_a_container_does_to_usr_is_its_own(wherry: Command) -> None:
    script = "touch /usr/local/new && rm /usr/bin/env && echo changed > /usr/bin/tac; ls -a /home /root"
    done = wherry("run", "--rm", "--network", "none", "host", "bash", "-c", script, code=None)
    assert not os.path.exists("/usr/local/new")
    assert os.path.exists("/usr/bin/env")
    assert Path("/usr/bin/tac").stat().st_size > 100
    assert done.out.split() == ["/home:", ".", "..", "/root:", ".", ".."] or os.geteuid() != 0
