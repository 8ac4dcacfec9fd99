# SPDX-License-Identifier: ISC
"""SQLite's databases survive: kills during transactions with the disk's write cache lost, and a
full disk.

LONG=1: SQLITE_KILLS (default: 200) kills; otherwise 2 for each mode of the journal.
"""

import os
import random
import re
import subprocess
import tempfile
import time
from pathlib import Path

import nullblk

LONG = os.environ.get("LONG") == "1"
MODES = ("delete", "wal", "truncate") if LONG else ("delete", "wal")
KILLS = int(os.environ.get("SQLITE_KILLS", "200" if LONG else "4"))
SIZE, SMALL = 24, 12    # MB
MEMORY = 32


def empty_disk(lab, size):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "disk.img"
        subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", path, f"{size}M"], check=True,
                       stdout=subprocess.DEVNULL)
        lab.put(path.read_bytes(), "/tmp/sqlite.img")


def attach(disk):
    return [f'disk=["format=raw,vdev=xvda,access=rw,target=/dev/{disk.name}"]']


def last_of(console, word):
    return max((int(n) for n in re.findall(rf"^{word}: (\d+)\r?$", console, re.M)), default=0)


def checked(lab, image, disk, mode):
    result = lab.run_guest(image, args=["check", "/data/db", mode], timeout=300, memory=MEMORY,
                           cmdline="mount=xvda:/data", more=attach(disk))
    assert "Test result: SUCCESS" in result.console, result.console
    return last_of(result.console, "last")



def kill_during_transactions(lab, image, disk, mode, seconds):
    """Returns the last transaction that was reported as committed."""
    with lab.create(image, args=["write", "/data/db", mode], memory=MEMORY,
                    cmdline="mount=xvda:/data", more=attach(disk)) as guest:
        guest.wait_for("committed: ", 300)
        time.sleep(seconds)
        lab.sh(f"xl destroy {guest.domid}")
        return last_of(guest.console_text(), "committed")


def killed_often(lab, image, mode, kills, choose, seed):
    """Returns the number of transactions that were committed on this disk."""
    disk = nullblk.Disk(lab, 60, size=SIZE)
    disk.new()
    lab.sh(f"dd if=/tmp/sqlite.img of=/dev/{disk.name} bs=1M 2>/dev/null && sync")
    committed = 0
    for kill in range(kills):
        done = kill_during_transactions(lab, image, disk, mode, choose.uniform(0, 3))
        assert done > committed, (seed, mode, kill, done, committed)
        disk.fail()
        found = checked(lab, image, disk, mode)
        # The one after the last that was reported may have been committed, too.
        assert done <= found <= done + 1, (seed, mode, kill, done, found)
        committed = found
    disk.remove()
    return committed


def test_transactions_survive_kills_and_a_lost_write_cache(lab, image):
    """Each guest is destroyed during a transaction; then the disk loses what was not flushed."""
    seed = random.randrange(1 << 32)
    choose = random.Random(seed)
    nullblk.load(lab)
    empty_disk(lab, SIZE)
    for mode in MODES:
        committed, left = 0, -(-KILLS // len(MODES))
        while left:             # the database grows: some kills for each disk
            kills = min(left, 15)
            committed += killed_often(lab, image, mode, kills, choose, seed)
            left -= kills
        print(f"      {mode}: {committed} transactions, none lost", flush=True)
    lab.sh("rm /tmp/sqlite.img")


def test_a_full_disk_costs_an_error_and_nothing_else(lab, image):
    nullblk.load(lab)
    empty_disk(lab, SMALL)
    disk = nullblk.Disk(lab, 61, size=SMALL)
    disk.new()
    lab.sh(f"dd if=/tmp/sqlite.img of=/dev/{disk.name} bs=1M 2>/dev/null && sync")
    result = lab.run_guest(image, args=["full", "/data/db"], timeout=600, memory=MEMORY,
                           cmdline="mount=xvda:/data", more=attach(disk))
    assert "Test result: SUCCESS" in result.console, result.console
    assert "full: database or disk is full" in result.console, result.console
    assert checked(lab, image, disk, "delete") > 50
    disk.remove()
    lab.sh("rm /tmp/sqlite.img")
