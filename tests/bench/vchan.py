# SPDX-License-Identifier: ISC
"""Measures vchan with the same client in dom0 (libxenvchan), and two servers: a Xenolith guest,
and libxenvchan in a Linux guest, with rings of the same sizes."""

import subprocess
from functools import partial

from common import ROOT, RUNS, Table, compile_for_linux, each_guest, image, linux_with

ORDERS = (16, 20)
BYTES = {16: 64 << 20, 20: 512 << 20}
ROUNDS = 2000
PATH = "data/vchan/0/bench"
LINKS = "-lxenvchan -lxenstore -lxengnttab -lxenevtchn -lxentoollog -lxentoolcore -ldl".split()


def peer(lab):
    binary = compile_for_linux("vchan-peer", ROOT / "tests/xen/vchan/dom0/peer.c", *LINKS)
    lab.put(binary.read_bytes(), "/tmp/peer")
    lab.sh("chmod +x /tmp/peer")


def measure(lab, guest, tables, name, order):
    where = f"{guest.domid} /local/domain/{guest.domid}/{PATH}"
    size = BYTES[order]
    for title, words in (("to the guest", f"{size} 0"), ("from the guest", f"0 {size}")):
        tables[order, title].add(name, float(lab.sh(f"/tmp/peer client {where} 1 {words}")))
    tables[order, "round"].add(name, float(lab.sh(f"/tmp/peer ping {where} {ROUNDS}")))


def vchan(lab):
    """Throughput each way, and the round trip of 64 bytes."""
    peer(lab)
    server = compile_for_linux("vchan", ROOT / "tests/bench/vchan.c", *LINKS)
    subprocess.run(["strip", server], check=True)
    tables = {}
    for order in ORDERS:
        rings = f"rings of {(1 << order) >> 10} KiB"
        for title in "to the guest", "from the guest":
            tables[order, title] = Table(f"vchan {title}, {rings}", "MB/s", 1)
        tables[order, "round"] = Table(f"vchan round trip, {rings}", "us", 1e-3)
    for _ in range(max(3, RUNS // 3)):
        for order in ORDERS:
            for name, create in each_guest(
                    partial(lab.create, image("tests/vchan"), memory=64,
                            args=["serve", str(order), str(order), PATH]),
                    partial(linux_with, lab, server, PATH, str(1 << order),
                            modules=["xen-gntalloc"])):
                with create() as guest:
                    guest.wait_for("serving", 120)
                    measure(lab, guest, tables, name, order)
    for table in tables.values():
        table.show()
