# SPDX-License-Identifier: ISC
"""Large operations do not hold the monitor for long (kernel/hold.h).

tests/run checks the longest hold, in a lab whose clock counts instructions.
"""


def test_large_things_are_done_in_steps(lab, image):
    with lab.create(image, memory=128) as guest:
        result = guest.wait(240)
        assert "Test result: SUCCESS" in result.console, result.console[-3000:]
    assert lab.holds, "no hold was measured"
    assert max(lab.holds)[0] > 0
