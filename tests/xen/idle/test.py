# SPDX-License-Identifier: ISC
"""A sleeping guest uses no CPU time, and guests leave nothing behind: 10, or GUESTS=100."""

import os
import time


def test_ten_sleeping_threads_use_no_cpu(lab, image):
    """Least of three windows: Xen counts the time that the host takes from the emulator."""
    with lab.create(image) as guest:
        guest.wait_for("idle")
        time.sleep(2)
        windows = []
        while len(windows) < 3 and min(windows, default=1) >= 0.02:
            before = guest.cpu_seconds()
            time.sleep(10)
            windows.append(guest.cpu_seconds() - before)
    print("      " + ", ".join(f"{used * 1000:.1f} ms" for used in windows) + " of CPU in 10 s")
    assert before > 0 and min(windows) < 0.02, windows


def state(lab):
    """Possible leaks of guests: domains, memory, xenstore nodes, files, grants of dom0."""
    return {
        "domains": lab.sh("xl list | wc -l"),
        "nodes": lab.sh("xenstore-ls -f | wc -l"),
        "files": lab.sh("ls /tmp /var/run/xen | wc -l"),
        "loops": lab.sh("losetup -a | wc -l"),
    }


def free_memory(lab):
    return int(lab.sh("xl info free_memory"))


def test_many_guests(lab, image):
    hello = image.parent.parent.parent / "hello" / "hello"
    assert lab.run_guest(hello, memory=8, timeout=60).status == 0
    before, memory = state(lab), free_memory(lab)
    for i in range(int(os.environ.get("GUESTS", 10))):
        result = lab.run_guest(hello, memory=8, timeout=60)
        assert (result.reason, result.status) == ("poweroff", 0), (i, result)
    after = state(lab)
    assert after == before, (before, after)
    assert abs(free_memory(lab) - memory) <= 2
