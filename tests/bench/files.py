# SPDX-License-Identifier: ISC
"""Files on an ext4 disk: the same program, image of the disk and backend for each guest."""

import re
import statistics
import subprocess
import time

from common import BUILD, OURS, ROOT, RUNS, compile_for_linux, image, linux_with
from lab import LabError

NAMES = ("sequential-write", "sequential-read", "random-read-cold", "random-read-cached",
         "overwrite-cached", "overwrite-cold", "write-fsync-1", "write-fsync-16", "create", "stat",
         "unlink")
SQLITE = ("sqlite-delete", "sqlite-wal")
UNITS = {"sequential-write": "MiB/s", "sequential-read": "MiB/s"}
MEMORY = 256
TURNS = max(1, RUNS // 3)


def fresh_disk():
    """A disk as mkfs.ext4 makes it; the host's file is sparse."""
    path = BUILD / "bench-files.img"
    path.unlink(missing_ok=True)
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", path, "1G"], check=True, stdout=subprocess.DEVNULL)
    return path


def measure(guest, cells, name, names):
    for what in names:
        guest.wait_for(f"{what}: begin", 300)
        before = guest.cpu_seconds()
        n, seconds = wait_for_result(guest, what)
        cpu = guest.cpu_seconds() - before
        cells.setdefault(what, {}).setdefault(name, []).append((n / seconds, cpu / n))


def wait_for_result(guest, what):
    """The operations and seconds that the guest prints behind a measurement's name."""
    end = time.monotonic() + 900
    while time.monotonic() < end:
        found = re.search(rf"^{what}: (\d+) ([\d.]+)\r?$", guest.console_text(), re.M)
        if found:
            return int(found[1]), float(found[2])
        if "files failed: " in guest.console_text():
            break
        time.sleep(0.1)
    raise LabError(f"files: {what}: {guest.console_text()[-500:]}")


def show(cells):
    print(f"\nfiles on ext4, {MEMORY} MB of memory: operations per second (256 MiB: MiB/s), "
          "guest's CPU per operation; ratios of pairs of turns")
    for what, rows in cells.items():
        linux = rows["linux"]
        for name, figures in rows.items():
            rate = statistics.median(r for r, _ in figures)
            cpu = statistics.median(c for _, c in figures)
            ratio = statistics.median(a[0] / b[0] for a, b in zip(figures, linux))
            print(f"  {what:<20} {name:<12} {rate:10.1f} {UNITS.get(what, '1/s'):<6}"
                  f" {cpu * 1e6:10.1f} us CPU   {ratio:6.2f} x linux", flush=True)


def in_turn(lab, cells, program, ours, names):
    """A program in Xenolith and in Linux with ext4, noatime."""
    for name, type in OURS.items():
        with lab.create(image(ours), args=["/data"], memory=MEMORY, type=type,
                        cmdline="mount=xvda:/data", disks=[str(fresh_disk())]) as guest:
            measure(guest, cells, name, names)
    with linux_with(lab, program, "/mnt", modules=["ext4", "crc32c_generic"], before="mount -t ext4 -o noatime "
                    "/dev/xvda /mnt || poweroff -f", memory=MEMORY, disks=[str(fresh_disk())]) as guest:
        measure(guest, cells, "linux", names)


def files(lab):
    """tests/bench/files, and SQLite in tests/bench/sqlite."""
    cells = {}
    program = compile_for_linux("files", ROOT / "tests/bench/files/main.c")
    sqlite = compile_for_linux("sqlite", ROOT / "tests/bench/sqlite/main.c", BUILD / "sqlite3/sqlite3.c",
                               "-I", BUILD / "sqlite3", "-DSQLITE_OMIT_LOAD_EXTENSION", "-DHAVE_FDATASYNC",
                               "-lm")
    for _ in range(TURNS):
        in_turn(lab, cells, program, "bench/files", NAMES)
        in_turn(lab, cells, sqlite, "bench/sqlite", SQLITE)
    show(cells)
