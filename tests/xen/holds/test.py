# SPDX-License-Identifier: ISC
"""Nothing holds the monitor for long (kernel/hold.h): here the large things are done.

tests/run judges the longest hold, in a lab whose clock counts instructions.
"""


def test_large_things_are_done_in_steps(lab, image):
    with lab.create(image, memory=128) as guest:
        result = guest.wait(240)
        assert "Test result: SUCCESS" in result.console, result.console[-3000:]
    assert lab.holds, "no hold was measured"
    assert max(lab.holds)[0] > 0
