# SPDX-License-Identifier: ISC
"""Checks the names in commands without running them: programs, targets and variables of make,
applications, options of tools/lab/lab and of ./xenolith.  So `make check` finds most errors of
the commands for which only `make test` has a lab."""

import contextlib
import io
import re
import shlex
import shutil
import subprocess

from folders import ROOT
from lab import cli
from project import cli as project
from xenolith import disk as operators_disk
from xenolith import help as operators_help

from .page import Wrong

BUILTINS = ("cd", "echo", "export", "printf", "exit", "for", "while", "do", "done", "if", "then", "fi", "true",
            "test", ":")
VARIABLES = ("APP", "APP_DIR", "ARGS", "BUILD", "CC", "CMDLINE", "DISK", "GDB", "MEMORY", "NET", "T",
             "TIMEOUT", "TYPE", "V", "RUNS", "MINIOS", "PREFIX", "DESTDIR", "CXX")
IN_DOM0 = ("xl", "xenstore-read", "xenstore-ls", "xenolith", "tail", "sleep", "cat", "xentop")


def targets():
    return re.search(r"^GOALS\s*:=((?:.*\\\n)*.*)", (ROOT / "Makefile").read_text(), re.M)[1].split()


def commands(text):
    """The words of each simple command."""
    text = re.sub(r"(^|\s)#.*$", r"\1", text.replace("\\\n", " "), flags=re.M)
    found, words = [], []
    for line in text.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        for word in [*lexer, ";"]:
            if re.fullmatch(r"[;&|()]+", word):
                found.append(words)
                words = []
            elif not re.fullmatch(r"[<>]+", word):
                words.append(word)
    return [w for w in found if w]


class Names:
    """Of one document; it knows the applications that earlier blocks have made."""

    def __init__(self):
        self.made = set()

    def check(self, block):
        if block.kind == "file":
            self.made.add(block.value)
        if block.kind != "run":
            return
        for step in block.steps():
            where = f"{block.page}:{step.line}"
            done = subprocess.run(["sh", "-n", "-c", step.command], capture_output=True, text=True)
            if done.returncode:
                raise Wrong(f"{where}: {done.stderr.strip()}")
            for words in commands(step.command):
                self.command(where, words, block)

    def command(self, where, words, block):
        program, *rest = words
        while program in ("do", "then", "while", "timeout") and rest:
            program, *rest = rest if program != "timeout" else rest[1:]
        if program in BUILTINS or block.value == "dom0":
            if block.value == "dom0" and program not in IN_DOM0:
                raise Wrong(f"{where}: {program}: not a command of dom0")
        elif program == "xenolith" and block.value == "lab":
            self.xenolith(where, rest)
        elif program.startswith("x86_64-xenolith-elf-"):
            if program[20:] not in (ROOT / "sdk/assemble").read_text().split():
                raise Wrong(f"{where}: {program}: not a command of the SDK")
        elif "/" in program:
            if not (ROOT / program).is_file():
                raise Wrong(f"{where}: {program}: no such file")
        elif not shutil.which(program) and program not in block.needs:
            raise Wrong(f"{where}: {program}: no such program")
        if program in ("mkdir", "cp"):
            self.made |= {re.sub(r"(apps/[^/]+).*", r"\1/", w) for w in rest}
        check = {"make": self.make, "tools/lab/lab": self.lab, "./xenolith": self.xenolith}.get(program)
        if check and not block.fails:
            check(where, rest)

    def make(self, where, words):
        for word in words:
            name, equals, value = word.partition("=")
            if equals and name not in VARIABLES or not equals and word not in targets():
                raise Wrong(f"{where}: make has no {word}")
            if name == "APP" and not any(
                    (ROOT / f"apps/{value}").is_dir() or m.startswith(f"apps/{value}/") for m in self.made | {""}):
                raise Wrong(f"{where}: there is no apps/{value}")
            if name == "TYPE" and value not in ("pv", "pvh", "hvm", "unix"):
                raise Wrong(f"{where}: there is no guest type {value}")

    def lab(self, where, words):
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                cli.parse(words, "lab")
        except SystemExit:
            raise Wrong(f"{where}: {said.getvalue().strip()}") from None

    def xenolith(self, where, words):
        if words[0] == "--json":
            words = words[1:]
        if words[0] == "lab":
            self.lab(where, words[1:])
            return
        if words[0] == "disk":
            try:
                operators_disk.parser().parse_args(words[1:])
            except operators_disk.DiskError as e:
                raise Wrong(f"{where}: {e}") from None
            return
        if words[0] in project.COMMANDS:
            try:
                with contextlib.redirect_stderr(io.StringIO()) as said:
                    project.parser().parse_args(words)
            except SystemExit:
                raise Wrong(f"{where}: {said.getvalue().strip()}") from None
            return
        if words[0] == "run":
            known = operators_help.text("RUN")
        elif words[0] in operators_help.commands():
            known = " ".join(operators_help.commands()[words[0]])
        else:
            raise Wrong(f"{where}: xenolith has no command {words[0]}")
        end = words.index("--") if "--" in words else len(words)
        for word in words[1:end]:
            option = word.partition("=")[0]
            if re.match(r"--?[a-z]", word) and not re.search(rf"{re.escape(option)}\b", known):
                raise Wrong(f"{where}: xenolith {words[0]} has no option {option}")
