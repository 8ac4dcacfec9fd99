# SPDX-License-Identifier: ISC
"""Files of commands that run in the lab's dom0."""

import os
from pathlib import Path

import lab_copy
from lab.errors import LabError

SECRET = ("save", "checkpoint", "snapshot")     # all memory of the guest is in the file


class Files:
    """Files that commands write (in dom0 first, then copied to this machine), or read."""

    def __init__(self, words):
        self.words, self.there, self.read = list(words), {}, None
        self.secret = words[0] in SECRET
        if self.secret and len(words) == 3:
            self.words[2] = self.other(words[2])
        elif words[0] == "restore" and len(words) == 2:
            self.read = Path(words[1])
            self.words[1] = f"/tmp/xenolith-{os.getpid()}"
        for i, word in enumerate(words if words[:1] == ["profile"] else []):
            name, equals, path = word.partition("=")
            if name in ("--flame", "--perf", "--folded") and path and path != "-":
                self.words[i] = f"{name}={self.other(path)}"
            elif word == "--flame" and i + 1 < len(words) and words[i + 1] != "-":
                self.words[i + 1] = self.other(words[i + 1])

    def other(self, path):
        there = f"/tmp/xenolith-{os.getpid()}-{len(self.there)}"
        self.there[there] = path
        return there

    def check(self):
        """Check on this side what would be found only when the guest has ended."""
        for path in map(Path, self.there.values()):
            place = path if path.exists() and not self.secret else path.resolve().parent
            if path.is_dir() or not os.access(place, os.W_OK):
                raise LabError(f"cannot write {path}")

    def bring(self, lab):
        """Copy the file that the command reads to dom0."""
        if self.read:
            lab.put(self.read.read_bytes(), self.words[1])

    def fetch(self, lab):
        if self.read:
            lab.start(["rm", "-f", self.words[1]]).wait()
        for there, path in self.there.items():
            command = lab.start(["cat", there])
            if command.wait():
                continue
            try:
                self.write(Path(path), bytes(command.out))
            except OSError as e:
                raise LabError(f"{path}: {e.strerror}; it is {there} of the lab's dom0") from None
            lab.start(["rm", "-f", there]).wait()

    def write(self, path, data):
        """Only this user can read a secret file, which xl also makes anew (save.c)."""
        if not self.secret:
            path.write_bytes(data)
            return
        with lab_copy.new_file(path, 0o600) as f:
            f.write(data)
