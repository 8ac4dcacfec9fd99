# SPDX-License-Identifier: ISC
"""A domain that sends events all the time does not take the CPU from the application.

The lab has two processors: with one, dom0 could send events only while the guest sleeps.
"""

import os
import re
import subprocess
import time
from pathlib import Path

from lab import Lab
from lab import build as lab_build

SOURCE = Path(__file__).resolve().parents[2] / "bench/evtchn.c"


def dom0_program():
    out, libraries = lab_build.BUILD / "evtchn", lab_build.UNPACKED / "usr"
    subprocess.run([os.environ.get("HOSTCC", "cc"), "-O2", "-static", "-pthread",
                    "-isystem", libraries / "include", "-o", out, SOURCE,
                    f"-L{libraries / 'lib/x86_64-linux-gnu'}", "-lxenevtchn",
                    "-lxentoollog", "-lxentoolcore"], check=True)
    return out.read_bytes()


def test_storm_leaves_the_application_its_share(lab, image):
    if lab.native:
        weather(lab, image)
        return
    with Lab(pin=True, memory=64) as own:
        weather(own, image)


def weather(lab, image):
    lab.put(dom0_program(), "/tmp/evtchn")
    lab.sh("chmod +x /tmp/evtchn")
    with lab.create(image, args=["9"]) as guest:
        guest.wait_for("port: ")
        port = re.search(r"port: (\d+)", guest.console_text())[1]
        time.sleep(2)
        lab.sh(f"/tmp/evtchn storm {guest.domid} {port} 5")
        result = guest.wait(60)
    said = [[int(n) for n in numbers] for numbers in re.findall(
        r"in (\d+) ms (\d+) rounds, (\d+) events, (\d+) turns", result.console)]
    rate = [(rounds / ms, events) for ms, rounds, events, _ in said]
    calm = sorted(r for r, events in rate if not events)
    worst = min(r for r, events in rate if events) / calm[len(calm) // 2]
    assert worst > 0.02, f"{worst:.4f} of the CPU\n{result.console}"
    assert said[-1][3] - said[0][3] > 10, f"that was not a storm\n{result.console}"
