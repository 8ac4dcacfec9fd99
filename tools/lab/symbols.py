# SPDX-License-Identifier: ISC
"""Symbols of an image, read from NAME.elf beside it, which the Makefile makes."""

import bisect
import functools
import os
import shutil
import subprocess


class Symbols:
    def __init__(self, text):
        lines = [line.split() for line in text.splitlines()]
        self.addresses = {w[2]: int(w[0], 16) for w in lines if len(w) == 3}
        code = sorted((int(w[0], 16), w[2]) for w in lines if len(w) == 3 and w[1] in "tTwW")
        self.starts, self.names = [a for a, _ in code], [n for _, n in code]

    def address(self, name):
        return self.addresses.get(name)

    def function(self, back):
        """The name of the function that contains the call with this return address."""
        i = bisect.bisect(self.starts, back - 1) - 1
        return self.names[i].removeprefix("xenolith_") if i >= 0 else hex(back)


@functools.lru_cache(maxsize=None)
def read(elf, _time):
    nm = shutil.which("nm") or shutil.which("x86_64-linux-gnu-nm")
    done = subprocess.run([nm, elf], capture_output=True, text=True) if nm else None
    return Symbols(done.stdout) if done and done.returncode == 0 else None


def of(image):
    """The Symbols of an image, or None if there is no .elf file or no nm."""
    elf = f"{image}.elf"
    try:
        return read(elf, os.stat(elf).st_mtime_ns)
    except OSError:
        return None
