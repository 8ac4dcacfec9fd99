# SPDX-License-Identifier: ISC
"""What can go wrong, and where the lab keeps its files."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("XENOLITH_BUILD") or ROOT / "build").absolute() / "lab"


class LabError(Exception):
    """One sentence for the person; log is the end of the log that tells why."""

    def __init__(self, sentence, log=""):
        super().__init__(sentence)
        self.log = log
        if log:
            self.add_note(log)

    @staticmethod
    def tail(text, lines=25):
        return "\n".join(text.replace("\r", "").rstrip().splitlines()[-lines:])


class Timeout(LabError):
    """Something took longer than it was given."""
