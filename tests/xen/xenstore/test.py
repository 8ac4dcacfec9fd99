# SPDX-License-Identifier: ISC
"""The client with the real xenstored: main.c, and cases that only dom0 can set up."""


def test_threads_and_events(lab, image):
    result = lab.run_guest(image, timeout=240, memory=64)
    assert "Test result: SUCCESS" in result.console, result.console
    assert (result.reason, result.status) == ("poweroff", 0), result


def test_directory_of_many_messages(lab, image):
    nodes = " ".join(f"/xenolith-test/{i:03}-{0:060} ''" for i in range(200))
    lab.sh(f"xenstore-write {nodes} && xenstore-chmod /xenolith-test r0")
    try:
        result = lab.run_guest(image, args=["/xenolith-test"], timeout=60, memory=64)
    finally:
        lab.sh("xenstore-rm /xenolith-test")
    assert "Test result: SUCCESS" in result.console, result.console
