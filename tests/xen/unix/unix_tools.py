# SPDX-License-Identifier: ISC
"""gdb, perf and TAP devices with guests that are processes."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from unittest import SkipTest

from unix_common import child_of, gone, ready, start

PATIENCE = 120


def stop(tender):
    tender.send_signal(signal.SIGTERM)
    tender.send_signal(signal.SIGINT)
    tender.communicate(timeout=PATIENCE)


def test_gdb_attaches_and_the_guest_goes_on(lab, image):
    if not shutil.which("gdb"):
        raise SkipTest("this machine has no gdb")
    tender = start(image, "spin")
    child = child_of(tender)
    ready(tender, b"spinning")
    for _ in range(2):
        done = subprocess.run(["gdb", "-nx", "-batch", "-ex", "bt", image.with_suffix(".elf"), "-p", str(child)],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE)
        if "ptrace: Operation not permitted" in done.stderr:
            stop(tender)
            raise SkipTest("the machine does not allow ptrace()")
        assert re.search(r"#\d+ .*\bmain \(argc=", done.stdout), done
    tender.send_signal(signal.SIGQUIT)          # it still runs
    ready(tender, b"NMI: thread main")
    stop(tender)
    assert gone(child)


def test_perf_names_the_functions(lab, image):
    if not shutil.which("perf"):
        raise SkipTest("this machine has no perf")
    with tempfile.TemporaryDirectory() as folder:
        tender = start(image, "spin", options=["--perf"])
        child = child_of(tender)
        ready(tender, b"spinning")
        data = f"{folder}/data"
        done = subprocess.run(["perf", "record", "-q", "-o", data, "-p", str(child), "sleep", "1"],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE)
        names = Path(f"/tmp/perf-{child}.map")
        assert " main" in names.read_text()
        said = subprocess.run(["perf", "report", "--stdio", "-i", data], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE)
        stop(tender)
        names.unlink()
        if done.returncode or "No permission" in done.stderr:
            raise SkipTest(f"perf record: {done.stderr.strip()[:100]}")
        assert re.search(r"^ +[\d.]+% .* main$", said.stdout, re.M), said


@contextlib.contextmanager
def tap_device(name):
    """A TAP device with an address of this machine: for root."""
    def ip(*words):
        done = subprocess.run(["ip", *words], capture_output=True, text=True)
        if done.returncode:
            raise SkipTest(f"no TAP device: {done.stderr.strip()}")
    if os.getuid() or not shutil.which("ip"):
        raise SkipTest("a TAP device needs root and ip")
    ip("tuntap", "add", name, "mode", "tap")
    try:
        ip("addr", "add", "10.97.0.1/24", "dev", name)
        ip("-6", "addr", "add", "fd97::1/64", "dev", name, "nodad")
        ip("link", "set", name, "up")
        yield
    finally:
        subprocess.run(["ip", "link", "del", name], capture_output=True)


def hello_from(place):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(place, timeout=5) as s:
            if s.recv(100) == b"hello":
                return
        time.sleep(0.1)
    raise AssertionError(place)


def test_a_tap_device_by_name(lab, image):
    """IPv4 and IPv6; when the device is removed, the guest is left without a network, and idle."""
    name = f"xt{os.getpid() % 100000}"
    with tap_device(name):
        line = "ip=10.97.0.2/24,gateway=10.97.0.1 ip6=fd97::2/64"
        tender = start(image, "serve", 80, options=["--net", f"tap={name}", "--cmdline", line])
        child = child_of(tender)
        ready(tender, b"serving")
        hello_from(("10.97.0.2", 80))
        hello_from(("fd97::2", 80))
    assert b"TAP device" in tender.stderr.readline()
    before = cpu(tender.pid)
    time.sleep(1)
    assert cpu(tender.pid) - before < 0.3, "it is busy"
    stop(tender)
    assert gone(child)


def cpu(pid):
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
