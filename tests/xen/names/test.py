# SPDX-License-Identifier: ISC
"""Name lookup with a DNS server in dom0 that sends all kinds of replies: dom0/server.c."""

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


def program(lab, image):
    """The server, compiled for dom0; its path there."""
    binary = image.parent / "server"
    subprocess.run([os.environ.get("HOSTCC", "cc"), "-O2", "-Wall", "-Wextra", "-static",
                    "-o", binary, HERE / "dom0/server.c"], check=True)
    lab.put(binary.read_bytes(), "/tmp/names-server")
    lab.sh("chmod +x /tmp/names-server")
    return "/tmp/names-server"


def test_names_are_found(lab, image):
    path = program(lab, image)
    with lab.create(image, memory=64, net=True, paused=True,
                    cmdline="ip=10.9.0.2/24,gateway=10.9.0.1,dns=10.9.0.1") as guest:
        vif = f"vif{guest.domid}.0"
        lab.sh(f"ip link set {vif} nomaster; ip link set {vif} up;"
               f"ip addr add 10.9.0.1/24 dev {vif};"
               "ip route replace unreachable 10.77.0.0/16; echo 1 > /proc/sys/net/ipv4/ip_forward")
        server = lab.start([path, "10.9.0.1"])
        assert server.until(lambda: b"ready" in server.out, 60)
        guest.unpause()
        result = guest.wait(300)
        server.signal(15)
        server.wait(30)
        said = server.out.decode(errors="replace")
    assert "Test result: SUCCESS" in result.console, said[-3000:] + result.console


def test_a_call_does_not_wait_for_an_address(lab, image):
    with lab.create(image, args=["no-address"], memory=64, net=True, paused=True,
                    cmdline="ip6=off") as guest:
        lab.sh(f"ip link set vif{guest.domid}.0 nomaster")
        guest.unpause()
        result = guest.wait(120)
    assert "Test result: SUCCESS" in result.console, result.console
