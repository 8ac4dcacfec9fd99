# SPDX-License-Identifier: ISC
"""Additional programs of the distribution: clients and servers to test a guest with, in dom0
or in a Linux guest.

    Lab(extra=["net"])                  adds them to dom0
    extra.archive("net", say)           a cpio archive to append to a Linux guest's initramfs

An archive is made below build/lab at first use, and again when its definition changes.
"""

import fcntl
import hashlib
import json
import shutil

from . import build
from .errors import BUILD, LabError

# For each set: the packages, and the files of them that are used, each with its libraries.
SETS = {
    "net": (
        """iperf3 wrk apache2-utils curl tcpdump dnsmasq-base nginx-light nginx nmap radvd
           iputils-ping arping socat netbase""",
        """usr/bin/iperf3 usr/bin/wrk usr/bin/ab usr/bin/curl usr/bin/tcpdump
           usr/sbin/dnsmasq usr/sbin/nginx usr/bin/nmap usr/share/nmap/* usr/sbin/radvd
           bin/ping usr/sbin/arping usr/bin/socat etc/nginx/mime.types
           etc/services etc/protocols"""),
    # The device model of HVM guests and their BIOS.
    "hvm": ("qemu-system-xen",
            """usr/libexec/xen-qemu-system-i386 usr/share/seabios/bios-256k.bin
               usr/share/qemu/keymaps/en-us"""),
}
NOT_WANTED = ("linux-image", "systemd", "perl", "python", "man-db")


def digest(name):
    text = json.dumps(SETS[name]) + build.digest()
    return hashlib.sha256(text.encode()).hexdigest()


def unpack(name, root, say):
    """Unpack the packages of a set and their dependencies below root."""
    say(f"downloading the lab's programs for {name!r}")
    try:
        build.apt_private.unpack(SETS[name][0].split(), root,
                                 lambda package: not package.startswith(NOT_WANTED), say)
    except build.apt_private.AptError as e:
        raise LabError(str(e)) from None


def archive(name, say=lambda line: None):
    """Make the set's cpio archive if needed; returns its path."""
    if name not in SETS:
        raise LabError(f"unknown set of programs {name!r}; there are {', '.join(SETS)}")
    cpio, stamp = BUILD / f"extra-{name}.cpio", BUILD / f"extra-{name}.stamp"
    BUILD.mkdir(parents=True, exist_ok=True)
    with open(BUILD / "lock-extra", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if cpio.exists() and stamp.exists() and stamp.read_text() == digest(name):
            return cpio
        root = BUILD / f"root-{name}"
        unpack(name, root, say)
        tree = build.Tree(root)
        for pattern in SETS[name][1].split():
            files = sorted(p for p in root.glob(pattern) if p.is_file())
            if not files:
                raise LabError(f"the distribution's packages have no {pattern}")
            for file in files:
                tree.copy(str(file.relative_to(root)))
        cpio.write_bytes(tree.cpio())
        shutil.rmtree(root)
        stamp.write_text(digest(name))
    return cpio


def initramfs(names, say):
    """Make dom0's initramfs with these sets if needed; returns its path."""
    if not names:
        return build.BOOT / "initramfs.cpio"
    joined = build.BOOT / f"initramfs+{'+'.join(names)}.cpio"
    parts = [build.BOOT / "initramfs.cpio", *(archive(n, say) for n in names)]
    with open(BUILD / "lock-extra", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not joined.exists() or any(p.stat().st_mtime >= joined.stat().st_mtime
                                      for p in parts):
            new = joined.with_suffix(".new")
            new.write_bytes(b"".join(p.read_bytes() for p in parts))
            new.rename(joined)
    return joined
