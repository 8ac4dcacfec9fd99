# SPDX-License-Identifier: ISC
"""A guest of 16 MB writes 128 MiB to a disk, or 1 GiB with LONG=1."""

import os
import subprocess
import tempfile
from pathlib import Path

SIZE = 1024 if os.environ.get("LONG") == "1" else 128      # MiB


def test_it_writes_many_times_its_memory(lab, image):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "disk.img"
        subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", path, f"{SIZE * 5 // 4 + 16}M"], check=True,
                       stdout=subprocess.DEVNULL)
        result = lab.run_guest(image, args=[str(SIZE)], timeout=1200, memory=16,
                               cmdline="mount=xvda:/data", disks=[str(path)])
        assert "Test result: SUCCESS" in result.console, result.console[-3000:]
        check = subprocess.run(["/sbin/e2fsck", "-fn", path], capture_output=True, text=True)
        assert check.returncode == 0, check.stdout
