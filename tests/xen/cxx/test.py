# SPDX-License-Identifier: ISC
"""C++ on a guest: the claims of main.cc, and what an exception that nothing catches does."""


def test_what_libstdcxx_needs(lab, image):
    result = lab.run_guest(image, timeout=120, memory=64)
    assert "Test result: SUCCESS" in result.console and result.status == 0, result.console[-2000:]


def test_an_exception_that_nothing_catches_is_told(lab, image):
    result = lab.run_guest(image, args=["nobody catches this"], timeout=60, memory=64)
    assert "terminate called after throwing an instance of 'std::runtime_error'" in result.console and \
        "what():  nobody catches this" in result.console and result.status == 134, result.console[-2000:]
