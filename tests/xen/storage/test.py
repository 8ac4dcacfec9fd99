# SPDX-License-Identifier: ISC
"""Disks that this project serves: by `xenolith disk serve` in dom0, and by the driver domain storage.

The frontends are guests of ours and Linux.  LONG=1: many more repetitions, and a disk of 1 GiB.
SEED=N: the same random moments again.
"""

import importlib.util
import json
import os
import random
import re
import shutil
import subprocess
import struct
import tempfile
import time
import uuid
import zlib
from pathlib import Path
from unittest import SkipTest

from folders import BUILD, ROOT
from lab import Lab

spec = importlib.util.spec_from_file_location("storage_linux", Path(__file__).with_name("linux.py"))
linux = importlib.util.module_from_spec(spec)
spec.loader.exec_module(linux)

DISK = BUILD / "tests/disk/disk"        # tests/xen/disk: eight threads write and compare
STORAGE = BUILD / "storage/storage"     # apps/storage
LONG = os.environ.get("LONG") == "1"
PATIENCE = 120
SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))


def moments():
    """A random number for each moment at which a test does something bad."""
    print(f"      SEED={SEED}", flush=True)
    return random.Random(SEED)


def line(name, vdev="xvda", more=""):
    return f"vdev={vdev},format=raw,script=block-xenolith{more},target={name}"


class Server:
    """`xenolith disk serve` in dom0; a context manager."""

    def __init__(self, lab, name, *words):
        self.lab, self.name, self.words = lab, name, words
        lab.command()                   # installs it
        self.start()

    def start(self):
        # With XENOLITH_SANITIZE=1 (tools/lab/xenolith.py) it must have freed all memory when it ends.
        self.command = self.lab.start(["env", "ASAN_OPTIONS=detect_leaks=1", "xenolith", "disk", "serve",
                                       self.name, *self.words])
        assert self.command.until(lambda: b"attach it" in self.command.out, PATIENCE), self.said()
        assert self.command.status is None, self.said()

    def said(self):
        return (self.command.out + self.command.err).decode()

    def kill(self):
        self.command.signal(9)
        self.command.wait(PATIENCE)

    def stop(self):
        self.command.signal(15)
        assert self.command.wait(PATIENCE) == 0, self.said()

    def __enter__(self):
        return self

    def __exit__(self, kind, *exc):
        if kind:
            print(f"      server {self.name}, status {self.command.status}: {self.said()}", flush=True)
        if self.command.status is None:
            self.kill()


def checksum(lab, path):
    return int(lab.sh(f"crc32 {path}").split()[0], 16)


def filled(result):
    assert "Test result: SUCCESS" in result.console, result.console[-3000:]
    assert (result.reason, result.status) == ("poweroff", 0), result
    return int(re.search(r"checksum (\w+)", result.console)[1], 16)


def nothing_left(lab):
    """No folder of a device, no port or grant of a server that still runs."""
    left = lab.sh("xenstore-ls /local/domain/0/backend/vbd 2>/dev/null || true").strip()
    assert not re.search(r"\d", left), left


def test_dom0_serves_a_file(lab, image):
    """Xenolith's frontend, PV and PVH: data that eight threads write is in the file."""
    lab.sh("truncate -s 24M /tmp/vol1")
    with Server(lab, "vol1", "--store", "/tmp/vol1") as server:
        for seed, kind in enumerate(("pv", "pvh"), 5):
            result = lab.run_guest(DISK, args=["fill", "/dev/xvda", str(seed)], memory=48, type=kind,
                                   more=[f"disk=['{line('vol1')}']"], timeout=600)
            assert "persistent grants" in result.console and "discard" in result.console
            assert filled(result) == checksum(lab, "/tmp/vol1"), result.console
        server.stop()
    nothing_left(lab)
    lab.sh("rm /tmp/vol1")


# With a path, since the shell has a smaller mke2fs of its own.
STEPS = """
step mkfs /bin/mke2fs -q -F -t ext4 /dev/xvda
step mount mount -t ext4 -o discard /dev/xvda /mnt
step write dd if=/dev/urandom of=/mnt/a bs=64k count=96
step copy cp /mnt/a /mnt/b
step sync sync
step drop sh -c 'echo 3 >/proc/sys/vm/drop_caches'
step compare cmp /mnt/a /mnt/b
step remove rm /mnt/b
step unmount umount /mnt
step e2fsck /bin/e2fsck -fn /dev/xvda
step fill disk fill /dev/xvda 11
step load sh -c 'echo reading >/dev/console; while dd if=/dev/xvda of=/dev/null bs=64k; do :; done; true'
step again sh -c 'while [ -b /dev/xvda ]; do sleep 0.1; done; while [ ! -b /dev/xvda ]; do sleep 0.1; done'
step sum disk sum /dev/xvda
"""


def detach(lab, guest):
    """xl waits for 10 s, which a busy machine may need to complete the requests: then once more."""
    for _ in range(6):
        status, said = lab.dom0(f"xl block-detach {guest.domid} xvda")
        if status == 0:
            return
        time.sleep(2)
    raise AssertionError(said)


def use_by_linux(lab, disk, during_fill=lambda: None):
    """
    Runs STEPS in a Linux guest; the disk is detached while it is read, and attached again.  Returns
    the checksum.
    """
    with linux.guest(lab, STEPS, more=[f"disk=['{disk}']"]) as guest:
        guest.wait_for("step e2fsck: ok", 600)
        during_fill()
        guest.wait_for("reading", 600)
        time.sleep(moments().random())
        detach(lab, guest)
        guest.wait_for("step load: ok", PATIENCE)
        lab.sh(["xl", "block-attach", str(guest.domid), disk])
        guest.wait_for("steps: done", 600)
        said = guest.console_text()
        assert len(re.findall(r"^step \w+: ok", said, re.M)) == STEPS.count("step "), said[-3000:]
        guest.send("quit\n")
        guest.wait(PATIENCE)
    sums = re.findall(r"checksum (\w+)", said)
    assert len(sums) == 2 and sums[0] == sums[1], said[-2000:]
    return int(sums[0], 16)


def test_linux_uses_a_disk_of_dom0(lab, image):
    """
    mke2fs, files, discard, flush, e2fsck, eight threads with checksums.  While these write, the
    server is killed and started again: Linux continues without a wrong byte.
    """
    lab.sh("truncate -s 24M /tmp/vol2")
    with Server(lab, "vol2", "--store", "/tmp/vol2", "--rates") as server:
        said = ""

        def kill():
            nonlocal said
            moment = moments()
            for _ in range(20 if LONG else 3):
                time.sleep(moment.random() / 2)
                server.kill()
                said += server.said()
                server.start()

        found = use_by_linux(lab, line("vol2"), kill)
        assert found == checksum(lab, "/tmp/vol2")
        server.stop()
        said += server.said()
        assert re.search(r" [1-9]\d* flushes", said) and re.search(r" [1-9]\d* discards", said), said
        assert " 0 errors" in said and not re.search(r" [1-9]\d* errors", said), said
    nothing_left(lab)
    lab.sh("rm /tmp/vol2")


GIB = """
step fill disk fill /dev/xvda 21
step mkfs /bin/mke2fs -q -F -t ext4 /dev/xvda
step mount mount -t ext4 /dev/xvda /mnt
step jobs sh -c 'for i in 1 2 3 4 5 6 7 8; do dd if=/dev/urandom of=/mnt/$i bs=1M count=100 & done; wait'
step sums sh -c 'cd /mnt && sha256sum [1-8] >/sums && sync && echo 3 >/proc/sys/vm/drop_caches && sha256sum -c /sums'
step unmount umount /mnt
step e2fsck /bin/e2fsck -fn /dev/xvda
"""


def test_linux_writes_a_gibibyte(lab, image):
    """By eight threads with checksums, and by eight jobs through ext4; e2fsck finds nothing."""
    if not LONG:
        raise SkipTest("a disk of 1 GiB: LONG=1")
    with Lab(memory=512, dom0_memory=2048, extra=["net"]) as own, \
            Server(own, "big", "--store", "memory:1G") as server:
        with linux.guest(own, GIB, more=[f"disk=['{line('big')}']"]) as guest:
            guest.wait_for("steps: done", 7200)
            said = guest.console_text()
            assert len(re.findall(r"^step \w+: ok", said, re.M)) == GIB.count("step "), said[-3000:]
            guest.send("quit\n")
            guest.wait(PATIENCE)
        server.stop()


def test_a_killed_server_may_be_started_again(lab, image):
    """No request is lost, and the guest does not notice."""
    lab.sh("truncate -s 24M /tmp/vol3")
    with Server(lab, "vol3", "--store", "/tmp/vol3", "--latency", "2ms") as server:
        with lab.create(DISK, args=["fill", "/dev/xvda", "3"], memory=48,
                        more=[f"disk=['{line('vol3')}']"]) as guest:
            moment = moments()
            for _ in range(4):
                server.command.until(lambda: b"attached to" in server.command.out, PATIENCE)
                time.sleep(moment.random())
                server.kill()
                server.start()
            result = guest.wait(600)
        assert filled(result) == checksum(lab, "/tmp/vol3"), result.console
    lab.sh("rm /tmp/vol3")


def descriptors(lab, name):
    """Open files and mapped grants of a server in dom0."""
    pid = lab.sh(f"ps | grep 'disk serve {name}' | grep -v grep").split()[0]
    return [int(lab.sh(command)) for command in
            (f"ls /proc/{pid}/fd | wc -l", f"grep -c gntdev /proc/{pid}/maps || true")]


def destroy_writers(lab, disk):
    """
    Destroys guests while eight threads of theirs write to the disk: ours and, with LONG=1, as many of
    Linux.  Yields the number of each when it has gone.
    """
    moment, kinds = moments(), ("pv", "linux", "pvh", "linux") if LONG else ("pv", "pvh")
    for i in range(400 if LONG else 4):
        kind = kinds[i % len(kinds)]
        with (linux.guest(lab, "disk fill /dev/xvda 3", more=[disk]) if kind == "linux" else
              lab.create(DISK, args=["fill", "/dev/xvda", "3"], memory=48, type=kind, more=[disk])) as guest:
            guest.wait_for("sectors of")
            time.sleep(moment.random() / 2)
        yield i


def test_a_destroyed_guest_leaves_nothing_in_dom0(lab, image):
    with Server(lab, "vol4", "--store", "memory:24M") as server:
        before = None
        for i in destroy_writers(lab, f"disk=['{line('vol4')}']"):
            assert server.command.until(lambda: server.said().count("detached") == i + 1, PATIENCE)
            now = descriptors(lab, "vol4")
            before = before or now
            assert now == before and now[1] == 0, (now, before)
            nothing_left(lab)
        server.stop()


def test_a_disk_is_attached_and_detached_under_load(lab, image):
    with Server(lab, "vol5", "--store", "memory:24M") as server:
        for i in range(20 if LONG else 2):
            with lab.create(DISK, args=["fill", "/dev/xvda", "3"], memory=48,
                            more=[f"disk=['{line('vol5')}']"]) as guest:
                guest.wait_for("sectors of")
                lab.sh(["xl", "block-detach", str(guest.domid), "xvda"])
                result = guest.wait(PATIENCE)
                assert "Test result: FAILURE" in result.console, result.console
                assert server.command.until(lambda: server.said().count("detached") == 2 * i + 1, PATIENCE)
                # A guest that has ended is still a domain, to which a disk can be attached.
                lab.dom0(f"xl block-attach {guest.domid} '{line('vol5', 'xvdb')}'")
            assert server.command.until(lambda: server.said().count("detached") == 2 * i + 2, PATIENCE), \
                server.said()
        nothing_left(lab)


def test_a_disk_without_a_server_is_refused(lab, image):
    lab.command()
    status, said = lab.dom0("xenolith disk serve x --store memory:1M --fault 'write sometimes'")
    assert status == 2 and "a fault is EIO" in said, said
    status, said = lab.dom0("xenolith disk serve x --store /nonexistent")
    assert status == 1 and "No such file" in said, said
    with Server(lab, "x", "--store", "memory:1M"):      # two would both serve its guest
        status, said = lab.dom0("xenolith disk serve x --store memory:1M")
        assert status == 1 and "another server serves this name" in said, said


# ---- faults

FAULTS = ("EIO", "ENOSPC", "torn", "lost", "latency 300ms", "EOPNOTSUPP")      # as main.c


def is_rule(op, fault):
    return op == "write" if fault == "torn" else fault != "lost" or op != "read"


def faults(*rules):
    return [word for rule in rules for word in ("--fault", rule)]


def raw_rules():
    """Of main.c's raw(): each operation and fault has its sectors, and the n-th flush its fault."""
    rules = []
    for n, op in enumerate(("read", "write", "discard")):
        for k, fault in enumerate(FAULTS):
            first = n * 1000 + (k + 1) * 100
            if is_rule(op, fault):
                rules.append(f"{op} {first}..{first + 7} {fault}")
    for k, fault in enumerate(FAULTS):
        if fault != "torn":
            rules.append(f"flush {fault} {f'skip {k} ' if k else ''}times 1")
    return rules


def file_rules(sector):
    """Of main.c's file(): one block for each fault of reads, then of writes."""
    return [f"{op} {first}..{first + 7} {fault}" for n, op in enumerate(("read", "write"))
            for k, fault in enumerate(FAULTS) if is_rule(op, fault)
            for first in [sector + 8 * (n * len(FAULTS) + k)]]


def mkfs(folder, marker, blocks):
    """An ext4 image of 9 MiB (a journal needs 8) with a file `f`; returns its path, and the file's first sector."""
    path, files = Path(folder) / "ext4", Path(folder) / "files"
    files.mkdir()
    (files / "f").write_bytes(marker * (4096 * blocks // len(marker)))
    path.write_bytes(b"")
    os.truncate(path, 9 << 20)
    subprocess.run([shutil.which("mke2fs", path="/usr/sbin:/sbin"), "-q", "-F", "-t", "ext4", "-b", "4096",
                    "-d", files, path], check=True, capture_output=True)
    data = path.read_bytes()
    assert data.count(marker) == 4096 * blocks // len(marker)
    return path, data.find(marker) // 512


def documented():
    """The table of docs/storage.md, as lines of main.c."""
    page = (ROOT / "docs/storage.md").read_text().split("### What a program sees")[1].split("\n##")[0]
    lines = set()
    for fault, *cells in re.findall(r"^\| `([\w ]+)` \|(.*?)\|(.*?)\|(.*?)\|(.*?)\|(.*?)\|(.*?)\|(.*?)\|$",
                                    page, re.M):
        names = [("disk", o) for o in ("read", "write", "discard", "flush")] + \
            [("file", o) for o in ("read", "write", "flush")]
        for (where, op), cell in zip(names, cells):
            if cell.strip() in ("ok", "EIO", "EOPNOTSUPP", "waits"):
                lines.add(f"{where} {op} {fault}: {cell.strip()}")
    return lines


def test_the_table_of_faults(lab, image):
    """Each kind of fault, on the disk and through ext4, to a program's errno: as in docs/storage.md."""
    with tempfile.TemporaryDirectory() as folder:
        path, sector = mkfs(folder, b"0123456789abcdef", 2 * len(FAULTS))
        lab.put(path.read_bytes(), "/tmp/ext4")
    copy = "overlay:/tmp/ext4:memory"
    flushes = ("EIO", "ENOSPC", "EOPNOTSUPP")
    table, found = documented(), ""
    for what, store, rules in (("raw", "memory:3M", raw_rules()), ("hang", "memory:1M", ["any hang"]),
                               ("file", copy, file_rules(sector)),
                               *(("flush", copy, [f"flush {f} skip 20 times 1"]) for f in flushes)):
        with Server(lab, "bad", "--store", store, *faults(*rules)):
            result = lab.run_guest(image, args=[what, "/dev/xvda"], memory=48, timeout=PATIENCE,
                                   more=[f"disk=['{line('bad')}']"])
        fault = rules[0].split()[1]
        found += result.console.replace("\r", "").replace("flush fails", f"flush {fault}")
        assert what == "hang" or "Test result: SUCCESS" in result.console, (what, result.console)
    assert "the backend refused a flush" in result.console, result.console
    assert len(table) > 30 and table <= set(found.splitlines()), (table - set(found.splitlines()), found)
    lab.sh("rm /tmp/ext4")


def test_a_disk_that_stops_does_not_delay_the_end(lab, image):
    """xl shutdown ends a guest whose disk does not respond any more."""
    with Server(lab, "stops", "--store", "memory:1M", *faults("any hang skip 40")) as server:
        with lab.create(image, args=["busy", "/dev/xvda"], memory=48,
                        more=[f"disk=['{line('stops')}']"]) as guest:
            guest.wait_for("busy")
            time.sleep(1)
            guest.shutdown()
            assert guest.wait(PATIENCE).reason == "poweroff"
        server.stop()                   # the fault does not hold it


# ---- the driver domain

def storage(lab, *args, **how):
    guest = lab.create(STORAGE, args=args, memory=how.pop("memory", 192), name="storage", **how)
    guest.wait_for("storage: ready")
    return guest


def of(server, target, more=""):
    return f"disk=['vdev=xvda,format=raw,backend={server.name}{more},target={target}']"


def guest_sum(lab, server, target, timeout=600):
    result = lab.run_guest(DISK, args=["sum", "/dev/xvda"], memory=48, timeout=timeout,
                           more=[of(server, target)])
    return filled(result)


def test_a_driver_domain_serves_disks(lab, image):
    """Memory, to PV and PVH guests; the data stays when a guest ends."""
    kinds = ("pv", "pvh")
    for kind, front in [(k, f) for k in kinds for f in kinds] if LONG else zip(kinds, kinds[::-1]):
        with storage(lab, "vol1=memory:8M", type=kind) as server:
            result = lab.run_guest(DISK, args=["fill", "/dev/xvda", "5"], memory=48, type=front,
                                   more=[of(server, "vol1")], timeout=600)
            assert guest_sum(lab, server, "vol1") == filled(result), result.console
            assert server.watcher.until(
                lambda: server.console_text().count("is detached") == 2, PATIENCE), server.console_text()


def test_linux_uses_a_disk_of_a_driver_domain(lab, image):
    """As test_linux_uses_a_disk_of_dom0, but the server is not killed."""
    if not LONG:
        raise SkipTest("once a detachment under load hung: LONG=1")
    with storage(lab, "vol1=memory:24M") as server:
        use_by_linux(lab, f"vdev=xvda,format=raw,backend={server.name},target=vol1")


def ends_in_guest(lab, guest):
    """Pages of other guests that it has mapped, and its ports, but for the endpoint's."""
    xen = json.loads(lab.sh(f"xenolith call {guest.name} org.xenolith.xen1.Get"))["xen"]
    return [xen["grants"]["mapped"], sorted(p["name"] for p in xen["ports"] if p["name"] != "vchan")]


def test_a_destroyed_guest_leaves_nothing_in_the_driver_domain(lab, image):
    with storage(lab, "vol1=memory:24M") as server:
        lab.command()
        before = None
        for i in destroy_writers(lab, of(server, "vol1")):
            server.watcher.until(lambda: server.console_text().count("is detached") > i, PATIENCE)
            now = ends_in_guest(lab, server)
            before = before or now
            assert now == before and now[0] == 0, (now, before)
            folder = f"/local/domain/{server.domid}/backend/vbd"
            end = time.monotonic() + PATIENCE
            # libxl may remove the whole folder.
            while (said := lab.sh(f"xenstore-ls {folder} 2>/dev/null | grep state || true")).strip():
                assert time.monotonic() < end, said


def gpt(path, parts, size=16 << 20):
    """A disk with a GPT: {name: (first sector, sectors)}."""
    entries = b""
    for name, (first, n) in parts.items():
        entries += struct.pack("<16s16sQQQ72s", uuid.uuid4().bytes, uuid.uuid4().bytes, first,
                               first + n - 1, 0, name.encode("utf-16-le"))
    entries = entries.ljust(128 * 128, b"\0")
    def header(crc):
        return struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, crc, 0, 1,
                           size // 512 - 1, 34, size // 512 - 34, bytes(16), 2, 128, 128,
                           zlib.crc32(entries))
    path.write_bytes((bytes(512) + header(zlib.crc32(header(0)))).ljust(1024, b"\0") + entries)
    os.truncate(path, size)


def test_a_driver_domain_divides_its_disk(lab, image):
    """Partitions of a table; files of a mounted file system; copies of a golden image."""
    if not LONG:
        raise SkipTest("Xen's block script may take longer than xl waits for it: LONG=1")
    with tempfile.TemporaryDirectory() as folder:
        whole, files = Path(folder) / "gpt", Path(folder) / "files"
        gpt(whole, {"one": (2048, 8192), "two": (10240, 4096)})
        files.mkdir()
        golden = random.randbytes(1 << 20)
        (files / "golden").write_bytes(golden)
        (files / "plain").write_bytes(bytes(1 << 20))
        data = Path(folder) / "data"
        data.write_bytes(b"")
        os.truncate(data, 24 << 20)
        subprocess.run([shutil.which("mke2fs", path="/usr/sbin:/sbin"), "-q", "-F", "-t", "ext4", "-d", files,
                        data], check=True, capture_output=True)
        with storage(lab, "--table", "/dev/xvda", "--files", "/d", "copy=cow:/d/golden",
                     cmdline="mount=xvdb:/d", disks=[str(whole), str(data)]) as server:
            sums = {}
            for seed, target in enumerate(("two", "plain"), 1):
                result = lab.run_guest(DISK, args=["fill", "/dev/xvda", str(seed)], memory=48,
                                       more=[of(server, target)], timeout=600)
                sums[target] = filled(result)
            for target, expected in sums.items():
                assert guest_sum(lab, server, target) == expected, target
            for _ in range(2):          # each guest has a copy of its own
                assert guest_sum(lab, server, "copy") == zlib.crc32(golden)
                filled(lab.run_guest(DISK, args=["fill", "/dev/xvda", "9"], memory=48,
                                     more=[of(server, "copy")], timeout=600))
            server.shutdown()
            assert server.wait(PATIENCE).reason == "poweroff"
