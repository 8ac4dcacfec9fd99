# SPDX-License-Identifier: ISC
"""Common parts of all measurements: the table, and Linux guests with a program to measure."""

import os
import statistics
import subprocess
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tools"))
from folders import BUILD, ROOT  # noqa: E402

from lab import build as lab_build  # noqa: E402

RUNS = int(os.environ.get("RUNS", 11))
# The same image as each guest type: the row's name, and the type.
OURS = {"xenolith": "pv", "xenolith pvh": "pvh"}


def image(name):
    return BUILD / name / Path(name).name


class Table:
    """Rows of a measurement: guest, figures in a unit."""

    def __init__(self, title, unit, scale):
        self.title, self.unit, self.scale, self.rows = title, unit, scale, {}

    def add(self, guest, value):
        self.rows.setdefault(guest, []).append(value * self.scale)

    def show(self):
        print(f"\n{self.title} ({self.unit})")
        ours = statistics.median(self.rows["xenolith"])
        for guest, values in self.rows.items():
            m = statistics.median(values)
            print(f"  {guest:<12} {m:10.3f}   {min(values):.3f} ... {max(values):.3f}"
                  f"   {m / ours:8.2f} x xenolith", flush=True)


def each_guest(ours, linux):
    """Returns (row, function that creates its guest) for Xenolith's guest types and Linux."""
    return [*((name, partial(ours, type=type)) for name, type in OURS.items()),
            ("linux", linux)]


def compile_for_linux(name, source, *links):
    """A static program of the lab's Linux; where it is."""
    binary, libraries = BUILD / f"bench-{name}", lab_build.UNPACKED / "usr"
    subprocess.run([os.environ.get("HOSTCC", "cc"), "-O2", "-static", "-pthread",
                    "-isystem", libraries / "include", "-o", binary, source,
                    f"-L{libraries / 'lib/x86_64-linux-gnu'}", *links], check=True)
    return binary


def linux_with(lab, program, *words, modules=(), before="", memory=256, **how):
    """A Linux guest whose whole user space is this program; `before`: a command of its shell."""
    tree = lab_build.Tree()
    lab_build.add_modules(tree, {"all": lab_build.LINUX_GUEST_MODULES + ["xen-evtchn",
                                                                        *modules]})
    tree.file("bench", program.read_bytes(), 0o755)
    tree.file("init", f"""#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
modprobe -a $(cat /etc/modules/all); mkdir -p /dev/xen /mnt
{before}
/bench {" ".join(words)}
poweroff -f
""".encode(), 0o755)
    ramdisk = BUILD / f"{program.name}.cpio"
    ramdisk.write_bytes((lab_build.BOOT / "linux-guest.cpio").read_bytes() + tree.cpio())
    return lab.create(lab_build.BOOT / "vmlinux", memory=memory, cmdline="console=hvc0",
                      ramdisk=ramdisk, type="pv", **how)


def after(guest, text):
    """The number behind a text on a guest's console."""
    return float(guest.console_text().split(text)[1].split()[0].rstrip("."))
