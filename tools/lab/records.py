# SPDX-License-Identifier: ISC
"""Records of guests in the background, below build/lab/guests: those that have ended, and
those that the end of the lab ended.  tools/xenolith/guests.h has the format."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from .errors import BUILD

KEPT = BUILD / "guests"


@dataclass
class Record:
    name: str
    folder: Path
    state: dict

    @property
    def how(self):
        return f"{self.state['reason']}, status {self.state['status']}"

    def console(self):
        try:
            return (self.folder / "console").read_bytes()
        except OSError:
            return b""


def parse(text):
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def load():
    """Returns the records of guests that have ended, when no lab is running."""
    found = []
    for file in sorted(KEPT.glob("*/state")):
        state = parse(file.read_text(errors="replace"))
        if "ended" not in state:    # the lab was killed
            state.update(ended=str(int(file.stat().st_mtime)), reason="lab-ended", status="253")
            file.write_text("".join(f"{k}={v}\n" for k, v in state.items()))
        found.append(Record(file.parent.name, file.parent, state))
    return found


def remove(name):
    if name and "/" not in name and not name.startswith("."):
        shutil.rmtree(KEPT / name, ignore_errors=True)


def age(since):
    """As age() of tools/xenolith/guest_commands.c."""
    s = int(time.time()) - int(since)
    for most, unit, name in (120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h"):
        if s < most:
            return f"{s // unit} {name}"
    return f"{s // 86400} d"
