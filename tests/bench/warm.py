# SPDX-License-Identifier: ISC
"""Measures save and restore beside Linux, and starts from pools and snapshots (docs/warm.md)."""

import os
import time

from common import BUILD, OURS, ROOT, Table, compile_for_linux, image
from lab import build as lab_build

SAVES = int(os.environ.get("RUNS", 10))
FULL = max(3, SAVES // 3)         # of whole saves and restores
STARTS = int(os.environ.get("RUNS", 20))
ADDRESS, FILE, HELPER, HELLO = "10.0.0.16", "/tmp/bench-saved", "/tmp/warm", "/root/bench-hello"
LINKS = """-lxenguest -lxenctrl -lxenstore -lxencall -lxenforeignmemory -lxendevicemodel -lxenevtchn
           -lxengnttab -lxentoollog -lxentoolcore"""
LINUX = """#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
modprobe -a $(cat /etc/modules/all)
ip addr add 10.0.0.16/24 dev eth0; ip link set eth0 up
echo "init: serves"
while :; do sleep 3600; done
"""
# As short as a script of a vif can be.
SMALL_SCRIPT = """#!/bin/sh
[ "$1" = online ] || exit 0
ip link set dev "$vif" master xenbr0 up && xenstore-write "$XENBUS_PATH/hotplug-status" connected
"""


def install_helper(lab):
    program = compile_for_linux("warm", ROOT / "tests/bench/warm.c", *LINKS.split())
    lab.put(program.read_bytes(), HELPER)
    lab.sh(f"chmod +x {HELPER}")


def linux_guest(lab):
    tree = lab_build.Tree()
    tree.file("init", LINUX.encode(), 0o755)
    ramdisk = BUILD / "bench-warm.cpio"
    ramdisk.write_bytes((lab_build.BOOT / "linux-guest.cpio").read_bytes() + tree.cpio())
    guest = lab.create(lab_build.BOOT / "vmlinux", memory=96, cmdline="console=hvc0", ramdisk=ramdisk,
                       net=True, type="pv")
    guest.wait_for("init: serves", 120)
    return guest


def guests(lab):
    """(row, function that creates the guest, which answers ICMP echo at ADDRESS)"""
    def ours(type):
        guest = lab.create(image("tests/warm"), memory=32, type=type, net=True, args=["serve"],
                           cmdline=f"ip={ADDRESS}/24")
        guest.wait_for("warm: listens", 120)
        return guest
    return [*((row, lambda type=type: ours(type)) for row, type in OURS.items()),
            ("linux", lambda: linux_guest(lab))]


def save(lab):
    """The guest's time apart from the toolstack's."""
    request = Table("request to SHUTDOWN_suspend", "ms", 1e3)
    in_place = Table("continued in place to the first answer", "ms", 1e3)
    restored = Table("restored: unpause to the first answer", "ms", 1e3)
    size = Table("bytes in the file (memory: 32 MB; linux: 96 MB)", "MB", 1 / (1 << 20))
    xl_save, xl_restore = Table("xl save", "s", 1), Table("xl restore", "s", 1)
    install_helper(lab)
    for row, create in guests(lab):
        with create() as guest:
            for _ in range(SAVES):
                for took in guest.suspend(1):
                    request.add(row, took)
                lab.sh(f"xenstore-write /local/domain/{guest.domid}/control/shutdown suspend;"
                       f" until xl list {guest.domid} | tail -1 | grep -q ' ---s'; do sleep 0.1; done;"
                       " sleep 0.3", timeout=120)
                in_place.add(row, float(lab.sh(f"{HELPER} resume {guest.domid} {ADDRESS}", timeout=120)))
                time.sleep(0.5)
            for _ in range(FULL):
                begin = time.monotonic()
                guest.save(FILE)
                xl_save.add(row, time.monotonic() - begin)
                size.add(row, int(lab.sh(f"stat -c %s {FILE}")))
                begin = time.monotonic()
                guest.restore(FILE, start=False)
                xl_restore.add(row, time.monotonic() - begin)
                restored.add(row, float(lab.sh(f"{HELPER} answer {guest.domid} {ADDRESS}", timeout=120)))
                lab.sh(f"rm {FILE}")
                time.sleep(0.5)
    for table in request, in_place, restored, size, xl_save, xl_restore:
        table.show()


def config(name, script=None):
    return (f'name="{name}"\ntype="pv"\nkernel="{HELLO}"\nmemory=32\nvcpus=1\n'
            f'vif=["bridge=xenbr0{",script=" + script if script else ""}"]\n')


def creations(lab, table):
    """`xl create`, with the bridge's script of Xen and with a small one."""
    lab.put(SMALL_SCRIPT.encode(), "/etc/xen/scripts/vif-small")
    lab.sh("chmod +x /etc/xen/scripts/vif-small")
    for row, script in ("xl create", None), ("xl create, small script", "vif-small"):
        lab.put(config("bench-create", script).encode(), "/tmp/bench.cfg")
        for _ in range(STARTS):
            table.add(row, float(lab.sh(f"{HELPER} end xl create -p -q /tmp/bench.cfg", timeout=300)))
            lab.sh("xl destroy bench-create", timeout=300)


def starts(lab, table, row, words, wait=""):
    for _ in range(STARTS):
        lab.sh(wait or "true", timeout=600)
        table.add(row, float(lab.sh(f"{HELPER} first Hello xenolith run --quiet {words}", timeout=300)))


def warm(lab):
    """From the command to the first line of main; `xl create` alone beside it."""
    table = Table("command to the first line of main", "ms", 1e3)
    install_helper(lab)
    lab.command()
    lab.put(image("hello").read_bytes(), HELLO)
    net = "--net=xenbr0"
    lab.sh(f"xenolith pool {net} --cmdline ip=off {HELLO} -n 4", timeout=900)
    try:
        starts(lab, table, "xenolith", f"--pool {HELLO}",
               "until xenolith pool list | grep -q '4 of 4'; do sleep 1; done; sleep 3")
    finally:
        lab.dom0("xenolith pool stop bench-hello")
    starts(lab, table, "xenolith run", f"{net} --cmdline ip=off {HELLO}")
    creations(lab, table)
    lab.put(image("tests/warm").read_bytes(), "/root/bench-warm")
    lab.sh(f"xenolith run --background --name bench-snapshot {net} --cmdline 'snapshot=yes ip=off'"
           f" /root/bench-warm -- random; xenolith snapshot bench-snapshot {FILE}", timeout=300)
    for _ in range(STARTS):
        table.add("run --from", float(lab.sh(
            f"{HELPER} first 'a copy: 1' xenolith run --quiet --from {FILE} --timeout 1", timeout=300)))
    lab.sh(f"rm {FILE}")
    table.show()
