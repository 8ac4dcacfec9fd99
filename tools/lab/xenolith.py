# SPDX-License-Identifier: ISC
"""
Builds tools/xenolith for the lab's dom0: static, since dom0 lacks the JSON library.  With
XENOLITH_SANITIZE=1 in the environment it has AddressSanitizer.
"""

import fcntl
import os
import subprocess
from pathlib import Path

import folders

from . import build
from .errors import BUILD, LabError

SOURCES = Path(__file__).resolve().parent.parent / "xenolith"
WHERE = "/usr/bin/xenolith"
SCRIPT = "/etc/xen/scripts/block-xenolith"


def make():
    """Build the command if needed; returns its path."""
    sanitize = os.environ.get("XENOLITH_SANITIZE", "")
    out, own = BUILD / ("xenolith-sanitize" if sanitize else "xenolith"), build.UNPACKED / "usr"
    library = out / "packages/usr"
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (library / "include/jansson.h").exists():
            build.apt_private.unpack(["libjansson-dev"], out / "packages")
        folders = f"-L{own}/lib/x86_64-linux-gnu -L{library}/lib/x86_64-linux-gnu"
        done = subprocess.run(
            ["make", "-s", "-C", SOURCES, "STATIC=1", f"SANITIZE={sanitize}", f"BUILD={out}", f"LDFLAGS={folders}",
             f"CC={os.environ.get('HOSTCC', 'cc')}",
             f"CFLAGS=-O2 -isystem {own}/include -isystem {library}/include"],
            capture_output=True, text=True)
        if done.returncode:
            raise LabError("cannot build tools/xenolith", done.stdout + done.stderr)
    return out / "xenolith"


def make_native():
    """Build the command for this machine, which is a dom0, if needed; returns its path."""
    out = folders.BUILD / "xenolith"
    out.mkdir(parents=True, exist_ok=True)
    log = out / "log"
    with open(log, "w") as file:
        done = subprocess.run(["make", "-s", "-C", SOURCES, f"BUILD={out}"], stdout=file, stderr=file)
    if done.returncode:
        raise LabError("cannot build the command; type: apt-get install gcc libc6-dev libxen-dev "
                       f"libjansson-dev (the compiler's output is in {log})")
    return out / "xenolith"


def check(words):
    """Check the words after `run` before anything is booted."""
    try:
        done = subprocess.run([make(), "run", "--show", *words], capture_output=True, text=True)
    except OSError:         # this machine is not an x86_64
        return
    if done.returncode:
        raise LabError(done.stderr.strip().removeprefix("xenolith: "))


def script():
    """The hotplug script of `xenolith disk serve`."""
    return (SOURCES.parent.parent / "backend/dom0/block-xenolith").read_bytes()


def install(lab):
    """Install the command in dom0, where an older one may be running; processes have their own."""
    if lab.type == "unix":
        return
    lab.put(script(), SCRIPT)
    lab.sh(f"chmod +x {SCRIPT}")
    lab.put(make().read_bytes(), f"{WHERE}.new")
    lab.sh(f"chmod +x {WHERE}.new && mv {WHERE}.new {WHERE}")
    lab.has_command = True
