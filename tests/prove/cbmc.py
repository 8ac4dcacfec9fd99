# SPDX-License-Identifier: ISC
"""Runs the proofs of tests/prove/*.c with CBMC, and the mutants of tests/prove/*.mutants.

A file of proofs includes the source that it proves.  The comment above a proof has options:

    prove: unwind N [FUNCTION.LOOP:N...] [replace FUNCTION:MODEL...] [seconds N]

unwind: how often loops are unwound at most; it is proved that they end before.  replace: calls of a
function become calls of a model of it, which another proof shows to be right.  seconds: about how
long it takes; the slowest begin first.
"""

import ast
import dataclasses
import os
import re
import resource
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import packages
from folders import BUILD, ROOT

OUT = BUILD / "prove"
XEN = os.environ.get("XEN_INCLUDE") or str(BUILD / "include")
LWIP = Path(os.environ.get("LWIP_SRC") or BUILD / "src/lwip")
FLAGS = ["-std=gnu11", "-D__XEN_INTERFACE_VERSION__=0x00040d00", "-D_GNU_SOURCE", "-DPROVE", "-w",
         "-isystem", str(ROOT / "net/lwip"), "-isystem", str(LWIP / "src/include"),
         "-idirafter", XEN, "-idirafter", str(ROOT / "lib/include")]
CHECKS = ["--no-standard-checks", "--bounds-check", "--pointer-check", "--pointer-primitive-check",
          "--pointer-overflow-check", "--div-by-zero-check", "--undefined-shift-check",
          "--signed-overflow-check", "--unwinding-assertions", "--malloc-may-fail",
          "--malloc-fail-null", "--slice-formula", "--drop-unused-functions"]
LIMIT = int(os.environ.get("PROVE_SECONDS", 200))     # of the processor, for one proof
PROOF = re.compile(r"(?:/\*((?:(?!\*/).)*?)\*/\s*)?^void prove_(\w+)\(void\)", re.S | re.M)
PROPERTY = re.compile(r"^\[(\S+)\] (?:file (\S+) )?line (\d+) (.*): (SUCCESS|FAILURE|UNKNOWN|ERROR)$", re.M)
INCLUDED = re.compile(r'^#include "([^"]+\.c)"', re.M)


@dataclasses.dataclass
class Result:
    why: str = ""                   # it failed
    said: str = ""
    checked: int = 0
    unproven: int = 0


def options(comment):
    m = re.search(r"prove: ([^\n]*)", comment or "")
    words, found = (m[1] if m else "").split(), {"unwind": [], "replace": [], "seconds": []}
    kind = None
    for word in words:
        if word in found:
            kind = word
        else:
            found[kind].append(word)
    return found


def limit_time():
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT + 1))


def command(name, *words):
    """Runs a program for at most LIMIT seconds of the processor."""
    return subprocess.run([*packages.program(OUT / "tools", name), *map(str, words)],
                          capture_output=True, text=True, errors="replace", preexec_fn=limit_time)


class Unit:
    """A file of proofs, compiled with the sources of a folder before those of the tree."""

    def __init__(self, file, before=None, folder=None):
        self.file, self.before = file, before
        self.folder = folder or OUT / file.stem
        self.lock, self.made = threading.Lock(), None

    def binary(self):
        """Returns the compiled file, and the compiler's errors."""
        with self.lock:
            if not self.made:
                self.folder.mkdir(parents=True, exist_ok=True)
                out = self.folder / "proofs.gb"
                first = ["-iquote", str(self.before)] if self.before else []
                done = command("goto-cc", *FLAGS, *first, "-iquote", ROOT, "-c", "-o", out, self.file)
                self.made = out, done.stderr if done.returncode else ""
        return self.made


@dataclasses.dataclass
class Proof:
    file: Path
    name: str
    unit: Unit
    unwind: list
    replace: list
    seconds: int = 1

    def binary(self):
        compiled, errors = self.unit.binary()
        if errors or not self.replace:
            return compiled, errors
        to = self.unit.folder / f"{self.name}.gb"
        words = [w for pair in self.replace for w in ("--replace-calls", pair)]
        done = command("goto-instrument", *words, compiled, to)
        return to, done.stdout + done.stderr if done.returncode else ""

    def check(self):
        """Proves it."""
        binary, errors = self.binary()
        if errors:
            return Result(f"it does not compile\n{errors[-3000:]}", unproven=1)
        limits = [w for w in self.unwind if ":" in w]
        done = command("cbmc", binary, "--function", f"prove_{self.name}", *CHECKS, "--unwind",
                       next(w for w in self.unwind if ":" not in w),
                       *(["--unwindset", ",".join(limits)] if limits else []))
        return self.verdict(done)

    def verdict(self, done):
        found = PROPERTY.findall(done.stdout)
        if done.returncode not in (0, 10) or not found:
            return Result(f"CBMC: status {done.returncode}\n{(done.stdout + done.stderr)[-2000:]}", unproven=1)
        no_body = set(re.findall(r"no body for (?:callee|function) (\S+)", done.stdout + done.stderr))
        no_body = {n for n in no_body if not n.startswith("nondet_")}
        # What CBMC does not decide follows a failure of the same path.
        decided = [f for f in found if f[4] != "UNKNOWN"] if any(f[4] == "FAILURE" and not f[3].startswith("reached: ") for f in found) else found
        wrong = [f"{at.split('.')[0]}, line {line}: {what}" for at, _, line, what, verdict in decided
                 if (verdict == "SUCCESS") == what.startswith("reached: ")]
        wrong += [f"{name}() has no body" for name in sorted(no_body)]
        claims = [f for f in found if not f[3].startswith("reached: ")]
        reached = len(found) - len(claims)
        if not reached:
            wrong.append("it has no REACHED()")
        return Result("\n".join(["unproven:", *wrong[:20]]) if wrong else "",
                      f"{len(claims)} properties, {reached} places reached", len(claims),
                      len(wrong))


def proofs(file, unit=None):
    unit = unit or Unit(file)
    for comment, name in PROOF.findall(file.read_text()):
        o = options(comment)
        yield Proof(file, name, unit, o["unwind"] or ["1"], o["replace"],
                    int((o["seconds"] or ["1"])[0]))


# ---- Mutants

@dataclasses.dataclass
class Mutant:
    file: Path
    what: str
    source: str
    old: str
    new: str
    proof: str                      # that fails

    @property
    def name(self):
        return f"{self.source}: {self.what}"

    def check(self):
        """Caught if a proof of the file fails."""
        text = (ROOT / self.source).read_text()
        if text.count(self.old) < 1:
            return Result("the text to replace is not in the file")
        with tempfile.TemporaryDirectory() as folder:
            changed = Path(folder) / "source" / self.source
            changed.parent.mkdir(parents=True)
            changed.write_text(text.replace(self.old, self.new, 1))
            unit = Unit(self.file, Path(folder) / "source", Path(folder))
            _, errors = unit.binary()
            if errors:
                return Result(f"it does not compile\n{errors[-2000:]}")
            proof = {p.name: p for p in proofs(self.file, unit)}[self.proof]
            result = proof.check()
        if not result.unproven or result.why.startswith("CBMC"):
            return Result(f"it SURVIVES {self.proof}\n{result.why}")
        return Result(said=f"caught by {self.proof}: {result.why.splitlines()[1]}")


def mutants(file):
    path = file.with_suffix(".mutants")
    return [Mutant(file, *m) for m in ast.literal_eval(path.read_text())] if path.exists() else []


def sources(file):
    """The sources that a file of proofs includes."""
    return [s for s in INCLUDED.findall(file.read_text()) if (ROOT / s).exists()]


def clean(folder):
    shutil.rmtree(folder, ignore_errors=True)
