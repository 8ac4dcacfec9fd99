# SPDX-License-Identifier: ISC
"""Guests are suspended, saved and restored while they work.

LONG=1: 300 cycles of PV and 60 of PVH with a disk, 300 cancelled suspends of each, and the claims
of in_the_long_form().  A long run continues where the last one ended: build/save-TYPE has the number
of cycles that are done.
"""

import contextlib
import json
import os
import re
import socket
import time
from unittest import SkipTest

from folders import BUILD
from lab import Lab, xenolith

LONG = os.environ.get("LONG") == "1"
CYCLES = {"pv": 300 if LONG else 3, "pvh": 60 if LONG else 1}
CANCELLED = {"pv": 300 if LONG else 60, "pvh": 300 if LONG else 10}
AT_ONCE = 20                    # cycles of one guest, in the long form
FILE = "/tmp/saved-guest"
ADDRESS = "10.0.0.16"
HELLO_MOST = 3 << 20            # bytes in the file of a hello of 32 MB
WAIT = 300
SUMMARY = re.compile(r"save: restored (\d+), cancelled (\d+); (\d+) ticks, (\d+) sums, (\d+) rounds"
                     r"(?:, (\d+), (\d+), (\d+))?")


def in_the_long_form(test):
    """A claim that takes too long for each run, or that has not passed often enough yet."""
    def run(lab, image):
        if not LONG:
            raise SkipTest("LONG=1 runs it")
        test(lab, image)
    return run


def working(lab, image, type, **how):
    guest = lab.create(image, memory=how.pop("memory", 32), type=type, **how)
    guest.wait_for("save: working", WAIT)
    return guest


def end(guest):
    """Ends the guest, which checks itself; returns what it counted."""
    guest.shutdown()
    result = guest.wait(WAIT)
    assert result.reason == "poweroff" and "Test result: SUCCESS" in result.console, \
        result.console[-3000:]
    said = SUMMARY.findall(result.console)[-1]
    counts = [int(n) for n in said if n]
    assert all(counts[2:]), said
    return counts


def ports_and_grants(lab, guest):
    """What would grow if each suspend left some behind."""
    xenolith.install(lab)
    said = json.loads(lab.sh(f"xenolith call {guest.domid} org.xenolith.xen1.Get"))["xen"]
    return said["grants"], len(said["ports"])


def cancel(lab, image, type, **how):
    with working(lab, image, type, **how) as guest:
        guest.suspend()
        before = ports_and_grants(lab, guest)
        times = guest.suspend(CANCELLED[type])
        after = ports_and_grants(lab, guest)
        counts = end(guest)
    assert len(times) == CANCELLED[type] and counts[0] == 0 and counts[1] > 0, counts
    assert before == after, (before, after)


def test_a_cancelled_suspend_changes_nothing(lab, image):
    cancel(lab, image, "pv")


def test_a_cancelled_suspend_of_a_pvh_guest_changes_nothing(lab, image):
    cancel(lab, image, "pvh")


def cycles(lab, image, type, n, **how):
    with working(lab, image, type, **how) as guest:
        for _ in range(n):
            guest.save(FILE)
            guest.restore(FILE)
            lab.sh(f"rm {FILE}")
        counts = end(guest)
    assert counts[0] >= 1 and counts[1] == 0, counts


def all_cycles(lab, image, type):
    done = BUILD / f"save-{type}"
    while LONG and (left := CYCLES[type] - int(done.read_text() if done.exists() else "0")) > 0:
        cycles(lab, image, type, min(left, AT_ONCE), disks=["1M"])
        done.write_text(str(CYCLES[type] - left + min(left, AT_ONCE)))
    if not LONG:
        cycles(lab, image, type, CYCLES[type], disks=["1M"])


def test_a_restored_guest_works_on(lab, image):
    all_cycles(lab, image, "pv")


def test_a_restored_pvh_guest_works_on(lab, image):
    all_cycles(lab, image, "pvh")


@in_the_long_form
def test_an_hvm_guest_is_restored(lab, image):
    """Part of LONG=1 tests/run --type hvm."""
    if lab.type != "hvm":
        raise SkipTest("it needs a device model")
    cycles(lab, image, "hvm", 1)


@in_the_long_form
def test_a_copy_is_saved_while_the_guest_works_on(lab, image):
    with working(lab, image, "pv", disks=["1M"]) as guest:
        guest.save(FILE, "-c")
        assert end(guest)[:2] == [0, 1]
        guest.destroy_domain()
        guest.domid = None
        guest.restore(FILE)
        assert end(guest)[0] == 1
    lab.sh(f"rm {FILE}")


def test_free_memory_is_not_in_the_file(lab, image):
    with lab.create(BUILD / "tests/idle/idle", memory=32, type="pv") as guest:
        time.sleep(1)
        guest.save(FILE)
        size = int(lab.sh(f"stat -c %s {FILE}"))
        guest.restore(FILE)
    lab.sh(f"rm {FILE}")
    assert size <= HELLO_MOST, size


def connect(lab, address):
    """A client in dom0 that has sent a line and got it back, and sends another when it may go on."""
    lab.sh(f"rm -f /tmp/go /tmp/back; (echo one; while [ ! -e /tmp/go ]; do sleep 0.2; done; echo two) |"
           f" socat -t 100 - TCP:{address}:7,retry=100 > /tmp/back 2>&1 &")
    lab.sh("for i in $(seq 500); do grep -q one /tmp/back && break; sleep 0.2; done; grep one /tmp/back")


def goes_on(lab, address):
    """That client, and another one."""
    lab.sh("touch /tmp/go; for i in $(seq 500); do grep -q two /tmp/back && break; sleep 0.2;"
           " done; grep two /tmp/back")
    assert lab.sh(f"echo three | socat -t 100 - TCP:{address}:7,retry=100").strip() == "three"


def server(lab, image, type):
    return working(lab, image, type, args=["serve"], net=True, cmdline=f"ip={ADDRESS}/24")


def test_connections_and_the_network_survive(lab, image):
    with server(lab, image, "pv") as guest:
        connect(lab, ADDRESS)
        guest.save(FILE)
        guest.restore(FILE)
        goes_on(lab, ADDRESS)
        end(guest)
    lab.sh(f"rm {FILE}")


@in_the_long_form
def test_connections_survive_a_live_migration(lab, image):
    """From a host to itself."""
    with server(lab, image, "pvh") as guest:
        connect(lab, ADDRESS)
        guest.migrate()
        goes_on(lab, ADDRESS)
        end(guest)


@contextlib.contextmanager
def joined(wire, address, mac):
    """A lab whose bridge is connected to the one at the other end of the wire."""
    with Lab(memory=256, dom0_memory=768, extra=["net"], wire=wire) as lab:
        lab.sh(f"ip addr flush dev xenbr0; ip link set xenbr0 address {mac}; ip addr add {address}/24"
               " dev xenbr0; ip link set eth1 master xenbr0 up")
        yield lab


@in_the_long_form
def test_connections_survive_a_migration_to_another_host(lab, image):
    """Two labs, whose bridges are one network."""
    if lab.native:
        raise SkipTest("there is one host")
    wires = socket.socketpair()
    with contextlib.ExitStack() as stack:
        here = stack.enter_context(joined(wires[0], "10.0.0.1", "52:54:00:00:00:0a"))
        there = stack.enter_context(joined(wires[1], "10.0.0.14", "52:54:00:00:00:0b"))
        guest = stack.enter_context(server(here, image, "pvh"))
        connect(here, ADDRESS)
        receiver = there.start(["socat", "TCP-LISTEN:4444", "EXEC:xl migrate-receive"])
        here.sh(f"xl migrate -s '' {guest.domid} 'socat - TCP:10.0.0.14:4444,retry=50'", timeout=WAIT)
        assert receiver.wait(WAIT) == 0, bytes(receiver.err)
        assert guest.name in there.sh("xl list") and guest.name not in here.sh("xl list")
        goes_on(here, ADDRESS)
        there.sh(f"xl shutdown -w {guest.name}", timeout=WAIT)
        guest.domid = None


def test_a_request_during_boot_is_done_then(lab, image):
    with lab.create(image, memory=32, type="pv", paused=True) as guest:
        request = lab.start([lab.helper, "suspend", str(guest.domid), "1"])
        time.sleep(1)
        guest.unpause()
        assert request.wait(WAIT) == 0, bytes(request.out)
        guest.wait_for("save: working", WAIT)
        end(guest)


def test_a_guest_that_ends_is_not_suspended(lab, image):
    with working(lab, image, "pv") as guest:
        guest.shutdown()
        guest.wait_for("shutdown: the application has ended", WAIT)
        lab.dom0(f"xenstore-write /local/domain/{guest.domid}/control/shutdown suspend")
        assert guest.wait(WAIT).reason == "poweroff"


def test_a_request_during_a_suspend_is_the_next_one(lab, image):
    with working(lab, image, "pv") as guest:
        lab.sh([lab.helper, "suspend", str(guest.domid), "5", "early"], timeout=WAIT)
        end(guest)


@in_the_long_form
def test_a_disk_that_was_detached_does_not_matter(lab, image):
    with working(lab, image, "pv", args=["no-disk"], disks=["1M"]) as guest:
        lab.sh(f"xl block-detach {guest.domid} xvda")
        guest.suspend(2)
        guest.save(FILE)
        guest.restore(FILE)
        end(guest)
    lab.sh(f"rm {FILE}")


@in_the_long_form
def test_the_endpoint_and_a_profile_go_on(lab, image):
    """In place, the client stays connected; a restored guest has another endpoint."""
    with working(lab, image, "pv") as guest:
        xenolith.install(lab)
        profile = lab.start(["xenolith", "profile", str(guest.domid), "--seconds", "4"])
        guest.suspend(5)
        assert profile.wait(WAIT) == 0, bytes(profile.err)
        guest.save(FILE)
        guest.restore(FILE)
        assert "main" in lab.sh(f"xenolith ps {guest.domid}", timeout=WAIT)
        end(guest)
    lab.sh(f"rm {FILE}")


BACKEND = "/sys/bus/xen-backend/drivers/vbd"


@in_the_long_form
def test_a_backend_that_is_away_does_not_matter(lab, image):
    """The disk is not used, in place and while the guest is saved."""
    with working(lab, image, "pv", args=["no-disk"], disks=["1M"]) as guest:
        vbd = f"vbd-{guest.domid}-51712"
        lab.sh(f"echo {vbd} > {BACKEND}/unbind")
        guest.suspend(2)
        lab.sh(f"echo {vbd} > {BACKEND}/bind")
        guest.suspend(2)
        end(guest)


@in_the_long_form
def test_a_guest_that_a_debugger_has_stopped_is_suspended(lab, image):
    """In place it stays stopped; a restored guest works on without the debugger."""
    with working(lab, image, "pv", cmdline="gdb=on") as guest:
        xenolith.install(lab)
        gdb = lab.start(["xenolith", "gdb", str(guest.domid)])
        gdb.write(b"+$?#3f")
        gdb.until(lambda: b"$T" in gdb.out, WAIT)
        guest.suspend(2)
        seen = len(gdb.out)
        gdb.write(b"+$g#67")
        gdb.until(lambda: len(gdb.out) > seen + 200, WAIT)
        guest.save(FILE)
        guest.restore(FILE)
        gdb.wait(WAIT)
        end(guest)
    lab.sh(f"rm {FILE}")
