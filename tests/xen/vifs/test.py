# SPDX-License-Identifier: ISC
"""vifs that are attached late, several vifs, and vifs that return with other MAC addresses,
with Linux's netback."""

import re
import time

WORDS = ("ip=10.0.0.99/24,gateway=10.0.0.1 ip6=off "
         "vif2.ip=10.32.0.2/32,gateway=10.32.0.1 "
         "vif2.ip6=2001:db8:33::2/80,gateway=2001:db8:33::1")
# Keys that an earlier frontend left, as firmware and boot loaders do; netback would use them.
OLD = {"event-channel": 77, "multi-queue-num-queues": 2, "queue-0/tx-ring-ref": 5,
       "queue-0/event-channel-tx": 78, "feature-gso-tcpv6-prefix": 1}
MAC = "00:16:3e:32:00:0{}"


def attach(lab, guest, number, mac):
    lab.sh(f"xl network-attach {guest.domid} mac={mac} bridge=vifs{number}")


class Caller:
    """Lets the guest connect to dom0's addresses."""

    def __init__(self, guest):
        self.guest, self.calls = guest, 0

    def call(self, host):
        self.calls += 1
        self.guest.send(f"{host} 5000\n")
        self.guest.wait_for(f", end {self.calls}\r", 60)
        return re.search(rf"^call {self.calls}: (.*), end", self.guest.console_text(), re.M)[1]

    def comes_from(self, host, start=""):
        """The guest's address, which starts so; it may take until the vif has one."""
        for i in range(60):
            said = self.call(host)
            if said.startswith("from " + start):
                return said[5:]
            time.sleep(0.5)
        raise AssertionError(f"{host}: {said}\n{self.guest.console_text()}")


def echoes(lab, *addresses):
    for a in addresses:
        host = f"[{a}]" if ":" in a else a
        for kind in ("TCP", "UDP"):
            lab.sh(f"for i in $(seq 40); do [ \"$(echo hello | socat -t 2 - {kind}:{host}:7)\" ="
                   " hello ] && exit; sleep 0.2; done; exit 1", timeout=60)


def link_local(mac):
    b = [int(x, 16) for x in mac.split(":")]
    return f"fe80::{b[0] ^ 2:x}{b[1]:02x}:{b[2]:x}ff:fe{b[3]:02x}:{b[4]:x}{b[5]:02x}"


def answers(lab, address, bridge):
    status, said = lab.dom0(f"ping -6 -c 1 -W 3 {address}%{bridge}", 30)
    return status == 0


BRIDGES = """set -e
echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter  # packets of the wrong vif are dropped
for i in 1 2; do
	ip link add vifs$i type bridge
	ip link set vifs$i up
	ip addr add 10.3$i.0.1/24 dev vifs$i
done
ip addr add 2001:db8:33::1/80 dev vifs2 nodad
ip addr add 2001:db8:33:0:1::9/128 dev lo
echo 1 > /proc/sys/net/ipv6/conf/all/forwarding"""
UNDO = """ip addr del 2001:db8:33:0:1::9/128 dev lo; ip link del vifs1; ip link del vifs2
echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter
echo 0 > /proc/sys/net/ipv6/conf/all/forwarding"""
DHCP = """dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --port=0 --interface=vifs1
--bind-interfaces --dhcp-range=10.31.0.50,10.31.0.99,1h --dhcp-authoritative
--dhcp-leasefile=/tmp/vifs-leases"""


def test_vifs_that_come_late_several_and_other_devices(lab, image):
    lab.sh(BRIDGES)
    server = lab.start(["socat", "TCP6-LISTEN:5000,fork,reuseaddr,ipv6only=0", "PIPE"])
    dhcp = lab.start(DHCP.split())
    try:
        with lab.create(image, memory=64, net=True, paused=True, cmdline=WORDS) as guest:
            node = f"/local/domain/{guest.domid}/device/vif/0"
            lab.sh(";".join(f"xenstore-write {node}/{key} {n}" for key, n in OLD.items()))
            guest.unpause()
            guest.wait_for("serving")
            come = Caller(guest)
            assert come.comes_from("10.0.0.1") == "10.0.0.99"
            left = lab.sh(f"xenstore-ls -f {node}")
            assert not any(f"{node}/{key} =" in left for key in OLD), left

            attach(lab, guest, 1, MAC.format(1))
            attach(lab, guest, 2, MAC.format(2))
            # Until vif 2 is connected, vif 0's gateway reaches it too.
            assert come.comes_from("10.32.0.1", "10.32.0.") == "10.32.0.2"
            assert come.comes_from("2001:db8:33::1") == "2001:db8:33::2"
            assert come.comes_from("2001:db8:33:0:1::9") == "2001:db8:33::2"
            first = come.comes_from("10.31.0.1", "10.31.0.")
            assert come.comes_from("10.0.0.1") == "10.0.0.99"
            echoes(lab, "10.0.0.99", first, "10.32.0.2", "2001:db8:33::2")
            assert answers(lab, link_local(MAC.format(1)), "vifs1")

            lab.sh(f"xl network-detach {guest.domid} 1")
            assert come.comes_from("10.0.0.1") == "10.0.0.99"
            attach(lab, guest, 1, MAC.format(3))
            second = come.comes_from("10.31.0.1", "10.31.0.")
            assert second != first
            echoes(lab, second, "10.32.0.2")
            assert answers(lab, link_local(MAC.format(3)), "vifs1")
            assert not answers(lab, link_local(MAC.format(1)), "vifs1")
    finally:
        for started in (server, dhcp):
            started.signal(15)
            started.wait(10)
        lab.sh(UNDO)
