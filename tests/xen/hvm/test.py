# SPDX-License-Identifier: ISC
"""Features of HVM only, with apps/hello: boot from a disk, the serial line, a PC's memory."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from unittest import mock

from ec2 import disk
from lab import hvm, xenolith

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[2] / "tools/xenolith"))

import here  # noqa: E402

BUILD = here.BUILD
HELLO = BUILD / "hello/hello"
ARGS = ["b", "c d"]


def judge(result):
    said = result.console.replace("\r", "")
    assert (result.reason, result.status) == ("poweroff", 0), result
    assert "Hello" in said and "argv[2] = c d\n" in said, said


def inside(made):
    """The kernel on a disk, as GRUB unpacks it: its SHA-256."""
    system = made.with_suffix(".fs")
    system.write_bytes(made.read_bytes()[disk.START * 512:])
    kernel = subprocess.run([disk.tool("debugfs"), "-R", "cat /boot/kernel", system],
                            capture_output=True, check=True).stdout
    system.unlink()
    return hashlib.sha256(kernel).hexdigest()


def emulated_disks(lab, guest):
    said = lab.sh(["xl", "qemu-monitor-command", str(guest.domid), "info block"])
    return said.count("ide0-hd0")


def test_the_same_file_starts_as_on_ec2(lab, image):
    """Xen provides no console: output of the kernel and the application is on COM1.  The disk
    that the BIOS has started is unplugged."""
    made, program = BUILD / "hvm/same.img", BUILD / "hvm/noconsole"
    disk.make(made, HELLO, "hello", "", ARGS, packed=False)
    assert inside(made) == hashlib.sha256(HELLO.read_bytes()).hexdigest()
    subprocess.run([os.environ.get("HOSTCC", "cc"), "-O2", "-Wall", "-Wextra", "-static",
                    "-o", program, HERE / "dom0/noconsole.c"], check=True)
    lab.put(program.read_bytes(), "/tmp/noconsole")
    with lab.create(made, type="hvm", paused=True,
                    more=['serial="file:/tmp/serial"']) as guest:
        lab.sh(f"chmod +x /tmp/noconsole && /tmp/noconsole {guest.domid}")
        assert emulated_disks(lab, guest)
        guest.unpause()
        result = guest.wait(120)
        assert not emulated_disks(lab, guest)
    assert not result.console, result.console
    result.console = lab.get("/tmp/serial").decode(errors="replace")
    judge(result)
    assert " on Xen " in result.console and "end: poweroff" in result.console


def test_a_long_command_line_is_taken_whole_or_refused(lab, image):
    """GRUB passes any: the limit of a disk that PV guests may start from too is left out."""
    with mock.patch.object(disk, "MAX_LINE", 10000):
        for count, status in (50, 0), (90, 2):
            args = ["a b" * 30] * count + ["end"]
            result = lab.run_guest(HELLO, args=args, type="hvm", timeout=120)
            said = result.console.replace("\r", "")
            assert (result.reason, result.status) == ("poweroff", status), result
            assert (f"argv[{count + 1}] = end\n" in said) == (status == 0), said
            assert ("the command line may be cut" in said) == (status == 2), said


def test_memory_on_both_sides_of_the_hole(lab, image):
    """Half of it lies behind 4 GiB, where the devices' addresses end; a network has room yet."""
    memory = BUILD / "tests/memory/memory"
    result = lab.run_guest(memory, type="hvm", memory=512, more=["mmio_hole=3840"], net=True,
                           timeout=120)
    got = int(result.console.split("malloc got ")[1].split()[0])
    assert result.status == 0 and got > 0.95 * 512 * 1024, result.console


def test_the_operators_command(lab, image):
    """`xenolith run --type hvm`: here an image becomes a disk, of which dom0 makes a guest."""
    *words, made = here.with_disk(["--cmdline", "env.A=1", "--type", "hvm", str(HELLO),
                                   "--", *ARGS])
    xenolith.install(lab)
    hvm.bring_device_model(lab.start, lab.say)
    lab.put(Path(made).read_bytes(), "/root/hello.img")
    status, said = lab.dom0(["xenolith", "run", *words, "/root/hello.img"], timeout=120)
    assert status == 0 and "hello ended by poweroff, status 0" in said and "c d" in said, said
    for words, why in ((["--cmdline", "x", "/root/hello.img"], "options and arguments"),
                       (["/root/hello.img", "--", "x"], "options and arguments"),
                       (["/etc/passwd"], "not a bootable disk")):
        status, said = lab.dom0(["xenolith", "run", "--type", "hvm", *words])
        assert status in (1, 2) and why in said, said


def test_events_come_by_the_platform_device(lab, image):
    """As on a Xen without an event vector; no event is lost.  `xl debug-keys I` shows the mode."""
    with lab.create(BUILD / "tests/wake/wake", type="hvm", args=["interrupt"], memory=32) as guest:
        guest.wait_for("by the platform device", 60)
        lab.sh("xl dmesg -c > /dev/null; xl debug-keys I")
        said = lab.sh("xl dmesg")
        assert re.search(r"Callback via 1:0x[5ab],", said), said
        result = guest.wait(200)
    assert "Test result: SUCCESS" in result.console, result.console
