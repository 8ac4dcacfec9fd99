# SPDX-License-Identifier: ISC
"""Disks in dom0 with a write cache that loses its contents: Linux's null_blk."""

from lab import build

FOLDER = "/sys/kernel/config/nullb"


def load(lab):
    """null_blk is not one of dom0's modules."""
    modules = build.Modules()
    for name in "configfs", "null_blk":
        modules.add(name)
    for name in modules.order:
        lab.put(build.unsigned(modules.data[name]), f"/tmp/{name}.ko")
    lab.sh("grep -q ^null_blk /proc/modules || { insmod /tmp/configfs.ko &&"
           "mount -t configfs configfs /sys/kernel/config &&"
           "insmod /tmp/null_blk.ko nr_devices=0; }")


class Disk:
    """Sizes are in MB.  In dom0 it is /dev/NAME."""

    def __init__(self, lab, number, size=1, cache=1):
        self.lab, self.name, self.size, self.cache = lab, f"nullb{number}", size, cache

    def new(self):
        """Empty: the data of a device is removed with it."""
        self.lab.sh([*self.lab.shell, "rmdir $1 2>/dev/null; mkdir $1 && cd $1 && echo $2 >index &&"
                     "echo $3 >size && echo 1 >memory_backed && echo $4 >cache_size &&"
                     "echo 1 >power", "new", f"{FOLDER}/{self.name}", self.name[5:],
                     str(self.size), str(self.cache)])

    def fail(self):
        """A power failure: what was not flushed is lost."""
        self.lab.sh(f"cd {FOLDER}/{self.name} && echo 0 >power && echo 1 >power")

    def read(self, size):
        c = self.lab.start([*self.lab.shell, f"exec head -c {size} /dev/$1", "read", self.name])
        assert c.wait() == 0, c.err
        return bytes(c.out)

    def remove(self):
        self.lab.sh(f"rmdir {FOLDER}/{self.name} 2>/dev/null || true")
