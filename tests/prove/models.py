# SPDX-License-Identifier: ISC
"""Checks the models tests/prove/*.pml with Spin.

A model names its steps in comments, as `N: FILE, FUNCTION: TEXT`.  The text must be in the function,
and those of one function in this order, so a source that is changed needs a look at the model.  Each
step that is left out (LEFT_OUT=N) must be found: as a deadlock, or as an assertion that fails.
"""

import dataclasses
import os
import re
import subprocess
import tempfile
from pathlib import Path

import packages
from cbmc import OUT, Result
from folders import ROOT

STEP = re.compile(r"^ \*\s+(\d+): (\S+), (\w+): (.*)$", re.M)
DEPTH = 1000000


def body(source, function):
    """The text of a function of a C file, from its name on."""
    m = re.search(rf"^[^\n#/ \t][^\n]*\b{function}\([^;]*?\)\n\{{.*?^\}}", source, re.S | re.M)
    return m[0] if m else ""


def untied(steps):
    """Yields the steps that are not in the sources."""
    behind = {}
    for number, file, function, text in steps:
        found = body((ROOT / file).read_text(), function).find(text, behind.get((file, function), 0))
        if found < 0:
            yield f"step {number}: {function}() of {file} does not have `{text}` there"
        behind[file, function] = found + 1


def compiled(model, folder):
    """Makes the program that explores a model."""
    for words in ([*packages.program(OUT / "tools", "spin"), "-a", str(model)],
                  ["gcc", "-O1", "-w", "-DSAFETY", "-DMEMLIM=1000", "-o", "pan", "pan.c"]):
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, errors="replace")
        if done.returncode:
            raise ValueError(f"{words[0]}: {done.stdout}{done.stderr}")


def explore(folder, left_out):
    """Returns whether there is an error without this step, and what Spin prints."""
    done = subprocess.run(["./pan", f"-m{DEPTH}"], cwd=folder, capture_output=True, text=True,
                          errors="replace", env={**os.environ, "LEFT_OUT": str(left_out)})
    m = re.search(r"errors: (\d+)", done.stdout)
    if not m or "max search depth too small" in done.stdout or "memory bound" in done.stdout:
        raise ValueError(done.stdout[-2000:] + done.stderr[-2000:])
    return int(m[1]) > 0, done.stdout


@dataclasses.dataclass
class Model:
    file: Path

    def steps(self):
        return STEP.findall(self.file.read_text())

    def check(self):
        """The model has no error, its steps are in the sources, and each of them is needed."""
        steps = self.steps()
        wrong = list(untied(steps)) or ([] if steps else ["it has no steps"])
        try:
            with tempfile.TemporaryDirectory() as folder:
                compiled(self.file, folder)
                failed, said = explore(folder, 0)
                if failed:
                    return Result(f"an error:\n{said}", unproven=1)
                wrong += [f"nothing is found without step {number}" for number, *_ in steps
                          if not explore(folder, number)[0]]
        except ValueError as e:
            return Result(f"Spin:\n{e}", unproven=1)
        states = re.search(r"(\d+(?:\.\d+)?(?:e\+\d+)?) states, stored", said)[1]
        return Result("\n".join(["unproven:", *wrong]) if wrong else "",
                      f"{float(states):.0f} states, each of {len(steps)} steps is needed", 2 + len(steps), len(wrong))
