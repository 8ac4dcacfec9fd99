# SPDX-License-Identifier: ISC
"""Measures the network of a Xenolith guest and a Linux PV guest, with the same clients in dom0
and the same backend.

The guests run in turn, at the same address.  A guest's CPU time is measured by Xen.
"""

import io
import json
import random
import re
import tarfile
import time

from common import BUILD, OURS, ROOT, RUNS, Table, compile_for_linux, image
from lab import LabError, extra
from lab import build as lab_build

ADDRESS, SECONDS = "10.0.0.16", 4
TURNS = max(1, RUNS // 3)
SMALL, LARGE = 612, 1 << 20

NGINX = """daemon off; user root; worker_processes 1; pid /tmp/nginx.pid; error_log /dev/null;
events { worker_connections 4096; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
include /etc/nginx/mime.types; server { listen 80; root /www; } }
"""

LINUX = """#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
modprobe -a $(cat /etc/modules/all)
ip link set lo up; ip addr add 10.0.0.16/24 dev eth0; ip link set eth0 up
mkdir -p /tmp /var/log/nginx /var/lib/nginx/body
/rr serve 7 & iperf3 -s > /dev/null & nginx -c /nginx.conf &
until netstat -ltn | grep -q :80 && netstat -ltn | grep -q :5201; do sleep 0.1; done
echo "init: serves"
while :; do sleep 3600; done
"""


def site():
    """The two files that are served; the same to both."""
    dice = random.Random(1)
    return {"index.html": dice.randbytes(SMALL // 2).hex()[:SMALL].encode(),
            "large.bin": dice.randbytes(LARGE)}


def linux_guest(lab):
    """A Linux guest that serves all of it."""
    tree = lab_build.Tree()
    tree.file("rr", compile_for_linux("rr", ROOT / "tests/bench/rr.c").read_bytes(), 0o755)
    tree.file("init", LINUX.encode(), 0o755)
    tree.file("nginx.conf", NGINX)
    for name, data in site().items():
        tree.file(f"www/{name}", data)
    ramdisk = BUILD / "bench-network.cpio"
    ramdisk.write_bytes((lab_build.BOOT / "linux-guest.cpio").read_bytes() +
                        extra.archive("net").read_bytes() + tree.cpio())
    guest = lab.create(lab_build.BOOT / "vmlinux", memory=384, cmdline="console=hvc0",
                       ramdisk=ramdisk, net=True, type="pv")
    guest.wait_for("init: serves", 180)
    return guest


def our_guest(lab, name, port, **how):
    guest = lab.create(image(name), memory=128, net=True,
                       cmdline=f"ip={ADDRESS}/24,gateway=10.0.0.1 ip6=off", **how)
    for _ in range(100):
        if not lab.dom0(f"nc -w 1 {ADDRESS} {port} < /dev/null")[0]:
            return guest
        time.sleep(0.1)
    raise LabError(f"{name} does not answer on port {port}", guest.console_text())


class Cells:
    """Tables by name, made when first used, shown in order."""

    def __init__(self):
        self.tables = {}

    def add(self, title, unit, guest, value):
        self.tables.setdefault(title, Table(title, unit, 1)).add(guest, value)

    def show(self):
        for table in self.tables.values():
            table.show()


def bulk(lab, cells, name, guest):
    for title, words in (("TCP towards the guest", ""), ("TCP from the guest", "-R")):
        before = guest.cpu_seconds()
        out = json.loads(lab.sh(f"iperf3 -c {ADDRESS} -t {SECONDS} -J {words}"))
        cpu, sent = guest.cpu_seconds() - before, out["end"]["sum_received"]
        cells.add(title, "Mbit/s", name, sent["bits_per_second"] / 1e6)
        cells.add(f"{title}: guest's CPU", "ns/byte", name, cpu * 1e9 / sent["bytes"])


def round_trip(lab, cells, name):
    cells.add("TCP request and response, a byte each", "us", name,
              float(lab.sh(f"/tmp/rr ask {ADDRESS} 7 {SECONDS}")))


def put_rr(lab):
    lab.put(compile_for_linux("rr", ROOT / "tests/bench/rr.c").read_bytes(), "/tmp/rr")
    lab.sh("chmod +x /tmp/rr")


def net(lab):
    """Bulk TCP both ways by iperf3, and the round trip."""
    put_rr(lab)
    cells = Cells()
    for _ in range(TURNS):
        for name, type in OURS.items():
            with our_guest(lab, "iperf", 5201, type=type) as guest:
                bulk(lab, cells, name, guest)
            with our_guest(lab, "echo", 7, type=type) as guest:
                round_trip(lab, cells, name)
        with linux_guest(lab) as guest:
            bulk(lab, cells, "linux", guest)
            round_trip(lab, cells, "linux")
    cells.show()


def archive():
    """The site as a tar archive, to be a raw disk."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in site().items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    path = BUILD / "bench-site.tar"
    path.write_bytes(out.getvalue())
    return path


def wrk(lab, path, connections, close):
    """Requests and bytes of a run of wrk, and how long it took."""
    header = "-H 'Connection: close'" if close else ""
    out = lab.sh(f"wrk -t1 -c{connections} -d{SECONDS}s {header} http://{ADDRESS}/{path}")
    m = re.search(r"(\d+) requests in ([\d.]+)s, ([\d.]+)([KMG]?)B read", out)
    if not m or "Socket errors" in out or "Non-2xx" in out:
        raise LabError("wrk has met errors", out)
    return int(m[1]), float(m[2]), float(m[3]) * 1024 ** " KMG".index(m[4] or " ")


def load(lab, cells, name, guest):
    for close in False, True:
        for connections in 1, 16, 64:
            before = guest.cpu_seconds()
            n, seconds, _ = wrk(lab, "index.html", connections, close)
            cpu = guest.cpu_seconds() - before
            title = (f"HTTP, {SMALL} bytes, {connections} connection(s), "
                     f"{'closed each time' if close else 'kept alive'}")
            cells.add(title, "requests/s", name, n / seconds)
            cells.add(f"{title}: guest's CPU", "us/request", name, cpu * 1e6 / n)
    before = guest.cpu_seconds()
    n, seconds, read = wrk(lab, "large.bin", 4, False)
    cpu = guest.cpu_seconds() - before
    title = f"HTTP, {LARGE >> 20} MiB, 4 connections"
    cells.add(title, "MiB/s", name, read / seconds / (1 << 20))
    cells.add(f"{title}: guest's CPU", "ns/byte", name, cpu * 1e9 / read)


def web(lab):
    """apps/httpd beside nginx, asked by wrk."""
    cells, disk = Cells(), archive()
    for _ in range(TURNS):
        for name, type in OURS.items():
            with our_guest(lab, "httpd", 80, args=["root=xvda", "log=off"],
                           disks=[f"{disk},ro"], type=type) as guest:
                load(lab, cells, name, guest)
        with linux_guest(lab) as guest:
            load(lab, cells, "linux", guest)
    cells.show()
