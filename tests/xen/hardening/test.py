# SPDX-License-Identifier: ISC
"""Each violation of the table in docs/security.md ends as the table says, for each guest type."""

import re
from pathlib import Path
from unittest import SkipTest

PAGE = Path(__file__).resolve().parents[3] / "docs/security.md"
ROW = re.compile(r"^\| `(\w+)` \|.*\|$", re.M)


def result_of(cell, type):
    """A cell is `report`, or `report; pv, unix: refused` with exceptions of some guest types."""
    usual, *exceptions = cell.split("; ")
    for exception in exceptions:
        types, result = exception.split(": ")
        if type in types.split(", "):
            return result
    return usual


def table(type):
    """What the page says about each row for guests of this type: report, refused or fell."""
    rows = {}
    section = PAGE.read_text().split("\n## Violations that are tried\n")[1].split("\n## ")[0]
    for m in ROW.finditer(section):
        cells = [cell.strip() for cell in m[0].strip("|").split("|")]
        rows[m[1]] = result_of(cells[2], type)
        assert rows[m[1]] != "fell" or cells[-1], f"{m[1]}: the page has no reason"
    return rows


def test_each_violation_ends_as_the_page_says(lab, image):
    result = lab.run_guest(image, memory=32, timeout=120)
    console = result.console.replace("\r", "")
    assert result.status == 0 and "all rows were tried" in console, console[-3000:]
    found = {name: how.strip() or word
             for word, name, how in re.findall(r"^(held|fell) (\w+)(.*)$", console, re.M)}
    said = table(lab.type)
    wrong = [f"{name}: {found.get(name)}, and the page says {said.get(name)}"
             for name in sorted({*found, *said}) if found.get(name) != said.get(name)]
    assert not wrong, "\n".join(wrong)


def test_two_mib_that_nobody_owns_are_unmapped(lab, image):
    """The builders of PV guests and processes map the 2 MiB behind the image's: the guest drops their table."""
    if lab.type not in ("pv", "unix"):
        raise SkipTest("a guest of this type makes its own tables")
    # With 720 MB the tender's list of frames nearly fills the image's 2 MiB.
    result = lab.run_guest(image, args=["next"], memory=720 if lab.type == "unix" else 32, timeout=60)
    assert "page fault" in result.console and "fell" not in result.console, result.console[-3000:]
