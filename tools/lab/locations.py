# SPDX-License-Identifier: ISC
"""Adds file and line to the backtraces that a guest prints.

    0000000040000470 null_write+0x10  apps/your/main.c:25

The lines come from NAME.elf beside the image, by addr2line.  Without one of them, the console is
passed unchanged.
"""

import os
import re
import shutil
import subprocess

LINE = re.compile(rb"^ {4}([0-9a-f]{16})(?: \S+\+0x([0-9a-f]+))?$")
RIP = re.compile(rb"^  rip ([0-9a-f]{16}) ")
LONGEST = 400           # bytes of a line that may be one of these


class Locations:
    """A write() for the console of the guest with this image, which calls another write()."""

    def __init__(self, image, write):
        self.elf, self.write_on = f"{image}.elf", write
        self.tool = shutil.which("addr2line") or shutil.which("x86_64-linux-gnu-addr2line")
        self.line, self.held, self.rip = b"", b"", None

    def write(self, data):
        """Pass data on at once; a location is added when the line of an address ends."""
        if not self.tool or not os.path.exists(self.elf):
            self.write_on(data)
            return
        # A carriage return waits for the line feed, since the location precedes both.
        data, out = self.held + data, []
        self.held = b"\r" if data.endswith(b"\r") else b""
        data = data[:len(data) - len(self.held)]
        for part in re.split(rb"(?<=\n)", data):
            text = (self.line + part)[:LONGEST]
            if not part.endswith(b"\n"):
                out.append(part)
                self.line = text
                continue
            end = b"\r\n" if part.endswith(b"\r\n") else b"\n"
            place = self.location(text.rstrip(b"\r\n"))
            out += [part[:-len(end)], place and b"  " + place, end]
            self.line = b""
        self.write_on(b"".join(out))

    def location(self, line):
        """Returns the location of the address in a line of a backtrace, or b""."""
        if m := RIP.match(line):
            self.rip = int(m[1], 16)
        if not (m := LINE.match(line)):
            return b""
        pc = int(m[1], 16)
        # All but the interrupted instruction and the start of a function are return addresses.
        back = pc != self.rip and m[2] != b"0"
        self.rip = None if pc == self.rip else self.rip
        try:
            done = subprocess.run([self.tool, "-i", "-e", self.elf, hex(pc - back)],
                                  capture_output=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            return b""
        places = [re.sub(rb" \(discriminator \d+\)", b"", p).removeprefix(b"./")
                  for p in done.stdout.splitlines() if b"?" not in p]
        return b", inlined at ".join(places)
