# SPDX-License-Identifier: ISC
"""Computations are correct even if events and Xen interrupt them often.

PREEMPT_SECONDS: duration of each run (default: 5).
"""

import os
import re
from contextlib import contextmanager
from unittest import SkipTest

from lab import Lab

SECONDS = int(os.environ.get("PREEMPT_SECONDS", 5))
AVX = "qemu64,+npt,+nrip-save,+rdrand,+xsave,+avx,+avx2,+xsaveopt"
# dom0 wants the CPU and the FPU too, so that Xen takes both away from the guest.
RIVAL = "while :; do awk 'BEGIN { for (; i < 99999; i++) x += sqrt(i) }'; done"


@contextmanager
def rival(lab):
    command = lab.start(["sh", "-c", RIVAL])
    try:
        yield
    finally:
        command.signal(9)


def compute(lab, image):
    with rival(lab):
        result = lab.run_guest(image, args=[str(SECONDS)], timeout=SECONDS + 60)
    assert "Test result: SUCCESS" in result.console and result.status == 0, result.console
    return result.console


def test_sse_and_x87(lab, image):
    said = compute(lab, image)
    assert re.search(r"^sse: ", said, re.M) and re.search(r"^x87: ", said, re.M), said


def test_avx(lab, image):
    if lab.native:
        said = compute(lab, image)
        assert "avx: " in said or "no AVX here" in said, said
        return
    with Lab(memory=64, cpu=AVX) as own:
        said = compute(own, image)
        if own.type != "pv" and "no AVX here" in said:
            raise SkipTest("QEMU's SVM does not tell Xen that a guest switches AVX on (xsetbv)")
    assert re.search(r"^avx: ", said, re.M), said
