# SPDX-License-Identifier: ISC
"""GRUB 2 as a PV guest's kernel, in the place of Amazon's PV-GRUB, which is GRUB 0.97.

    pvgrub.image("menu.lst")    the path of one that boots what a disk's menu.lst says
    pvgrub.image("grub.cfg")    ... or its grub.cfg

It reads the disk through a frontend of its own, builds the domain's next life page by page
and jumps there: so our kernel finds rings and ports that were used, and a shuffled p2m.
The distribution's packages, unpacked below build/ec2; nothing is installed.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import packages
from packages import apt_private

OUT = packages.BUILD / "ec2"
WANTED = ["grub-common", "grub-xen-bin"]
# What grub-mkimage is linked with, but for what every machine has.
LIBRARIES = ("libdevmapper", "liblzma", "libselinux", "libudev", "libpcre2")
MODULES = """memdisk tar normal configfile legacycfg test loadenv search search_fs_file
    part_msdos part_gpt ext2 linux gzio xzio ls halt""".split()
# Whoever gets behind these lines would wait for a key, and cost money.
MENUS = {"menu.lst": "search -s root -f /boot/grub/menu.lst\n"
                     "legacy_configfile /boot/grub/menu.lst\nhalt\n",
         "grub.cfg": "search -s root -f /boot/grub/grub.cfg\n"
                     "configfile /boot/grub/grub.cfg\nhalt\n"}


def unpack(root):
    versions = {n: v for n, v in apt_private.resolve(WANTED).items()
                if n in WANTED or n.startswith(LIBRARIES)}
    debs, new = OUT / "debs-grub", OUT / "root-grub.new"
    for d in (debs, new):
        shutil.rmtree(d, ignore_errors=True)
    apt_private.download([f"{n}={v}" for n, v in versions.items()], debs)
    for deb in sorted(debs.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", deb, new], check=True)
    shutil.rmtree(debs)
    new.rename(root)


def make(root, path, menu):
    with tempfile.TemporaryDirectory(dir=OUT) as scratch:
        place = Path(scratch) / "start"     # not where it looks for a disk's
        place.mkdir()
        (place / "grub.cfg").write_text(MENUS[menu])
        subprocess.run(["tar", "-C", scratch, "-cf", f"{scratch}/memdisk", "start"],
                       check=True)
        libraries = ":".join(str(root / d) for d in ("lib/x86_64-linux-gnu",
                                                     "usr/lib/x86_64-linux-gnu"))
        subprocess.run([root / "usr/bin/grub-mkimage", "-O", "x86_64-xen", "-d",
                        root / "usr/lib/grub/x86_64-xen", "-m", f"{scratch}/memdisk",
                        "-p", "(memdisk)/start",        # behind -m, which sets another
                        "-o", f"{scratch}/grub", *MODULES],
                       env=dict(os.environ, LD_LIBRARY_PATH=libraries), check=True)
        Path(scratch, "grub").rename(path)


def image(menu):
    OUT.mkdir(parents=True, exist_ok=True)
    root, path = OUT / "root-grub", OUT / f"pvgrub-{menu}"
    with open(OUT / "lock-grub", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            unpack(root)
        if not path.exists() or path.stat().st_mtime < Path(__file__).stat().st_mtime:
            make(root, path, menu)
    return path
