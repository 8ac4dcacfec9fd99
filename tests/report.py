# SPDX-License-Identifier: ISC
"""Common parts of tests/check and tests/run: the choice of tests, and their output.

Both take words: a test runs if its name contains one of them, or if there are none.  Both
print a line for each test that begins with `ok`, `FAILED` or `skip`, then the slowest, and
last `N passed, N failed`.
"""

import argparse
import os
import re
import sys
import threading

WORDS = {"passed": "ok    ", "failed": "FAILED", "skipped": "skip  "}
LINE = re.compile(r"(ok    |FAILED|skip  ) (.*)")


def options(doc):
    """Returns the parser of both; each adds its own options."""
    parser = argparse.ArgumentParser(description=doc,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="WORD",
                        help="only tests whose name contains one of the words")
    return parser


def chosen(name, words):
    return not words or any(word in name for word in words)


def check_host(xen_host):
    """A test must not use a Xen host in production unasked: it loads modules, reads the log of the
    hypervisor, and connects guests to bridges."""
    if xen_host and os.environ.get("NATIVE") != "1":
        sys.exit("this machine is a Xen host, whose modules, network and logs the tests would use: NATIVE=1 allows it")


def stale(image, build, folder, root):
    """A source that is newer than the image, which so must be built anew; None if there is none."""
    if not image.exists():
        return None
    noted = build / "obj/.list"
    names = noted.read_text().split() if noted.exists() else []
    sources = [root / n for n in names if (root / n).exists()]
    sources += [f for f in folder.glob("*.*") if f.suffix in (".c", ".cc", ".cpp", ".cxx")]
    newest = max(sources, key=lambda f: f.stat().st_mtime, default=None)
    return newest if newest and newest.stat().st_mtime > image.stat().st_mtime else None


class Tally:
    """Counts results and prints them; several threads may add to it."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.times = []         # (seconds, name)
        self.lock = threading.Lock()

    def count(self, outcome, n=1):
        setattr(self, outcome, getattr(self, outcome) + n)

    def add(self, name, seconds, outcome, why=""):
        """Adds a result; why: the text behind the name, then lines that explain it."""
        first, *rest = why.splitlines() or [""]
        lines = [f"{WORDS[outcome]} {name}{f'  ({seconds:.1f} s)' if seconds else ''}"
                 f"{': ' + first if first else ''}", *(f"      | {line}" for line in rest)]
        with self.lock:
            self.count(outcome)
            self.times.append((seconds, name))
            print("\n".join(lines), flush=True)

    def take(self, output):
        """Prints the output of a program, and counts its lines that are results."""
        found = [m[1] for m in map(LINE.match, output.splitlines()) if m]
        with self.lock:
            for outcome, word in WORDS.items():
                self.count(outcome, found.count(word))
            print(output, end="" if output.endswith("\n") or not output else "\n", flush=True)
        return found

    def timed(self, seconds, name):
        with self.lock:
            self.times.append((seconds, name))

    def slowest(self, n=20):
        longest = sorted((t for t in self.times if t[0] >= 1), reverse=True)[:n]
        return [f"      {seconds:6.1f} s  {name}" for seconds, name in longest]

    def summary(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"

    def end(self):
        """Prints the last lines; returns the exit status."""
        if longest := self.slowest():
            print("      the slowest:", *longest, sep="\n")
        print(self.summary(), flush=True)
        return 1 if self.failed else 0
