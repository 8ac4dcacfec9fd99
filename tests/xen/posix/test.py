# SPDX-License-Identifier: ISC
"""POSIX functions that programs for other systems call."""


def test_it_is_as_posix_has_it(lab, image):
    result = lab.run_guest(image, memory=16, timeout=60)
    assert "Test result: SUCCESS" in result.console, result.console
    assert "main: warned: No such file or directory" in result.console, result.console
    assert "posix: logged 7%: No such file or directory" in result.console, result.console
    assert "formats: told, Interrupted system call" in result.console, result.console
    assert "not this" not in result.console


def test_a_signal_may_be_the_end(lab, image):
    assert lab.run_guest(image, args=["15"], memory=8, timeout=60).status == 128 + 15
    assert lab.run_guest(image, args=["6"], memory=8, timeout=60).status == 134


def test_protected_memory_cannot_be_accessed(lab, image):
    result = lab.run_guest(image, args=["touch"], memory=8, timeout=60)
    assert result.status == 134 and "write to" in result.console, result.console
