# SPDX-License-Identifier: ISC
"""Frames of all sizes in both directions; dom0 checks them on the vif.

NETFRAME_LONG=1: all sizes (default: the smaller ones, and those near the largest).
"""

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
RANGES = [(14, 65535)] if os.environ.get("NETFRAME_LONG") else [(14, 6000), (64000, 65535)]


def packets(lab, image):
    """dom0's end, compiled for it; its path there."""
    binary = image.parent / "packets"
    subprocess.run([os.environ.get("HOSTCC", "cc"), "-O2", "-Wall", "-Wextra", "-static",
                    "-o", binary, HERE / "dom0/packets.c"], check=True)
    lab.put(binary.read_bytes(), "/tmp/packets")
    lab.sh("chmod +x /tmp/packets")
    return "/tmp/packets"


def complaints(lab):
    """Of netback, since the kernel's log was emptied."""
    return [line for line in lab.sh("dmesg -c").splitlines()
            if "vif" in line and any(word in line for word in (
                "fatal", "alicious", "nvalid", "exceeds", "Missing", "Cross", "Impossible"))]


def run(lab, image, guest_word, dom0_word, least, most, timeout=300):
    program = packets(lab, image)
    lab.sh("dmesg -c > /dev/null")
    with lab.create(image, args=[guest_word, str(least), str(most)], memory=64, net=True,
                    paused=True) as guest:
        vif = f"vif{guest.domid}.0"
        lab.sh(f"ip link set {vif} nomaster mtu 65517")
        words = f"{program} {dom0_word} {vif} {least} {most}"
        if dom0_word == "check":
            other = lab.start(["sh", "-c", words])
            assert other.until(lambda: b"listening" in other.err, 60)
            guest.unpause()
        else:
            guest.unpause()
            guest.wait_for("up\r\n")
            other = lab.start(["sh", "-c", words])
        result = guest.wait(timeout)
        other.wait(30)
        wrong = complaints(lab)
    said = (other.out + other.err).decode(errors="replace")
    assert "Test result: SUCCESS" in result.console, said + result.console[-3000:]
    assert not wrong, wrong
    return said


def test_all_sizes_are_sent(lab, image):
    for least, most in RANGES:
        said = run(lab, image, "send", "check", least, most)
        assert f"all {most - least + 1} frames came" in said, said


def test_all_sizes_are_received(lab, image):
    for least, most in RANGES:
        run(lab, image, "receive", "send", least + 1, most - 4)


def test_detached_and_attached_under_load(lab, image, rounds=2):
    lab.sh("dmesg -c > /dev/null")
    with lab.create(image, args=["leave", str(rounds), "0"], memory=64, net=True) as guest:
        for i in range(rounds):
            guest.wait_for(f"round {i}: up")
            lab.sh(f"sleep 0.5; xl network-detach {guest.domid} 0")
            guest.wait_for(f"round {i}: over")
            lab.sh(f"xl network-attach {guest.domid} bridge=xenbr0 mac={guest.mac}")
        result = guest.wait(120)
        wrong = complaints(lab)
    assert "Test result: SUCCESS" in result.console, result.console[-3000:]
    assert not wrong, wrong


def test_the_cost_of_a_frame(lab, image, frames=3000):
    with lab.create(image, args=["cost", str(frames), "0"], memory=64, net=True) as guest:
        result = guest.wait(120)
    assert "Test result: SUCCESS" in result.console, result.console[-3000:]
    print(*[line for line in result.console.splitlines() if "ns each" in line], sep="\n")
