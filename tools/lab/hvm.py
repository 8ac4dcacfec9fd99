# SPDX-License-Identifier: ISC
"""HVM guests of the lab: QEMU as their device model in dom0, and a disk to start from.

Such a guest gets its image as a person's would, from a disk by way of BIOS and GRUB
(tools/ec2/disk.py), and its command line as a line of GRUB's.
"""

import os
import tempfile
from pathlib import Path

from . import config, extra
from .errors import BUILD, LabError

# The PC that we do without is slow to emulate.  Xen has the first four disks emulated, whatever
# their names; those that are attached later are not.
LINES = {"boot": '"c"', "bios": '"seabios"', "vga": '"none"', "videoram": "0", "nographic": "1",
         "vnc": "0", "usb": "0", "serial": '"pty"'}
BOOT_DISK = "hda"
MODEL = "/usr/libexec/xen-qemu-system-i386"


def bring_device_model(start, say):
    """Into dom0, as if it had booted with it; start: a lab's."""
    if start(["test", "-x", MODEL]).wait() == 0:
        return
    command = start(["sh", "-c", "cd / && exec cpio -idmu"])
    command.write(extra.archive("hvm", say).read_bytes())
    command.close_input()
    if command.wait():
        raise LabError("dom0 cannot take the device model", command.err.decode())


def lines(more):
    """Of its xl.cfg; those that are asked for win."""
    there = {line.partition("=")[0].strip() for line in more}
    return [f"{k}={v}" for k, v in LINES.items() if k not in there] + list(more)


def boot_disk(image, cmdline, args, guest):
    """To start from: the image, if it is a disk, else one made of it for this guest."""
    from ec2 import disk
    from ec2.errors import Ec2Error
    if str(image).endswith(".img"):
        if cmdline or args:
            raise LabError(f"{image} has its command line: it is a disk")
        return config.Disk(file=Path(image).absolute(), dev=BOOT_DISK)
    BUILD.mkdir(parents=True, exist_ok=True)
    handle, path = tempfile.mkstemp(prefix="hvm-", suffix=".img", dir=BUILD)
    os.close(handle)
    guest.cleanup.append(lambda: Path(path).unlink(missing_ok=True))
    try:
        disk.make(path, image, Path(image).name, cmdline, args)
    except Ec2Error as e:
        raise LabError(str(e)) from None
    return config.Disk(file=Path(path), dev=BOOT_DISK)
