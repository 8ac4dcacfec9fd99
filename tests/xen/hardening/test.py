# SPDX-License-Identifier: ISC
"""Each violation of the table in docs/security.md ends as the table says, in a process."""

import re
from pathlib import Path
from unittest import SkipTest

PAGE = Path(__file__).resolve().parents[3] / "docs/security.md"
ROW = re.compile(r"^\| `(\w+)` \|.*\|$", re.M)


def table():
    """What the page says about each row: report, refused or fell."""
    rows = {}
    section = PAGE.read_text().split("\n## Violations that are tried\n")[1].split("\n## ")[0]
    for m in ROW.finditer(section):
        cells = [cell.strip() for cell in m[0].strip("|").split("|")]
        rows[m[1]] = cells[2]
        assert rows[m[1]] != "fell" or cells[-1], f"{m[1]}: the page has no reason"
    return rows


def test_each_violation_ends_as_the_page_says(lab, image):
    if lab.type != "unix":
        raise SkipTest("docs/security.md has the results of processes only")
    result = lab.run_guest(image, memory=32, timeout=120)
    console = result.console.replace("\r", "")
    assert result.status == 0 and "all rows were tried" in console, console[-3000:]
    found = {name: how.strip() or word
             for word, name, how in re.findall(r"^(held|fell) (\w+)(.*)$", console, re.M)}
    said = table()
    wrong = [f"{name}: {found.get(name)}, and the page says {said.get(name)}"
             for name in sorted({*found, *said}) if found.get(name) != said.get(name)]
    assert not wrong, "\n".join(wrong)
