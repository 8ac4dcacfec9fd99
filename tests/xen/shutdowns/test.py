# SPDX-License-Identifier: ISC
"""Guests end in all ways under load of network and disk: none hangs, none loses data that it
reported as stored, and nothing is left behind.

Their disks have a write cache, which loses its contents when the guest has ended.

SHUTDOWNS=1000: the number of guests (an hour); SHUTDOWNS_AT_ONCE: how many run in parallel.
"""

import collections
import contextlib
import os
import random
import re
import socket
import threading
import time

from concurrent.futures import ThreadPoolExecutor

import nullblk
from lab import xenolith

SHUTDOWNS = int(os.environ.get("SHUTDOWNS", "2"))
AT_ONCE = int(os.environ.get("SHUTDOWNS_AT_ONCE", "4"))
WRITERS = 3
BLOCK = 4096
END = re.compile(r"^end: (\w+), status (\d+), ran (\d+\.\d+) s, shutdown took (\d+\.\d+) s, reason: "
                 r"(.*?)\r?$", re.M)
# Ways to end it: the reason in Xen, and the status.
WAYS = {"poweroff": ("poweroff", 143), "exit": ("poweroff", 3), "abort": ("crash", 134),
        "reboot": ("reboot", 143), "operator": ("poweroff", 143), "fault": ("crash", 134),
        "lifetime": ("poweroff", 124), "halt": ("poweroff", 143)}
HANG = 120      # seconds; the guest gives itself 14 at most, of an emulated machine that is busy
PACE = 0.02     # that machine has other guests, too
creating = threading.Lock()
# Xen's own take most of the time that a guest needs in an emulated dom0.
SCRIPTS = {"block": """#!/bin/busybox sh
[ $1 = add ] || exit 0
dev=$(xenstore-read $XENBUS_PATH/params)
IFS=: read major minor </sys/class/block/${dev#/dev/}/dev
exec xenstore-write $XENBUS_PATH/node $dev \
    $XENBUS_PATH/physical-device $(printf %x:%x $major $minor) \
    $XENBUS_PATH/hotplug-status connected
""", "vif": """#!/bin/busybox sh
[ $1 = online ] || exit 0
ip link set $vif master xenbr0 up
exec xenstore-write $XENBUS_PATH/hotplug-status connected
"""}
Ended = collections.namedtuple("Ended", "how own seen kept read")


def free_ports(n):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def prepare(lab):
    for name, text in SCRIPTS.items():
        lab.put(text.encode(), f"/tmp/shutdowns-{name}")
    lab.sh("chmod +x /tmp/shutdowns-*")
    nullblk.load(lab)


def blocks_after_power_failure(disk):
    disk.fail()
    data = disk.read(WRITERS * BLOCK)
    return [data[i * BLOCK:(i + 1) * BLOCK] for i in range(WRITERS)]


class Place:
    """Where a guest lives, one after another."""

    def __init__(self, lab, number):
        self.lab, self.address = lab, f"10.0.0.{100 + number}"
        self.mac = f"00:16:3e:01:00:{number:02x}"
        self.disk, self.ports = nullblk.Disk(lab, number), free_ports(2)
        self.undo = [lab.machine.forward(local, self.address, port)
                     for local, port in zip(self.ports, (7, 19))]

    @contextlib.contextmanager
    def guest(self, image, words):
        with creating:
            self.disk.new()
            guest = self.lab.create(image, memory=24, cmdline=f"ip={self.address}/24 {words}",
                                    more=[f'vif=["mac={self.mac},script=/tmp/shutdowns-vif"]',
                                          'disk=["format=raw,vdev=xvda,access=rw,'
                                          'script=/tmp/shutdowns-block,'
                                          f'target=/dev/{self.disk.name}"]'])
        with guest:
            # A SYN that is lost is sent again after 6 s by QEMU's network.
            for text in "serving 7", "serving 19", "device/vif/0: ":
                guest.wait_for(text, HANG)
            yield guest

    def leave(self):
        self.disk.remove()
        for f in self.undo:
            f()


# ---- the load

class Load:
    """Writers in lock step, each of which knows the contents of the guest's disk; and a reader."""

    def __init__(self, ports):
        self.ports, self.kept, self.read = ports, [0] * WRITERS, 0
        self.over, self.sockets = False, []
        self.commands = self.connect(ports[0])
        self.threads = [threading.Thread(target=self.write, args=(i,)) for i in range(WRITERS)]
        self.threads.append(threading.Thread(target=self.drink))
        for t in self.threads:
            t.start()

    def connect(self, port):
        s = socket.create_connection(("127.0.0.1", port), HANG)
        self.sockets.append(s)
        return s

    def write(self, me):
        try:
            with self.connect(self.ports[0]) as s, s.makefile("rb") as f:
                s.sendall(b"%d\n" % me)
                while not self.over:
                    s.sendall(b"%d\n" % (self.kept[me] + 1))
                    if f.readline() != b"%d\n" % (self.kept[me] + 1):
                        return
                    self.kept[me] += 1
                    time.sleep(PACE)
        except OSError:
            pass

    def drink(self):
        try:
            with self.connect(self.ports[1]) as s:
                while not self.over and (data := s.recv(65536)):
                    self.read += len(data)
                    time.sleep(16 * PACE)
        except OSError:
            pass

    def wait_until_it_flows(self):
        until = time.monotonic() + HANG
        while not all(self.kept) or not self.read:
            assert time.monotonic() < until, (self.kept, self.read)
            time.sleep(0.02)

    def stop(self):
        """A guest that ends without closing its connections leaves its peers waiting."""
        self.over = True
        for s in list(self.sockets):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for t in self.threads:
            t.join()
        self.commands.close()

    def say(self, word):
        self.commands.sendall(f"{WRITERS}\n{word}\n".encode())


# ---- the end

def end(lab, guest, load, how):
    if how in ("poweroff", "reboot"):
        guest.shutdown(how)
    elif how == "halt":
        lab.sh(f"xenstore-write /local/domain/{guest.domid}/control/shutdown halt")
    elif how == "operator":
        lab.sh(f"xenolith shutdown {guest.domid}")
    elif how == "lifetime":     # since its start: over
        lab.dom0(f"xenolith config {guest.domid} lifetime=1s")
    else:
        load.say("exit 3" if how == "exit" else how)


def shut_down(lab, image, how, rng, place):
    words = rng.choice(["", "drain=0", "drain=300ms"])
    with place.guest(image, words) as guest:
        load = Load(place.ports)
        try:
            load.wait_until_it_flows()
            time.sleep(rng.random())
            start = time.monotonic()
            end(lab, guest, load, how)
            result = guest.wait(time.monotonic() - guest.watched_from + HANG)
            seen = time.monotonic() - start
        finally:
            load.stop()
    said = END.findall(result.console)
    assert (result.reason, result.status) == WAYS[how], (how, words, result)
    assert len(said) == 1 and said[0][:2] == (WAYS[how][0], str(WAYS[how][1])) and \
        "takes too long" not in result.console, (how, words, result.console)
    for writer, block in enumerate(blocks_after_power_failure(place.disk)):
        kept, n = load.kept[writer], int.from_bytes(block[:8], "little")
        # The answer to the last one may have been lost.
        assert n in (kept, kept + 1) and block == block[:8] * (BLOCK // 8), \
            (how, words, writer, kept, n, result.console)
    return Ended(how, float(said[0][3]), seen, sum(load.kept), load.read)


def lockstep(s, kept, enough):
    """Writes, and waits until the guest closes the connection."""
    s.settimeout(HANG)
    with s.makefile("rb") as f:
        s.sendall(b"0\n1\n")
        while line := f.readline():
            kept.append(int(line))
            if not enough.is_set():
                s.sendall(b"%d\n" % (kept[-1] + 1))


def test_a_shutdown_refuses_new_connections_and_keeps_open_ones(lab, image):
    prepare(lab)
    place, kept, enough = Place(lab, 0), [], threading.Event()
    try:
        with place.guest(image, "drain=5s") as guest:
            with socket.create_connection(("127.0.0.1", place.ports[0]), 20) as s, \
                    ThreadPoolExecutor(1) as pool:
                ended = pool.submit(lockstep, s, kept, enough)
                while len(kept) < 3 and not ended.done():
                    time.sleep(0.01)
                guest.shutdown()
                guest.wait_for("shutdown: requested by")
                before = len(kept)
                _, said = lab.dom0(f"socat -u /dev/null TCP:{place.address}:7")
                after = len(kept)
                enough.set()
                assert "refused" in said, said
                assert after > before > 0, (before, after, guest.console_text())
                ended.result(HANG)          # the client gets a FIN: no reset, no timeout
            result = guest.wait(30)
            assert (result.reason, result.status) == ("poweroff", 143), result
    finally:
        place.leave()


def remains(lab):
    """State of domains in dom0: nodes with a number or a UUID, devices; free MB."""
    said = lab.sh("xenstore-ls -f | sed 's/ = .*//'; ls /sys/class/net; losetup -a; xl info")
    things = re.findall(r"^(?:.*/(?:[1-9]\d*|[0-9a-f]{8}-[-0-9a-f]+)(?:/.*)?|vif.*|/dev/loop.*)$",
                        said, re.M)
    return set(things), int(re.search(r"free_memory *: (\d+)", said)[1])


def report(done):
    print(f"      {len(done)} have ended", flush=True)
    for how in WAYS:
        these = [d for d in done if d.how == how]
        if these:
            own, seen = sorted(d.own for d in these), sorted(d.seen for d in these)
            print(f"      {how}: {len(these)}, ending took {own[len(own) // 2]:.3f} s, at most "
                  f"{own[-1]:.3f} s; seen after {seen[len(seen) // 2]:.1f} s, at most "
                  f"{seen[-1]:.1f} s; {sum(d.kept for d in these)} fsyncs, "
                  f"{sum(d.read for d in these) >> 20} MiB sent", flush=True)


def test_under_load_no_guest_hangs_or_loses_data(lab, image):
    seed = os.environ.get("SHUTDOWNS_SEED") or str(random.randrange(1 << 32))
    prepare(lab)
    xenolith.install(lab)
    places, done, ways = [Place(lab, n) for n in range(AT_ONCE)], [], list(WAYS)
    random.Random(seed).shuffle(ways)
    before, free = remains(lab)

    def work(number):
        place = places.pop()        # atomic, as append is
        try:
            return shut_down(lab, image, ways[number % len(ways)],
                             random.Random(f"{seed} {number}"), place)
        finally:
            places.append(place)

    # Else busy guests keep dom0 from making others.
    lab.sh("xl sched-credit2 -d 0 -w 16384")
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for f in [pool.submit(work, n) for n in range(SHUTDOWNS)]:
                try:
                    done.append(f.result())
                except BaseException:
                    print(f"      after {len(done)}, SHUTDOWNS_SEED={seed}", flush=True)
                    pool.shutdown(cancel_futures=True)
                    raise
                if len(done) % 100 == 0:
                    report(done)
    finally:
        for place in places:
            place.leave()
        lab.sh("xl sched-credit2 -d 0 -w 256")
    for _ in range(50):     # Xen takes a domain's memory back by and by
        now, free_now = remains(lab)
        if now <= before and free_now > free - 8:
            break
        time.sleep(0.2)
    assert now <= before and free_now > free - 8, (now - before, free, free_now)
    assert all(d.kept and d.read for d in done), done
