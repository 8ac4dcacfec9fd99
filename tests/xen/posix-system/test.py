# SPDX-License-Identifier: ISC
"""Functions of the system that programs for Linux call."""


def test_it_is_as_programs_for_linux_expect(lab, image):
    result = lab.run_guest(image, memory=16, timeout=60, cmdline="env.LINES=33")
    assert "Test result: SUCCESS" in result.console, result.console
