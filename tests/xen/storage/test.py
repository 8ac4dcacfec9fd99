# SPDX-License-Identifier: ISC
"""Disks that this project serves: by `xenolith disk serve` in dom0, and by the driver domain storage.

The frontends are guests of ours and Linux.
"""

import re
import time
from pathlib import Path

from folders import BUILD

DISK = BUILD / "tests/disk/disk"        # tests/xen/disk: eight threads write and compare
PATIENCE = 120


def line(name, vdev="xvda", more=""):
    return f"vdev={vdev},format=raw,script=block-xenolith{more},target={name}"


class Server:
    """`xenolith disk serve` in dom0; a context manager."""

    def __init__(self, lab, name, *words):
        self.lab, self.name, self.words = lab, name, words
        lab.command()                   # installs it
        self.start()

    def start(self):
        self.command = self.lab.start(["xenolith", "disk", "serve", self.name, *self.words])
        assert self.command.until(lambda: b"attach it" in self.command.out, PATIENCE), self.said()
        assert self.command.status is None, self.said()

    def said(self):
        return (self.command.out + self.command.err).decode()

    def kill(self):
        self.command.signal(9)
        self.command.wait(PATIENCE)

    def stop(self):
        self.command.signal(15)
        assert self.command.wait(PATIENCE) == 0, self.said()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.command.status is None:
            self.kill()


def checksum(lab, path):
    return int(lab.sh(f"crc32 {path}").split()[0], 16)


def filled(result):
    assert "Test result: SUCCESS" in result.console, result.console[-3000:]
    assert (result.reason, result.status) == ("poweroff", 0), result
    return int(re.search(r"checksum (\w+)", result.console)[1], 16)


def nothing_left(lab):
    """No folder of a device, no port or grant of a server that still runs."""
    left = lab.sh("xenstore-ls /local/domain/0/backend/vbd 2>/dev/null || true").strip()
    assert not re.search(r"\d", left), left


def test_dom0_serves_a_file(lab, image):
    """Our frontend, PV and PVH: what eight threads write is in the file."""
    lab.sh("truncate -s 24M /tmp/vol1")
    with Server(lab, "vol1", "--store", "/tmp/vol1") as server:
        for seed, kind in enumerate(("pv", "pvh"), 5):
            result = lab.run_guest(DISK, args=["fill", "/dev/xvda", str(seed)], memory=48, type=kind,
                                   more=[f"disk=['{line('vol1')}']"], timeout=600)
            assert "persistent grants" in result.console and "discard" in result.console
            assert filled(result) == checksum(lab, "/tmp/vol1"), result.console
        server.stop()
    nothing_left(lab)
    lab.sh("rm /tmp/vol1")
