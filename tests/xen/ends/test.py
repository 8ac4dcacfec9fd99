# SPDX-License-Identifier: ISC
"""All ways in which a guest ends: the reason that Xen gets, and the guest's last line."""

import re

from lab import xenolith

END = re.compile(r"^end: (\w+), status (\d+), ran (\d+\.\d+) s, shutdown took (\d+\.\d+) s, reason: "
                 r"(.*?)\r?$", re.M)


def judge(result, reason, status, why, soon=10):
    """Checks the last line, the reason in Xen and the keys in xenstore; and the times."""
    lines = END.findall(result.console)
    assert len(lines) == 1, result.console
    said, number, after, took, words = lines[0]
    assert (result.reason, result.status) == (reason, status), result
    assert (said, int(number)) == (reason, status) and why in words, lines
    assert result.console.rstrip().endswith(words), result.console
    assert float(took) < soon, lines
    return float(after), result


def ends(lab, image, args, cmdline, reason, status, why, soon=10):
    result = lab.run_guest(image, args=args, cmdline=cmdline, timeout=60)
    return judge(result, reason, status, why, soon)


def test_an_application_that_ends(lab, image):
    for how, n in (("return", 3), ("exit", 4), ("thread", 5)):
        ends(lab, image, [how, str(n)], "", "poweroff", n, "the application has ended")
    ends(lab, image, ["return"], "onexit=crash", "crash", 0, "the application has ended")


def test_onpanic_decides_how_a_panic_ends(lab, image):
    for how in ("abort", "fault", "memory"):
        ends(lab, image, [how], "onpanic=poweroff", "poweroff", 134, "panic")
    ends(lab, image, ["abort"], "", "crash", 134, "panic")
    ends(lab, image, ["abort"], "panic=30", "crash", 134, "panic")
    ends(lab, image, ["abort"], "onpanic=nonsense", "poweroff", 2, "onpanic=nonsense: ")


def test_reboot_loops_are_prevented(lab, image):
    for words in ("onexit=reboot", "onpanic=reboot"):
        how = ["return"] if "exit" in words else ["abort"]
        status = 0 if "exit" in words else 134
        ends(lab, image, how, words, "poweroff", status, "")
        ends(lab, image, how, words + " reboot-guard=0", "reboot", status, "")


def test_a_lifetime_ends_it_whatever_it_does(lab, image):
    for how in ("spin", "sleep"):
        after, _ = ends(lab, image, [how], "lifetime=2s", "poweroff", 124, "lifetime")
        assert 2 <= after < 6, after


def test_idle_is_no_work(lab, image):
    after, _ = ends(lab, image, ["sleep"], "idle=1s", "poweroff", 0, "idle")
    assert after < 5, after
    after, result = ends(lab, image, ["work-then-sleep"], "idle=1s", "poweroff", 0, "idle")
    assert "worked" in result.console and after > 2.9, result.console
    after, _ = ends(lab, image, ["spin"], "idle=1s lifetime=4s", "poweroff", 124, "lifetime")


def test_requests_of_the_toolstack(lab, image):
    for what, reason in (("poweroff", "poweroff"), ("reboot", "reboot"), ("halt", "poweroff")):
        with lab.create(image, args=["spin"]) as guest:
            guest.wait_for("begun")
            lab.sh(f"xenstore-write /local/domain/{guest.domid}/control/shutdown {what}")
            judge(guest.wait(30), reason, 143, "requested by")


def test_sigterm_comes_first(lab, image):
    """An application that handles it ends by itself; one that does not end is ended."""
    for what, reason in (("poweroff", "poweroff"), ("reboot", "reboot")):
        with lab.create(image, args=["term", "9"]) as guest:
            guest.wait_for("begun")
            guest.shutdown(what)
            _, result = judge(guest.wait(30), reason, 9, "as requested")
            assert "SIGTERM" in result.console, result.console
    with lab.create(image, args=["stubborn"], cmdline="shutdown-timeout=4s") as guest:
        guest.wait_for("begun")
        guest.shutdown()
        judge(guest.wait(30), "poweroff", 143, "requested by")
    with lab.create(image, args=["stubborn"], cmdline="shutdown-timeout=1h") as guest:
        guest.wait_for("begun")
        guest.shutdown()
        guest.wait_for("SIGTERM")
        guest.shutdown()        # asked again
        judge(guest.wait(30), "poweroff", 143, "requested by")


def test_signals_of_the_operator(lab, image):
    def call(signal):
        return lab.dom0(["xenolith", "signal", "signalled", signal])

    xenolith.install(lab)
    with lab.create(image, args=["term", "7"], name="signalled") as guest:
        guest.wait_for("begun")
        status, said = call("USR1")
        assert status == 0, said
        guest.wait_for("SIGUSR1")
        status, said = call("HUP")
        assert status and "does not handle SIGHUP" in said, said
        status, said = call("KILL")
        assert status and "signal" in said, said
        status, said = call("TERM")
        assert status == 0, said
        judge(guest.wait(30), "poweroff", 7, "the application has ended")


def test_a_hang_is_ended_by_xen(lab, image):
    """Nothing in the guest runs any more that could say a last word, or a status."""
    result = lab.run_guest(image, args=["hang"], cmdline="watchdog=3s", timeout=60)
    assert (result.reason, result.status) == ("watchdog", None), result
    assert "begun" in result.console and not END.search(result.console), result.console
    assert 3 <= result.seconds < 20, result


def test_memory_exhausted(lab, image):
    ends(lab, image, ["careless"], "onoom=poweroff", "poweroff", 137, "memory is exhausted")
    ends(lab, image, ["refused", "4"], "onoom=poweroff", "poweroff", 4, "has ended")
    ends(lab, image, ["careless"], "lifetime=1s onoom=ignore", "poweroff", 124, "lifetime")


def test_onlost_decides_what_a_lost_device_does(lab, image):
    """tests/xen/disk-detach tests that otherwise the application gets the error."""
    with lab.create(image, args=["disk"], disks=["64K"], cmdline="onlost=poweroff") as guest:
        guest.wait_for("has 512")
        lab.sh(f"xl block-detach {guest.domid} xvda")
        judge(guest.wait(60), "poweroff", 129, "lost device/vbd/51712")
