# SPDX-License-Identifier: ISC
"""The lab's exceptions, and the folder of its files."""

import folders

ROOT = folders.ROOT
BUILD = folders.BUILD / "lab"


class LabError(Exception):
    """The text is one sentence for the user; log is the end of the log that shows the cause."""

    def __init__(self, sentence, log=""):
        super().__init__(sentence)
        self.log = log
        if log:
            self.add_note(log)

    @staticmethod
    def tail(text, lines=25):
        return "\n".join(text.replace("\r", "").rstrip().splitlines()[-lines:])


class Timeout(LabError):
    """A timeout has expired."""


class Usage(LabError):
    """The words of the command line are wrong."""
