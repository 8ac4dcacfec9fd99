# SPDX-License-Identifier: ISC
"""Files in memory: mmap() over tmpfs and over a disk, and newlib's functions for files."""

import subprocess
import tempfile
from pathlib import Path

PATH = {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}


def run(*words):
    return subprocess.run(words, env=PATH, check=True, capture_output=True).stdout


def ended(lab, image, args, **how):
    result = lab.run_guest(image, args=args, timeout=240, **how)
    assert "Test result: SUCCESS" in result.console, result.console[-3000:]


def test_files_in_memory_over_tmpfs(lab, image):
    ended(lab, image, ["/tmp"])


def test_files_in_memory_over_a_disk(lab, image):
    """What was written through a mapping alone is on the disk when the guest has ended."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "disk.img"
        run("mke2fs", "-q", "-t", "ext4", path, "16M")
        ended(lab, image, ["/data"], disks=[f"{path}:/data"])
        ended(lab, image, ["kept", "/data"], disks=[f"{path}:/data"])
        run("e2fsck", "-fn", path)
        kept = run("debugfs", "-R", "cat /kept", path)
        assert kept == b"a" * 4096 + b"through a mapping" + b"b" * 4079, kept[:5000]


def test_a_read_behind_the_end_of_the_file_is_a_fault(lab, image):
    result = lab.run_guest(image, args=["behind", "/tmp"], timeout=120)
    assert "page fault" in result.console, result.console[-3000:]
