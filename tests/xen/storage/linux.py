# SPDX-License-Identifier: ISC
"""A Linux guest that uses a disk: mke2fs, files with checksums, e2fsck, and tests/xen/disk."""

import os
import subprocess
from pathlib import Path

from folders import BUILD, ROOT
from lab import build as lab_build

MODULES = ["ext4", "crc32c_generic", "crc32c_intel"]
# Each step ends with a line, so that the console says which one failed.
SCRIPT = """#!/bin/sh
PATH=/sbin:/bin:/usr/sbin:/usr/bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
modprobe -a $(cat /etc/modules/all); mkdir -p /mnt
n=0; while [ ! -b /dev/xvda ] && [ $n -lt 600 ]; do sleep 0.1; n=$((n + 1)); done
step() { name=$1; shift; "$@" >/log 2>&1 && end=ok || end=failed; cat /log; echo "step $name: $end"; }
STEPS
echo "steps: done"
read -r line
poweroff -f
"""


def program():
    """tests/xen/disk for Linux."""
    binary = BUILD / "storage-linux"
    subprocess.run([os.environ.get("HOSTCC", "cc"), "-O2", "-static", "-pthread", "-D_GNU_SOURCE",
                    "-DON_LINUX=1",
                    "-include", "linux/fs.h", "-iquote", ROOT, "-o", binary,
                    ROOT / "tests/xen/disk/main.c"], check=True)
    return binary


def guest(lab, steps, **how):
    """A Linux guest that does these steps of shell; it ends when it reads a line."""
    tree = lab_build.Tree()
    lab_build.add_modules(tree, {"all": [*lab_build.LINUX_GUEST_MODULES, *MODULES]})
    host = lab_build.Tree(Path("/"))
    for tool in ("mke2fs", "e2fsck"):
        found = next(p for p in (f"usr/sbin/{tool}", f"sbin/{tool}") if (Path("/") / p).exists())
        host.copy(found)
        tree.link(f"bin/{tool}", f"/{found}")
    tree.entries.update({p: e for p, e in host.entries.items() if p not in tree.entries})
    tree.file("bin/disk", program().read_bytes(), 0o755)
    tree.file("init", SCRIPT.replace("STEPS", steps).encode(), 0o755)
    ramdisk = BUILD / "storage-linux.cpio"
    ramdisk.write_bytes((lab_build.BOOT / "linux-guest.cpio").read_bytes() + tree.cpio())
    return lab.create(lab_build.BOOT / "vmlinux", memory=256, cmdline="console=hvc0 quiet",
                      ramdisk=ramdisk, type="pv", **how)
