# SPDX-License-Identifier: ISC
"""Frames of all sizes in both directions; dom0 sees them on the wire."""

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


def packets(lab, image):
    """dom0's end, compiled for it; its path there."""
    binary = image.parent / "packets"
    subprocess.run([os.environ.get("HOSTCC", "cc"), "-O2", "-Wall", "-Wextra", "-static",
                    "-o", binary, HERE / "dom0/packets.c"], check=True)
    lab.put(binary.read_bytes(), "/tmp/packets")
    lab.sh("chmod +x /tmp/packets")
    return "/tmp/packets"


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
            guest.unpause()
        else:
            guest.unpause()
            guest.wait_for("up\r\n")
            other = lab.start(["sh", "-c", words])
        result = guest.wait(timeout)
        other.wait(30)
        complaints = [line for line in lab.sh("dmesg -c").splitlines()
                      if "vif" in line and ("fatal" in line or "alicious" in line or
                                            "nvalid" in line or "disabl" in line and
                                            "disabled state" not in line)]
    said = (other.out + other.err).decode(errors="replace")
    print(result.console, said)
    assert "Test result: SUCCESS" in result.console, said + result.console[-3000:]
    assert not complaints, complaints
    return said


def test_all_sizes_are_sent(lab, image):
    assert "all 65522 frames came" in run(lab, image, "send", "check", 14, 65535)


def test_all_sizes_are_received(lab, image):
    run(lab, image, "receive", "send", 15, 65531)
