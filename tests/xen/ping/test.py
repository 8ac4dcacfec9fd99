# SPDX-License-Identifier: ISC
"""Addresses from the command line, DHCP and router advertisements, and replies to ping."""

import re
from contextlib import contextmanager


@contextmanager
def alone(lab, image, cmdline="", dom0=("10.9.0.1/24",), dnsmasq=None):
    """A guest whose vif is a network of its own; dnsmasq: its words, to serve it."""
    log = "/tmp/dnsmasq.log"
    with lab.create(image, memory=32, net=True, cmdline=cmdline, paused=True) as guest:
        vif = f"vif{guest.domid}.0"
        lab.sh(f"ip link set {vif} nomaster; ip link set {vif} up; dmesg -c > /dev/null;"
               f"rm -f {log} /tmp/leases; sysctl -qw net.ipv6.conf.{vif}.accept_dad=0 || true")
        for address in dom0:
            lab.sh(f"ip addr add {address} dev {vif}")
        server = None
        if dnsmasq:
            server = lab.start(["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
                                "--user=root", "--no-resolv", "--no-hosts", f"--interface={vif}",
                                "--bind-interfaces", "--log-dhcp", f"--log-facility={log}",
                                "--dhcp-leasefile=/tmp/leases", *dnsmasq])
        try:
            guest.unpause()
            yield guest, vif, lambda: lab.sh(f"cat {log} 2> /dev/null || true")
        finally:
            if server:
                server.signal(15)
                server.wait(10)
                print(lab.sh(f"cat {log} 2> /dev/null || true"))
            print(guest.console_text())
        dmesg = lab.sh("dmesg")
        assert not re.search(r"vif.*(fatal|alicious|nvalid)", dmesg), dmesg


def ping(lab, words, received):
    status, said = lab.dom0(f"ping {words}", timeout=120)
    said = said.decode() if isinstance(said, bytes) else said
    assert f" {received} received" in said and status == 0, said
    return said


def test_a_static_address_answers(lab, image):
    with alone(lab, image, "ip=10.9.0.2/24,gateway=10.9.0.1 ip6=off") as (guest, vif, _):
        guest.wait_for("The network is up.")
        assert "vif0: 10.9.0.2/24, gateway 10.9.0.1" in guest.console_text()
        ping(lab, "-c 3 -i 0.2 10.9.0.2", 3)
        ping(lab, "-c 3 -i 0.2 -s 65000 10.9.0.2", 3)
        ping(lab, "-c 1 -s 65507 10.9.0.2", 1)
        for size in (0, 1, 17, 18, 1471, 1472, 1473, 2952, 4096, 30001):
            ping(lab, f"-c 1 -s {size} 10.9.0.2", 1)
        print(ping(lab, "-q -f -c 3000 10.9.0.2", 3000).splitlines()[-1])
        guest.shutdown("poweroff")
        assert guest.wait(120).reason == "poweroff"


def test_dhcp_by_dnsmasq(lab, image):
    words = ["--dhcp-range=10.9.0.50,10.9.0.60,2m", "--dhcp-option-force=26,1400",
             "--port=0"]
    with alone(lab, image, "ip6=off hostname=seven", dnsmasq=words) as (guest, vif, log):
        guest.wait_for("by DHCP")
        address = re.search(r"vif0: ([\d.]+)/24, gateway 10.9.0.1, by DHCP",
                            guest.console_text())[1]
        ping(lab, f"-c 2 -i 0.2 {address}", 2)
        assert "client provides name: seven" in log(), log()
        assert re.search(r"requested options:.*\n?.*26:mtu", log()), log()
        # Fragments show the MTU.
        fragments = lab.start(["tcpdump", "-Z", "root", "-n", "-v", "-i", vif, "-c", "3",
                               f"icmp and src {address}"])
        assert fragments.until(lambda: b"listening on" in fragments.err, 60)
        ping(lab, f"-c 1 -s 3000 {address}", 1)
        assert fragments.wait(60) == 0, fragments.err
        lengths = [int(n) for n in re.findall(rb"length (\d+)\)", fragments.out)]
        assert len(lengths) == 3 and max(lengths) <= 1400, fragments.out
        lab.sh(f"for i in $(seq 140); do [ $(grep -c DHCPACK /tmp/dnsmasq.log) -lt 2 ] || exit 0;"
               "sleep 1; done; exit 1")


def test_an_address_in_use_is_declined(lab, image):
    """dom0 has 10.9.0.53, the address that dnsmasq would choose for the first guest's MAC."""
    words = ["--dhcp-range=10.9.0.50,10.9.0.60,2m", "--port=0", "--no-ping", "--dhcp-broadcast"]
    with alone(lab, image, "ip6=off", ("10.9.0.1/24", "10.9.0.53/32"), words) as (guest, _, log):
        guest.wait_for("by DHCP")
        assert re.search(r"DHCPDECLINE\(\S+\) 10.9.0.53", log()), log()
        assert "vif0: 10.9.0.53/" not in guest.console_text()


def test_an_address_by_a_router(lab, image):
    words = ["--enable-ra", "--dhcp-range=fd09::,ra-only,64", "--port=0"]
    with alone(lab, image, "ip=off", ("fd09::1/64",), words) as (guest, vif, log):
        guest.wait_for("vif0: fd09:")
        address = re.search(r"vif0: (fd09:\S+)", guest.console_text())[1]
        ping(lab, f"-6 -c 3 -i 0.2 {address}", 3)
        ping(lab, f"-6 -c 3 -i 0.2 -s 65000 {address}", 3)
        local = re.search(r"vif0: (fe80:\S+)", guest.console_text())[1]
        ping(lab, f"-6 -c 3 -i 0.2 {local}%{vif}", 3)
