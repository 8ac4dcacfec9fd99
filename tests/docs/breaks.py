# SPDX-License-Identifier: ISC
"""A test of the test: each damage to a block must be found.

A damage changes one word of a document: of a command (its name, an option, a file), a line of a
program, or a line of output.
"""

import random
import re
import shlex
import time

from . import blocks, documents
from .blocks import DocumentError
from .page import Wrong, unavailable

# Words of commands that mean nothing if they are misspelt, apart from options and files.
VARIABLES = r"(APP|DISK|MEMORY|NET|TYPE)="
FILE = r"[\w.-]*[\w-](/[\w.-]+)+|[\w-]+\.[a-z]+"
SUBCOMMANDS = ("make", "./xenolith", "xenolith", "xl", "tools/lab/lab")


def words_of_command(line, begins, names_only):
    """(start, end) of the words of a line of commands that can be damaged.

    names_only: only those that tests/docs/names.py finds, without running the command.
    """
    line = re.sub(r"\s#( .*|$)", "", line)
    first, sub, found = begins, False, []
    for m in re.finditer(r"'[^']*'|\"[^\"]*\"|[^\s'\"]+", line):
        word = m[0]
        if word in ("|", "&&", "||", ";", "&"):
            first = True
            continue
        if first and re.match(r"[\w./-]+$", word) or sub and re.match(r"[a-z-]+$", word) or \
                (re.match("(APP|TYPE)=", word) if names_only else
                 re.match(rf"--[a-z]|{VARIABLES}", word) or re.fullmatch(FILE, word)):
            found.append(m.span())
        sub = first and word in SUBCOMMANDS and not (names_only and word == "xl")
        first = word.endswith(";")
    return found


def words_of_program(line):
    code = re.sub(r"\"(\\.|[^\"\\])*\"|/\*.*?\*/|//.*", lambda m: " " * len(m[0]), line)
    m = re.search(r"[A-Za-z_]\w+", code)
    return [m.span()] if m and not code.lstrip().startswith("*") else []


def places(name, text, with_lab):
    """(line number, start, end) of all words that can be damaged."""
    found = []
    said = None                 # whether the commands before an output are run
    for block in blocks.read(name, text):
        runs = block.kind == "run" and (with_lab or block.value == "host") and \
            not unavailable(block)
        if block.kind == "run":
            said = runs
        if not runs and block.fails:
            continue
        if block.kind == "file" and with_lab:
            number = block.line - 2                 # the mark, with the name of the file
            m = re.search(re.escape(block.value), text.splitlines()[number])
            found.append((number, *m.span()))
        goes_on = False
        for number, line in enumerate(block.lines, block.line):     # counted from 0
            spans, shift = [], len(text.splitlines()[number]) - len(line)
            prompt = blocks.PROMPT.match(line)
            if block.kind == "run" and (prompt or goes_on or not block.is_session()):
                at = prompt.start(2) if prompt else 0
                if not prompt or prompt[1] == ("#" if block.value == "dom0" else "$"):
                    spans = [(a + at, b + at) for a, b in
                             words_of_command(line[at:], not goes_on, not runs)]
                goes_on = line.rstrip().endswith(("\\", "|"))
            elif runs or block.kind == "output" and said:
                m = re.search(r"[A-Za-z]{3,}", line)
                spans = [m.span()] if m and line.strip() != "..." else []
            elif block.kind == "file" and block.value.endswith(".c"):
                spans = words_of_program(line)
            found += [(number, a + shift, b + shift) for a, b in spans]
    return found


def damaged(text, place):
    number, start, end = place
    lines = text.splitlines()
    word = lines[number][start:end]
    at = max((m.end() for m in re.finditer(r"\w", word)), default=len(word))
    broken = word[:at] + "x" + word[at:]
    lines[number] = lines[number][:start] + broken + lines[number][end:]
    return "\n".join(lines) + "\n", broken


def one_of_each_block(where, texts, chance):
    """Of these words one in each block."""
    words = {}
    for name, place in where:
        block = max(b.line for b in blocks.read(name, texts[name]) if b.line - 2 <= place[0])
        words.setdefault((name, block), []).append((name, place))
    return [chance.choice(choice) for choice in words.values()]


def check(tally, texts, lab, number, seed):
    """Damage this many words, chosen by the seed; 0: all; "blocks": one in each block."""
    where = [(name, place) for name, text in texts.items()
             for place in places(name, text, lab is not None)]
    if number == "blocks":
        where = one_of_each_block(where, texts, random.Random(seed))
    elif number:
        where = random.Random(seed).sample(where, min(number, len(where)))
    for name, place in where:
        start = time.monotonic()
        text, broken = damaged(texts[name], place)
        try:
            documents.run(name, text, lab)
            outcome, why = "failed", f"seed {seed}: not found in: {text.splitlines()[place[0]]}"
        except (Wrong, DocumentError):
            outcome, why = "passed", ""
        tally.add(f"docs: {name}:{place[0] + 1} with {shlex.quote(broken)} is wrong",
                  time.monotonic() - start, outcome, why)
