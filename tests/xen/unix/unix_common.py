# SPDX-License-Identifier: ISC
"""Starts tenders, and looks at their processes."""

import subprocess
import time
from pathlib import Path

import process_cli


def tender_words(image, options, words):
    return [process_cli.make_tender(), "--end", *options, image, "--", *map(str, words)]


def run(image, *words, timeout=120, options=(), **how):
    return subprocess.run(tender_words(image, options, words), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout, **how)


def start(image, *words, options=(), **how):
    how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
    # If a claim fails, nobody ends it.
    return subprocess.Popen(tender_words(image, ["--timeout", "200", *options], words), **how)


def ready(tender, word):
    """Waits for a word on the console."""
    while word not in (line := tender.stdout.readline()):
        assert line, tender.stderr.read()


def child_of(tender, patience=30):
    path = Path(f"/proc/{tender.pid}/task/{tender.pid}/children")
    end = time.monotonic() + patience
    while True:
        try:
            words = path.read_text().split()
        except OSError:
            return None
        if words:
            return int(words[0])
        if time.monotonic() >= end:
            return None
        time.sleep(0.001)


def gone(pid, patience=30):
    """Waits until a process does not exist, or is only waited for."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.002)
    return False
