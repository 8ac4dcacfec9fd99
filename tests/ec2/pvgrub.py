# SPDX-License-Identifier: ISC
"""GRUB 2 as the kernel of a PV guest, instead of Amazon's PV-GRUB, which is GRUB 0.97.

    pvgrub.image("menu.lst")    the path of an image that boots by a disk's menu.lst
    pvgrub.image("grub.cfg")    the same by its grub.cfg

GRUB reads the disk by its own frontend, replaces the domain's memory page by page, and jumps to
the kernel.  So the kernel finds rings and ports that were used, and a shuffled p2m.
"""

import subprocess

import packages  # noqa: F401: where ec2 is
from ec2 import grub

MODULES = """memdisk tar normal configfile legacycfg test loadenv search search_fs_file
    part_msdos part_gpt ext2 linux gzio xzio ls halt""".split()
# If GRUB continued after these lines, it would wait for a key, which costs money.
MENUS = {"menu.lst": "search -s root -f /boot/grub/menu.lst\n"
                     "legacy_configfile /boot/grub/menu.lst\nhalt\n",
         "grub.cfg": "search -s root -f /boot/grub/grub.cfg\n"
                     "configfile /boot/grub/grub.cfg\nhalt\n"}


def image(menu):
    def make(path):
        place = path.with_name("start")     # not where it looks for a disk's
        place.mkdir()
        (place / "grub.cfg").write_text(MENUS[menu])
        memdisk = path.with_name("memdisk")
        subprocess.run(["tar", "-C", path.parent, "-cf", memdisk, "start"], check=True)
        grub.mkimage("grub-xen-bin", "x86_64-xen", path, MODULES,
                     ["-m", memdisk, "-p", "(memdisk)/start"])      # -m sets another
    return grub.made_once(f"pvgrub-{menu}", make, __file__)
