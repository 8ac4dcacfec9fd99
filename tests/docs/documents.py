# SPDX-License-Identifier: ISC
"""The documents, and a run of one."""

import subprocess
import threading
from collections import Counter

from folders import BUILD, ROOT

from . import blocks
from .blocks import DocumentError
from .names import Names
from .page import Page, Wrong

__all__ = ["Count", "DocumentError", "Wrong", "run", "runs", "texts"]

HEADERS = (BUILD / "newlib/include/stdio.h", BUILD / "include/xen/xen.h")


def texts():
    """{name: text} of all documents."""
    files = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
    return {str(f.relative_to(ROOT)): f.read_text() for f in files}


def runs(name, text):
    """Whether a document has commands that build images or need a lab."""
    return any(b.kind == "run" and b.value != "host" for b in blocks.read(name, text))


class Count:
    """What was run and what was not; several threads may add to it."""

    def __init__(self):
        self.ran, self.not_run = Counter(), []
        self.lock = threading.Lock()

    def add(self, page):
        with self.lock:
            for block in page.ran:
                self.ran["commands" if block.kind == "run" else
                         "files" if block.kind == "file" else "outputs"] += 1
            self.not_run += page.not_run

    def summary(self):
        ran = ", ".join(f"{n} {kind}" for kind, n in sorted(self.ran.items())) or "none"
        lines = [f"      blocks of the documents that were run: {sum(self.ran.values())} ({ran}); "
                 f"cannot be run: {len(self.not_run)}"]
        lines += [f"      | {block}: {reason}" for block, reason in
                  sorted(self.not_run, key=lambda one: str(one[0]))]
        return "\n".join(lines)


def compile_program(block):
    """Compile a C file without a lab or an image: only its syntax and types are checked."""
    if not all(h.exists() for h in HEADERS):
        return
    include = subprocess.run(["gcc", "-print-file-name=include"], check=True, text=True,
                             stdout=subprocess.PIPE).stdout.strip()
    done = subprocess.run(
        ["gcc", "-fsyntax-only", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-U__linux__",
         "-D__xenolith__", "-nostdinc", "-isystem", ROOT / "lib/include",
         "-isystem", include, "-isystem", BUILD / "newlib/include", "-isystem", BUILD / "include",
         "-x", "c", "-"], input=block.text, text=True, capture_output=True)
    if done.returncode:
        raise Wrong(f"{block}: {block.value} does not compile\n{done.stderr}")


def run(name, text, lab=None, count=None):
    """Runs the blocks of one document; raises Wrong at the first that is not as it says."""
    found = blocks.read(name, text)
    names = Names()
    for block in found:
        names.check(block)
    with Page(name, lab) as page:
        for block in found:
            if block.kind == "file" and block.value.endswith(".c"):
                compile_program(block)
            page.run(block)
    if count:
        count.add(page)
