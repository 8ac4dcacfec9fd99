# SPDX-License-Identifier: ISC
"""HVM guests of the lab: QEMU as the device model in dom0, and a disk to boot from.

The guest boots the image from this disk by BIOS and GRUB (tools/ec2/disk.py), as on EC2.  Its
command line is in GRUB's configuration.
"""

import os
import tempfile
from pathlib import Path

from . import config, extra
from .errors import BUILD, LabError

BOOT_DISK = "hda"         # as in tools/xenolith/xlcfg.c
MODEL = "/usr/libexec/xen-qemu-system-i386"


def bring_device_model(start, say):
    """Install the device model in dom0, if it is not there; start: Lab.start."""
    if start(["test", "-x", MODEL]).wait() == 0:
        return
    command = start(["sh", "-c", "cd / && exec cpio -idmu"])
    command.write(extra.archive("hvm", say).read_bytes())
    command.close_input()
    if command.wait():
        raise LabError("cannot unpack the device model in dom0", command.err.decode())


def boot_disk(image, cmdline, args, guest):
    """The disk to boot from: the image if it is a disk, otherwise a temporary disk made of it."""
    from ec2 import disk
    from ec2.errors import Ec2Error
    if str(image).endswith(".img"):
        if cmdline or args:
            raise LabError(f"{image}: a disk contains its kernel options and arguments")
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
