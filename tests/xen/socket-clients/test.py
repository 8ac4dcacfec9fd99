# SPDX-License-Identifier: ISC
"""Sockets, with programs in dom0 as peers."""

import re
from contextlib import contextmanager

SIZE = 20000 * 8


@contextmanager
def alone(lab, image, args=()):
    """A guest at 10.9.0.2, whose vif is a network of its own."""
    with lab.create(image, args=args, memory=64, net=True, paused=True,
                    cmdline="ip=10.9.0.2/24,gateway=10.9.0.1,dns=10.9.0.1") as guest:
        vif = f"vif{guest.domid}.0"
        lab.sh(f"ip link set {vif} nomaster; ip link set {vif} up;"
               f"ip addr add 10.9.0.1/24 dev {vif}; dmesg -c > /dev/null")
        try:
            yield guest, vif
        finally:
            print(guest.console_text())
        dmesg = lab.sh("dmesg")
        assert not re.search(r"vif.*(fatal|alicious|nvalid)", dmesg), dmesg


def listening(lab, what, port):
    """Waits until a program in dom0 listens; what: tcp or udp."""
    lab.sh(f"for i in $(seq 600); do netstat -ln | grep -q '^{what}.*:{port} ' && exit;"
           " sleep 0.1; done; exit 1")


def test_clients_get_what_they_ask_for(lab, image):
    with alone(lab, image) as (guest, _):
        guest.unpause()
        guest.wait_for("serving")
        lab.sh("head -c 2000000 /dev/urandom > /tmp/r; nc 10.9.0.2 7 < /tmp/r > /tmp/e;"
               "cmp /tmp/r /tmp/e", timeout=120)
        got = lab.sh("curl -sS --max-time 20 http://10.9.0.2/ http://10.9.0.2/ | wc -c")
        assert int(got) == 2 * SIZE, got
        said = lab.sh("wrk -t2 -c100 -d5 --timeout 8s http://10.9.0.2/", timeout=120)
        print(said)
        assert "Socket errors" not in said and int(re.search(r"(\d+) requests", said)[1]) > 50
        said = lab.sh("ab -r -n 1000 -c 50 http://10.9.0.2/", timeout=120)
        print(said)
        assert re.search(r"Failed requests: +0\b", said), said
        assert re.search(r"Complete requests: +1000\b", said), said
        guest.shutdown("poweroff")
        result = guest.wait(300)
        assert result.reason == "poweroff", result


def test_servers_are_reached_by_name(lab, image):
    with alone(lab, image, ["call", "server.test", "5000"]) as (guest, vif):
        dns = lab.start(["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
                         "--user=root", "--no-resolv", "--no-hosts", f"--interface={vif}",
                         "--bind-interfaces", "--address=/server.test/10.9.0.1",
                         "--local=/test/"])
        server = lab.start(["nc", "-l", "-p", "5000", "-e", "cat"])
        listening(lab, "udp", 53)
        listening(lab, "tcp", 5000)
        guest.unpause()
        result = guest.wait(120)
        dns.signal(15)
        dns.wait(10)
        server.wait(10)
        assert "Test result: SUCCESS" in result.console, result.console


def test_groups_are_left_by_sockets_that_are_closed(lab, image):
    with alone(lab, image, ["groups"]) as (guest, _):
        guest.unpause()
        result = guest.wait(60)
        assert "Test result: SUCCESS" in result.console, result.console


def test_shutdown_ends_connect(lab, image):
    with alone(lab, image, ["ended"]) as (guest, _):
        guest.unpause()
        result = guest.wait(60)
        assert "Test result: SUCCESS" in result.console, result.console


def test_the_last_output_arrives(lab, image):
    with alone(lab, image, ["say", "10.9.0.1", "5000"]) as (guest, _):
        server = lab.start(["sh", "-c", "nc -l -p 5000 | wc -c > /tmp/said"])
        listening(lab, "tcp", 5000)
        guest.unpause()
        result = guest.wait(120)
        assert (result.reason, result.status) == ("poweroff", 0), result
        server.wait(10)     # there was an end of file too
        assert int(lab.sh("cat /tmp/said")) == 900000
