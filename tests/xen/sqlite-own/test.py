# SPDX-License-Identifier: ISC
"""SQLite's own tests that are written in C, on a mounted disk.  LONG=1: all of threadtest3, and
larger databases.  Not here: what only Tcl can run."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

LONG = os.environ.get("LONG") == "1"
THREADS = ("*",) if LONG else ("checkpoint_starvation_1", "create_drop_index_1", "stress1")


def run(lab, image, args, memory=96):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "disk.img"
        subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", path, "512M"], check=True,
                       stdout=subprocess.DEVNULL)
        result = lab.run_guest(image, args=args, timeout=3600 if LONG else 1200, memory=memory,
                               cmdline="mount=xvda:/data", disks=[str(path)])
        assert "Test result: SUCCESS" in result.console, result.console[-3000:]
        check = subprocess.run(["/sbin/e2fsck", "-fn", path], capture_output=True, text=True)
        assert check.returncode == 0, check.stdout
        return result.console


def test_threads_share_a_database(lab, image):
    console = run(lab, image, ["threads", *THREADS])
    assert re.search(r"^0 errors out of \d+ tests", console, re.M), console[-2000:]


def test_speedtest1(lab, image):
    run(lab, image, ["speed", "50" if LONG else "2"])


def test_kvtest(lab, image):
    run(lab, image, ["kv", "5000" if LONG else "200"])


def test_io_errors(lab, image):
    console = run(lab, image, ["errors"])
    counts = [int(n) for n in re.findall(r": (\d+) I/O errors", console)]
    assert len(counts) == 2 and min(counts) > 20, counts
    print(f"      {counts[0]} and {counts[1]} I/O errors", flush=True)
