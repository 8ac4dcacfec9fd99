# SPDX-License-Identifier: ISC
"""Reads the fenced blocks of a document, and the mark before each of them.

A mark is an HTML comment on the line before the fence, which rendered pages do not show:

    <!-- run: host -->      commands that need neither an image nor a lab
    <!-- run: lab -->       commands that build images or boot a lab
    <!-- run: dom0 -->      commands of dom0's root
    <!-- file: NAME -->     a file: a program, or a configuration
    <!-- output -->         what the commands of the block before it print (`output: OPTION` too)
    <!-- not run: WHY -->   commands or a program that cannot run in a test
    <!-- text: WHAT -->     neither commands nor a program, such as a picture

Options of `run` and `output` follow after semicolons:

    numbers vary            in the output, a number of the document matches any number

of `output` only:

    first terminal          the commands in the background that were started last print it

and of `run` only:

    background [until TEXT] the command continues; the next block starts when it has printed TEXT
    until Ctrl-C            the command is interrupted when it has printed what the document says
    status N                the exit status of the last command (default: 0)
    errors                  each command ends with a status that is not 0
    needs PROGRAM           the machine may not have it; then the block is not run
    needs port N            the same for a TCP port that may be in use
    with FILE               copied to dom0 first, to the same path
"""

import re

MARK = re.compile(r"\s*<!-- (run|file|output|not run|text)(?:: (.*?))? -->\s*$")
FENCE = re.compile(r"( *)(```+)")
PLACES = ("host", "lab", "dom0")
PROMPT = re.compile(r"(\$|#|\(gdb\)|xenolith>) (.*)$")
# How a line of commands begins: what is marked as text must not have one.
COMMAND = re.compile(r"(\$ |# |\./xenolith|make |tools/|xl |xenolith |apt)")


class DocumentError(Exception):
    """A document does not have the form that this file describes."""


class Step:
    """A command, what is typed into it, and lines that it prints."""

    def __init__(self, command, line):
        self.command, self.line = command, line
        self.typed, self.printed = [], []


class Block:
    def __init__(self, page, line, kind, value, lines):
        self.page, self.line, self.kind, self.lines = page, line, kind, lines
        options = [w.strip() for w in value.split(";")] if value else []
        self.value = options.pop(0) if kind != "output" and options else None
        self.background = None
        self.numbers_vary = self.until_ctrl_c = self.fails = self.of_background = False
        self.status = 0
        self.needs, self.files = [], []
        for option in options:
            word, _, rest = option.partition(" ")
            if word == "background" and (not rest or rest.startswith("until ")):
                self.background = rest.removeprefix("until ")
            elif option == "numbers vary":
                self.numbers_vary = True
            elif option == "until Ctrl-C":
                self.until_ctrl_c = True
            elif option == "first terminal":
                self.of_background = True
            elif option == "errors":
                self.fails = True
            elif word == "status" and rest.isdigit():
                self.status = int(rest)
            elif word == "needs" and rest:
                self.needs.append(rest)
            elif word == "with" and rest:
                self.files.append(rest)
            else:
                raise DocumentError(f"{self}: unknown option {option!r}")
        if kind == "run" and self.value not in PLACES:
            raise DocumentError(f"{self}: run where? one of {', '.join(PLACES)}")
        if kind in ("file", "not run", "text") and not self.value:
            raise DocumentError(f"{self}: `{kind}:` needs a word")
        if kind == "text" and any(COMMAND.match(line) for line in lines):
            raise DocumentError(f"{self}: it is marked as text and has a command")

    def __str__(self):
        return f"{self.page}:{self.line}"

    @property
    def text(self):
        return "".join(f"{line}\n" for line in self.lines)

    def is_session(self):
        return any(PROMPT.match(line) for line in self.lines)

    def steps(self):
        """The commands: of a session those after prompts, otherwise all lines are a script."""
        if not self.is_session():
            return [Step(self.text, self.line + 1)]
        prompt, steps, goes_on = ("#" if self.value == "dom0" else "$"), [], False
        for number, line in enumerate(self.lines, self.line + 1):
            m = PROMPT.match(line)
            if goes_on:
                steps[-1].command += f"\n{line}"
            elif m and m[1] == prompt:
                steps.append(Step(m[2], number))
            elif not steps:
                raise DocumentError(f"{self}: output before the first command")
            elif m:
                steps[-1].typed.append(m[2])
                continue
            else:
                steps[-1].printed.append(line)
                continue
            goes_on = line.rstrip().endswith(("\\", "|"))
        return steps


def read(page, text):
    """The blocks of a document."""
    blocks, lines = [], text.splitlines()
    i, mark, blank = 0, None, True
    while i < len(lines):
        line = lines[i]
        fence = FENCE.match(line)
        if fence:
            if not mark:
                raise DocumentError(f"{page}:{i + 1}: a block without a mark "
                                    "(tests/docs/blocks.py lists the marks)")
            indent, ticks = fence.groups()
            end = next((n for n in range(i + 1, len(lines))
                        if lines[n].strip() == ticks), None)
            if end is None:
                raise DocumentError(f"{page}:{i + 1}: the block does not end")
            inside = [one.removeprefix(indent) for one in lines[i + 1:end]]
            blocks.append(Block(page, i + 1, mark[1], mark[2], inside))
            i, mark, blank = end + 1, None, False
            continue
        if mark:
            raise DocumentError(f"{page}:{i}: a mark without a block after it")
        mark = MARK.match(line)
        if not mark and re.match(r"\s*<!-- ", line):
            raise DocumentError(f"{page}:{i + 1}: unknown mark")
        if blank and line.startswith("    "):
            raise DocumentError(f"{page}:{i + 1}: an indented block; use a fence and a mark")
        blank = not line.strip()
        i += 1
    if mark:
        raise DocumentError(f"{page}:{len(lines)}: a mark without a block after it")
    for before, block in zip([None, *blocks], blocks):
        if block.kind == "output" and (not before or before.kind not in ("run", "output")):
            raise DocumentError(f"{block}: output that follows no commands")
    return blocks


# ---- what is printed

NUMBER = r"(?:0x[0-9a-fA-F]+|[0-9a-fA-F]*[0-9][0-9a-fA-F]*)(?:[.,][0-9]+)*"


def pattern(line, numbers_vary):
    """A line of a document as a regular expression: `...` is any text, spaces are any spaces."""
    made = ""
    for part in re.split(r"(\.\.\.|\s+|\b" + NUMBER + r"\b)", line.strip()):
        if part == "...":
            made += ".*"
        elif not part.strip():
            made += r"\s+" if part else ""
        elif numbers_vary and re.fullmatch(NUMBER, part):
            made += NUMBER
        else:
            made += re.escape(part)
    return re.compile(rf"(?:\(gdb\) |xenolith> )*\s*{made}\s*$")


def missing(wanted, printed, numbers_vary=False):
    """The first line of the document that was not printed after those before it, or None.

    Lines that the document does not have may be between them.
    """
    lines = iter(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|[\r\0]", "", printed).splitlines())
    for line in wanted:
        if line.strip() in ("", "..."):
            continue
        wants = pattern(line, numbers_vary)
        if not any(wants.match(one) for one in lines):
            return line
    return None
