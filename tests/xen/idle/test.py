# SPDX-License-Identifier: ISC
"""Who sleeps uses no CPU, and guests leave nothing behind: 10, or GUESTS=100."""

import os
import time


def cpu_seconds(lab, guest):
    """Of xl list's last column: a tenth of a second is the finest it knows."""
    return float(lab.sh(f"xl list {guest.domid} | tail -n 1").split()[-1])


def test_ten_sleeping_threads_use_no_cpu(lab, image):
    with lab.create(image) as guest:
        guest.wait_for("idle")
        time.sleep(2)
        before = cpu_seconds(lab, guest)
        time.sleep(10)
        used = cpu_seconds(lab, guest) - before
    assert used < 0.05, f"{used} s of CPU in 10 s"


def state(lab):
    """What guests could leave: domains, memory, xenstore nodes, files, grants of dom0."""
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
