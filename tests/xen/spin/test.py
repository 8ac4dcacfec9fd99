# SPDX-License-Identifier: ISC
"""A guest that never yields the CPU can still be shut down, queried and ended."""

import time


def shut_down(lab, image, word):
    """Checks the way and the time of the end after xl shutdown, and the last line."""
    with lab.create(image) as guest:
        guest.wait_for("spinning")
        time.sleep(1)  # past boot: xenstore is watched
        start = time.monotonic()
        guest.shutdown(word)
        result = guest.wait(20)
        return result.reason, time.monotonic() - start, result.console


def test_shutdown_of_a_spinning_application(lab, image):
    for word in ("poweroff", "reboot"):
        for _ in range(3):  # most of it is xl's own start, and the machine may be busy
            reason, took, console = shut_down(lab, image, word)
            assert reason == word, (reason, console)
            if took < 2:
                break
        assert took < 2, f"{took:.1f} s\n{console}"


def test_nmi_names_the_spinning_function(lab, image):
    for mode in ([], ["masked"]):
        with lab.create(image, args=mode) as guest:
            guest.wait_for("spinning")
            lab.sh(f"xl trigger {guest.domid} nmi")
            guest.wait_for("spin_for_ever+0x", 10)
            guest.wait_for("ports:", 10)
            text = guest.console_text()
        assert "thread main is at" in text and "xenstore" in text, text


def test_watchdog_ends_a_hang_with_events_masked(lab, image):
    result = lab.run_guest(image, args=["masked"], cmdline="watchdog=2s", timeout=30)
    assert result.reason == "watchdog", (result.reason, result.console)


def test_watchdog_leaves_a_spinning_application_alone(lab, image):
    result = lab.run_guest(image, cmdline="watchdog=2s", timeout=8)
    assert result.reason == "timeout", (result.reason, result.console)


def test_sysrq_shows_threads(lab, image):
    with lab.create(image) as guest:
        guest.wait_for("spinning")
        time.sleep(1)
        lab.sh(f"xl sysrq {guest.domid} t")
        guest.wait_for("main", 10)
        guest.wait_for("control", 10)
