# SPDX-License-Identifier: ISC
"""GRUB 2 for what we make: this machine's, where it has one, else the distribution's packages,
unpacked below build/grub; nothing is installed.

    boot_code()     what makes a PC's BIOS do as a disk's /boot/grub/hvm.cfg says
"""

import fcntl
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from .errors import Ec2Error

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import apt_private  # noqa: E402

# What grub-mkimage is linked with, but for what every machine has.
LIBRARIES = ("libdevmapper", "liblzma", "libselinux", "libudev", "libpcre2")
MODULES = """biosdisk part_msdos ext2 normal configfile multiboot gzio serial terminal boot
    halt""".split()
SECTOR = 512
FIRST = 1               # sector of the core image, in the gap before the partition
CORE_ROOM = 2047 * SECTOR
# Line by line, whatever fails; and nobody may ever wait for a key: it costs money.
START = "source $prefix/hvm.cfg\nhalt\n"
PREFIX = "(,msdos1)/boot/grub"          # of the disk that the BIOS has started
# In boot.img and in the core image's first sector (GRUB's boot.S, diskboot.S).
WHERE_CORE, WHERE_REST = 0x5c, SECTOR - 12


def build_folder():
    return Path(os.environ.get("XENOLITH_BUILD") or ROOT / "build").absolute() / "grub"


def unpack(package, root):
    new, debs = root.with_name(root.name + ".new"), root.with_name(root.name + ".debs")
    for d in (debs, new):
        shutil.rmtree(d, ignore_errors=True)
    try:
        wanted = ["grub-common", package]
        versions = {n: v for n, v in apt_private.resolve(wanted).items()
                    if n in wanted or n.startswith(LIBRARIES)}
        apt_private.download([f"{n}={v}" for n, v in versions.items()], debs)
        for deb in sorted(debs.glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", deb, new], check=True, capture_output=True)
    except (apt_private.AptError, OSError, subprocess.CalledProcessError) as e:
        raise Ec2Error(f"there is no GRUB here: apt-get install {package} grub-common "
                       f"({e})") from None
    shutil.rmtree(debs)
    new.rename(root)


def place(package, platform):
    """(grub-mkimage, its environment, the folder of the platform's modules)."""
    folder = Path("/usr/lib/grub") / platform
    tool = shutil.which("grub-mkimage") or shutil.which("grub2-mkimage")
    if tool and (folder / "moddep.lst").exists():
        return tool, dict(os.environ), folder
    root = build_folder() / package
    if not root.exists():
        unpack(package, root)
    libraries = ":".join(str(root / d) for d in ("lib/x86_64-linux-gnu",
                                                 "usr/lib/x86_64-linux-gnu"))
    return (root / "usr/bin/grub-mkimage", dict(os.environ, LD_LIBRARY_PATH=libraries),
            root / "usr/lib/grub" / platform)


def mkimage(package, platform, output, modules, options):
    """An image of these modules; options: more of grub-mkimage's words."""
    tool, env, folder = place(package, platform)
    done = subprocess.run([tool, "-O", platform, "-d", folder, *options, "-o", output, *modules],
                          env=env, capture_output=True, text=True)
    if done.returncode:
        raise Ec2Error(f"grub-mkimage: {done.stderr.strip()}")
    return folder


def made_once(name, make, source=__file__):
    """A file of ours below build/grub, made by make(path) unless it is there; source: what
    makes it."""
    out = build_folder()
    out.mkdir(parents=True, exist_ok=True)
    path = out / name
    with open(out / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists() or path.stat().st_mtime < Path(source).stat().st_mtime:
            with tempfile.TemporaryDirectory(dir=out) as scratch:
                new = Path(scratch) / name
                make(new)
                new.rename(path)
    return path


def make_bios(path):
    start = path.with_name("start")
    start.write_text(START)
    folder = mkimage("grub-pc-bin", "i386-pc", path.with_name("core"), MODULES,
                     ["-c", start, "-p", PREFIX])
    boot = bytearray((folder / "boot.img").read_bytes())
    core = bytearray(path.with_name("core").read_bytes())
    boot[WHERE_CORE:WHERE_CORE + 8] = struct.pack("<Q", FIRST)
    core[WHERE_REST:WHERE_REST + 8] = struct.pack("<Q", FIRST + 1)
    if len(boot) != SECTOR or len(core) > CORE_ROOM:
        raise Ec2Error("this GRUB is not as we know it")
    path.write_bytes(boot + core)


def boot_code():
    """The disk's first sectors, the first without a table of partitions."""
    return made_once("bios", make_bios).read_bytes()
