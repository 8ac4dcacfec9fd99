# SPDX-License-Identifier: ISC
"""SQLite's own tests that are written in C, on a mounted disk; only with LONG=1.  Not here: what
only Tcl can run."""

import os
import re
import subprocess
import tempfile
from pathlib import Path
from unittest import SkipTest


# test/threadtest3.c, without stress2.
THREADS = ["walthread*", "cgt*", "dynamic*", "checkpoint*", "create*", "lookaside*", "vacuum*",
           "stress1", "shared*"]


def run(lab, image, args, memory=128):
    if os.environ.get("LONG") != "1":
        raise SkipTest("it takes long: LONG=1 runs it")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "disk.img"
        subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", path, "2G"], check=True,
                       stdout=subprocess.DEVNULL)
        result = lab.run_guest(image, args=args, timeout=3600, memory=memory,
                               cmdline="mount=xvda:/data", disks=[str(path)])
        assert "Test result: SUCCESS" in result.console, result.console[-3000:]
        check = subprocess.run(["/sbin/e2fsck", "-fn", path], capture_output=True, text=True)
        assert check.returncode == 0, check.stdout
        return result.console


def test_threads_share_a_database(lab, image):
    console = run(lab, image, ["threads", *THREADS])
    assert re.search(r"^0 errors out of 14 tests", console, re.M), console[-2000:]


def test_threads_change_the_mode_of_the_journal(lab, image):
    """stress2.  For a moment after the last connection of a shared cache is closed, its pager is
    still open, and a new connection has another one: then a change of the mode of the journal has
    SQLITE_BUSY, which this test of SQLite does not expect.  So it has a second attempt."""
    for attempt in range(2):
        try:
            run(lab, image, ["threads", "stress2"])
        except AssertionError as error:
            if attempt or "database is locked" not in str(error):
                raise
        else:
            return


def test_speedtest1(lab, image):
    run(lab, image, ["speed", "20"])


def test_kvtest(lab, image):
    run(lab, image, ["kv", "2000"])


def test_io_errors(lab, image):
    console = run(lab, image, ["errors"])
    counts = [int(n) for n in re.findall(r": (\d+) I/O errors", console)]
    assert len(counts) == 2 and min(counts) > 20, counts
    print(f"      {counts[0]} and {counts[1]} I/O errors", flush=True)
