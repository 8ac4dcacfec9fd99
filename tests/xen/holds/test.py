# SPDX-License-Identifier: ISC
"""Nothing holds the monitor for long (kernel/hold.h), measured in time that Xen gave the guest.

tests/run judges the guests of all tests; here the large things are done that it might miss.
"""

MOST_MS = 10


def test_large_things_are_done_in_steps(lab, image):
    with lab.create(image, memory=128) as guest:
        result = guest.wait(240)
        assert "Test result: SUCCESS" in result.console, result.console[-3000:]
    assert lab.holds, "no hold was measured"
    ms, functions = max(lab.holds)
    assert 0 < ms <= MOST_MS, f"{ms:.2f} ms in {' < '.join(functions)}"
