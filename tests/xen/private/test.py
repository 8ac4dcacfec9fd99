# SPDX-License-Identifier: ISC
"""An application may define the private names of the kernel."""


def test_an_application_may_define_every_internal_name(lab, image):
    result = lab.run_guest(image, timeout=120, memory=64)
    assert "Test result: SUCCESS" in result.console, result.console


def test_the_watchdog_is_armed_beside_a_function_of_its_name(lab, image):
    result = lab.run_guest(image, args=["hang"], cmdline="watchdog=2s", timeout=60)
    assert result.reason == "watchdog", (result.reason, result.console)
