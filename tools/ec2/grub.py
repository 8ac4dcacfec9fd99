# SPDX-License-Identifier: ISC
"""GRUB 2 for disks: that of this machine, or if it has none, that of the distribution's packages,
unpacked below build/grub without installing them.

    boot_code()     the first sectors of a disk, which read /boot/grub/hvm.cfg on a PC's BIOS
"""

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import apt_private
from folders import BUILD

from .errors import Ec2Error

GRUB = BUILD / "grub"

# The libraries of grub-mkimage that a machine may lack.
LIBRARIES = ("libdevmapper", "liblzma", "libselinux", "libudev", "libpcre2")
MODULES = """biosdisk part_msdos ext2 normal configfile multiboot gzio serial terminal boot
    halt""".split()
SECTOR = 512
FIRST = 1               # sector of the core image, in the gap before the partition
CORE_ROOM = 2047 * SECTOR
# Each line is executed even if one fails.  GRUB must not wait for a key: it costs money.
START = "source $prefix/hvm.cfg\nhalt\n"
PREFIX = "(,msdos1)/boot/grub"          # on the disk that the BIOS has booted
# Offsets in boot.img and in the first sector of the core image (GRUB's boot.S, diskboot.S).
WHERE_CORE, WHERE_REST = 0x5c, SECTOR - 12


def unpack(package, root):
    wanted = ["grub-common", package]
    try:
        apt_private.unpack(wanted, root, lambda name: name in wanted or name.startswith(LIBRARIES))
    except (apt_private.AptError, OSError) as e:
        raise Ec2Error(f"GRUB is not installed; type: apt-get install {package} grub-common "
                       f"({e})") from None


def place(package, platform):
    """Returns (grub-mkimage, its environment, the folder of the platform's modules)."""
    folder = Path("/usr/lib/grub") / platform
    tool = shutil.which("grub-mkimage") or shutil.which("grub2-mkimage")
    if tool and (folder / "moddep.lst").exists():
        return tool, dict(os.environ), folder
    root = GRUB / package
    if not root.exists():
        unpack(package, root)
    libraries = ":".join(str(root / d) for d in ("lib/x86_64-linux-gnu",
                                                 "usr/lib/x86_64-linux-gnu"))
    return (root / "usr/bin/grub-mkimage", dict(os.environ, LD_LIBRARY_PATH=libraries),
            root / "usr/lib/grub" / platform)


def mkimage(package, platform, output, modules, options):
    """Make a core image of these modules; options: more options of grub-mkimage."""
    tool, env, folder = place(package, platform)
    done = subprocess.run([tool, "-O", platform, "-d", folder, *options, "-o", output, *modules],
                          env=env, capture_output=True, text=True)
    if done.returncode:
        raise Ec2Error(f"grub-mkimage: {done.stderr.strip()}")
    return folder


def made_once(name, make, source=__file__):
    """Returns the path of a file below build/grub, made by make(path) if it is missing or older
    than source."""
    out = GRUB
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
        raise Ec2Error("this version of GRUB is not supported: unexpected size of its images")
    path.write_bytes(boot + core)


def boot_code():
    """The first sectors of a disk; the first one has no partition table yet."""
    return made_once("bios", make_bios).read_bytes()
