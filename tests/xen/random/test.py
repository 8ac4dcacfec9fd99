# SPDX-License-Identifier: ISC
"""getrandom() and its relatives, on processors with and without RDRAND."""

from unittest import SkipTest

from lab import Lab

PLAIN = "qemu64,+npt,+nrip-save"
SEED = "0123456789abcdef0123456789abcdef"


def run(lab, image, **how):
    result = lab.run_guest(image, timeout=120, memory=32, **how)
    assert "Test result: SUCCESS" in result.console, result.console
    return result.console


def test_rdrand_seeds_the_generator(lab, image):
    said = run(lab, image)
    assert "\nrandom numbers" in said or lab.native, said


def test_without_rdrand_a_seed_is_needed(lab, image):
    if lab.native:
        raise SkipTest("the processor is what it is")
    with Lab(memory=256, cpu=PLAIN) as own:
        said = run(own, image)
        assert "\nno random numbers" in said and "has no RDRAND" in said, said
        result = own.run_guest(image, cmdline="seed=tooshort", timeout=60)
        assert result.status == 2 and "a seed has at least 32" in result.console, result
        first = run(own, image, cmdline=f"seed={SEED}")
        assert "\nrandom numbers" in first, first
        second = run(own, image, cmdline=f"seed={SEED}")
        words = [text.split("\n") for text in (first, second)]
        lines = [[w for w in t if len(w.strip()) == 16] for t in words]
        assert lines[0] and lines[0] != lines[1], (first, second)
