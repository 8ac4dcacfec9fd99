# SPDX-License-Identifier: ISC
"""No call reports success for something it does not do: compared with Linux in dom0."""

import os
import re
import subprocess
from pathlib import Path

from lab import build as lab_build

# Calls that succeed here and not on Linux, and the reasons.
OTHERWISE = {
    # It runs as CLOCK_MONOTONIC does, and the call sleeps by it.
    "clock_nanosleep 4",
}
# Of buffers the least size is another one.
SIZES = re.compile(r"getsockopt \w+ SOL_SOCKET [78] when set is \d+")


def lines(text):
    """Yields each success of the output: the call and its result."""
    said = [line[2:].rstrip() for line in text.splitlines() if line.startswith("+ ")]
    assert f"done {len(said)}" in text, text[-2000:]
    return set(said)


def is_off(line, reference):
    """An option that cannot be set here, and is said to be off."""
    m = re.fullmatch(r"get(sockopt \w+ \w+ \d+) is 0", line)
    return m and f"set{m[1]}" in reference


def linux(lab):
    """The same program, in dom0: built for it, statically."""
    binary = lab_build.BUILD / "refusals-linux"
    subprocess.run([os.environ.get("HOSTCC", "cc"), "-O1", "-static", "-w", "-o", binary,
                    Path(__file__).parent / "main.c"], check=True, capture_output=True)
    lab.put(binary.read_bytes(), "/tmp/refusals")
    status, output = lab.dom0("chmod +x /tmp/refusals && ip link set lo up && /tmp/refusals",
                              timeout=120)
    assert status == 0, output[-2000:]
    return lines(output)


def test_calls_that_succeed_do_so_on_linux(lab, image):
    reference = linux(lab)
    with lab.create(image, memory=64) as guest:
        result = guest.wait(120)
    assert (result.reason, result.status) == ("poweroff", 0), result.console[-2000:]
    ours = lines(result.console)
    wrong = sorted(line for line in ours - reference - OTHERWISE
                   if not is_off(line, reference) and not SIZES.fullmatch(line))
    print(f"      {len(ours)} succeed, of Linux's {len(reference)}; {len(wrong)} otherwise")
    assert not wrong, "\n".join(wrong)
    assert len(ours) > 300, len(ours)
