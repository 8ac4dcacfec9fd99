# SPDX-License-Identifier: ISC
"""The help of xenolith(1), read from usage.h, so that it needs no built command."""

import ast
import re
from pathlib import Path

HEADER = Path(__file__).with_name("usage.h")
STRING = r'"(?:[^"\\]|\\.)*"'


def strings(text):
    """The strings of C in text, joined as the compiler joins them."""
    return "".join(ast.literal_eval(s) for s in re.findall(STRING, text))


def text(name):
    """The text of USAGE_name."""
    source = HEADER.read_text()
    return strings(re.search(rf"#define USAGE_{name} \\\n((?:.*\\\n)*.*\n)", source)[1])


def commands():
    """{name: (usage, says)}"""
    found = re.findall(rf'COMMAND\("(\w+)", \w+, \d, ({STRING}),\s*\\?\s*({STRING})\)',
                       HEADER.read_text())
    return {name: (strings(usage), strings(says)) for name, usage, says in found}


def options():
    """{option of `run`: whether it takes a value}"""
    found = re.findall(r"^  (--?\w+)( |\[?=)?(\S*)", text("RUN"), re.M)
    return {name: bool(value) and blank == " " for name, blank, value in found}


def line(usage, says):
    return f"  {usage:<22} {says}\n"


def of(words):
    """The help that these words ask for, as xenolith.c prints it."""
    named = [w for w in words if not w.startswith("-")]
    named = named[1:] if named[:1] == ["help"] else named
    if named[:1] == ["run"]:
        return text("RUN")
    if named[:1] == ["pool"]:
        return text("POOL")
    known = commands()
    if named and named[0] in known:
        usage, says = known[named[0]]
        return f"usage: xenolith {usage}\n{line('', says)}"
    return text("HEAD") + "".join(line(*c) for c in known.values()) + text("TAIL")
