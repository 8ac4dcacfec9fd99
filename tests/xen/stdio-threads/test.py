# SPDX-License-Identifier: ISC
"""Lines of eight threads arrive whole and in each thread's order."""


def test_lines_are_whole_and_in_order(lab, image):
    result = lab.run_guest(image, memory=64, timeout=60)
    lines = result.console.replace("\r", "").splitlines()
    for me in range(8):
        mine = [line for line in lines if line.startswith(f"line {me} ")]
        letter = chr(ord("a") + me)
        assert mine == [f"line {me} {i} {letter * (i + 10)}." for i in range(50)], mine
    assert sum(line.startswith("line ") for line in lines) == 400, result.console
    assert "no newline, no flush" in result.console, result.console
    assert (result.reason, result.status) == ("poweroff", 5), result
