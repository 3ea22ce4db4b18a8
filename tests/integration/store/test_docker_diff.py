"""`changes` beside the real `docker diff`, after the same commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.store.mounted import run_mounted
from tests.harness.dockerd import Dockerd
from tests.integration.store.conftest import file_chunks
from wherry.store import Store

_SCRIPTS = {
    "added": "echo x > /new; mkdir -p /a/b/c; echo y > /a/b/c/d",
    "changed": "echo x >> /etc/passwd; chmod 700 /root; touch /etc",
    "deleted": "rm /etc/passwd; rm -r /var; rmdir /home || rm -r /home",
    "replaced": "rm /etc/passwd; mkdir /etc/passwd; echo x > /etc/passwd/y",
    "again": "rm -r /root; mkdir /root; echo x > /root/new",
    "moved": "mv /etc/passwd /etc/passwd.old; ln /etc/group /etc/group2; ln -s x /etc/link",
    "same-names": "rm -r /sbin; mkdir /sbin; echo x > /sbin/ifconfig; echo y > /sbin/new",
    "come-and-gone": "echo x > /tmp/x; rm /tmp/x; mkdir /d; rmdir /d",
}


@pytest.mark.needs("dockerd", "busybox")
def test_the_same_differences(store: Store, dockerd: Dockerd, busybox_tar: Path) -> None:
    image = store.import_image(file_chunks(busybox_tar), "base")
    dockerd.docker("import", str(busybox_tar), "diffed:1")
    for number, (name, script) in enumerate(_SCRIPTS.items()):
        snapshot = store.snapshots.prepare(f"{number:064}", image)
        run_mounted(snapshot, f"os.chroot(root); os.chdir('/'); os.system({script!r})")
        ours = [f"{change.kind} {change.path}" for change in snapshot.changes()]
        run = ["run", "--network", "none", "--name", f"diff-{name}", "diffed:1", "/bin/sh", "-c", script]
        dockerd.docker(*run)
        said = dockerd.docker("diff", f"diff-{name}").stdout.decode().splitlines()
        dockerd.docker("rm", f"diff-{name}")
        assert ours == sorted(said, key=lambda line: line[2:]), name
    dockerd.docker("rmi", "diffed:1")
