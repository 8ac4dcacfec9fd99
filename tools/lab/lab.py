# SPDX-License-Identifier: ISC
"""Lab: a booted Xen host, in QEMU or this machine itself, which runs guests."""

import hashlib
import os
import re
import tempfile
import threading
import time
from pathlib import Path

from . import build, config, extra, hvm, symbols, xenolith
from .channel import Here
from .errors import BUILD, LabError, Timeout
from .guest import Guest
from .machine import Machine, check_emulator

# Messages of xl, and what they mean.
MEANINGS = [
    (r"find_loader|not a Xen|no loader|[Ii]nvalid (kernel|ELF)|elf_init|xen_elfnote",
     "it has no Xen notes, or is not a kernel for a PV guest"),
    (r"[Oo]ut of memory|free memory|ENOMEM|[Cc]annot allocate|can't allocate|memory_exchange",
     "not enough memory"),
]


def is_xen_host():
    try:
        return "control_d" in Path("/proc/xen/capabilities").read_text()
    except OSError:
        return False


def available_memory():
    """Available memory of this machine in MB."""
    m = re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())
    return int(m[1]) >> 10


# Guests read the TSC without Xen, as on machines whose TSC is invariant.  QEMU's TSC is steady,
# but QEMU cannot announce this, so Xen would emulate each reading: four fifths of the exits of
# a PVH guest.
STEADY_TSC = 'tsc_mode="native"'

DISK_PATIENCE = 60      # seconds until dom0 has found a disk
# A disk's name in dom0 appears some time after QEMU has attached it.
FIND_DISK = """
    id=$1 patience=$2
    read now rest </proc/uptime; end=$((${now%.*} + patience))
    while [ "${now%.*}" -lt $end ]; do
        set -- /sys/class/scsi_device/*:0:$id:0/device/block/*
        [ -b "/dev/${1##*/}" ] && echo "${1##*/}" && exit
        sleep 0.05
        read now rest </proc/uptime
    done
    exit 1"""
# dom0 writes what it has not written yet, and forgets the disk at once.
DROP_DISK = """
    for disk in /sys/class/scsi_device/*:0:$1:0/device/delete; do
        [ ! -e "$disk" ] || echo 1 >"$disk"
    done"""


class Lab:
    """A Xen host: this machine if it is one, otherwise one in QEMU.  A context manager.

    memory: MB for all guests together.
    pin: run dom0 on the first CPU and guests on the second.
    cpus: CPUs of the emulated machine (default: 1; 2 with pin).  Two are several times slower
        when the real CPUs are busy, since they wait for each other.
    say: called with a line for each step.
    on_log: called with each line of the console of Xen and dom0.
    cpu: QEMU's -cpu, if the usual one does not suffice.
    type: the default guest type (default: $XENOLITH_TYPE, or pv).
    gdb: a port of 127.0.0.1 to which gdb can connect.
    icount: each instruction takes 2 ns of emulated time, however busy this machine is.
    """

    def __init__(self, pin=False, memory=1024, dom0_memory=512, xen_cmdline="",
                 boot_timeout=180, say=None, on_log=None, cpus=None, cpu=None,
                 extra=(), type=None, gdb=None, icount=False, wire=None):
        self.gdb, self.icount, self.wire = gdb, icount, wire
        self.cpus, self.cpu = cpus or (2 if pin else 1), cpu
        self.extra = list(extra)
        self.type = type or os.environ.get("XENOLITH_TYPE", "pv")
        self.pin, self.memory, self.dom0_memory = pin, memory, dom0_memory
        self.xen_cmdline, self.boot_timeout = xen_cmdline, boot_timeout
        self.say, self.on_log = say or (lambda line: None), on_log
        self.native = is_xen_host()
        self.guest_lines = [] if self.native else [STEADY_TSC]
        self.machine = self.channel = None
        self.guests, self.images, self.names = [], set(), 0
        self.has_command = False
        self.holds = []         # (ms, functions) of guests that were destroyed
        self.lock, self.turns = threading.RLock(), {}

    def __enter__(self):
        try:
            self.boot_here() if self.native else self.boot_machine()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc):
        if self.native:
            for guest in list(self.guests):
                guest.destroy()
        if self.machine:
            self.machine.stop()
        elif self.channel:
            self.channel.close()

    def boot_here(self):
        if self.gdb:
            raise LabError("--gdb needs the emulator, but this machine is a Xen host")
        self.say("using this machine's own Xen")
        if os.geteuid():
            raise LabError("this machine is a Xen host; only root can use its Xen")
        self.helper = build.native_helper()
        self.channel, self.shell = Here(), ["sh", "-c"]

    def check_machine(self):
        """Whether this machine can emulate another one; nothing was built or fetched yet."""
        check_emulator()
        want = self.memory + self.dom0_memory
        if want > available_memory():
            raise LabError(f"not enough memory: the lab needs {want} MB, "
                           f"this machine has {available_memory()} MB available")

    def boot_machine(self):
        self.check_machine()
        if build.build(self.say):
            self.say("dom0 is built")
        initramfs = extra.initramfs(self.extra, self.say)
        self.say("booting Xen in QEMU")
        start = time.monotonic()
        self.machine = Machine(self.memory, self.dom0_memory, self.cpus, self.pin,
                               self.xen_cmdline, self.on_log, self.cpu, initramfs,
                               self.icount, self.wire)
        self.channel, self.helper = self.machine.agent, "lab-guest"
        self.shell = ["busybox", "sh", "-c"]    # a fifth of the time bash takes to start
        self.machine.wait_ready(self.boot_timeout)
        self.boot_seconds = time.monotonic() - start
        self.say(f"dom0 is up after {self.boot_seconds:.1f} s")
        if self.gdb:
            self.machine.listen_for_gdb(self.gdb)
            self.say(f"gdb: target remote 127.0.0.1:{self.gdb}")

    @property
    def gone(self):
        return self.channel.gone.is_set()

    def check(self):
        if self.gone:
            raise LabError("the lab has ended" + self.machine.qemu_said(),
                           self.machine.log_end())

    def log_size(self):
        return len(self.machine.log) if self.machine else 0

    def log_since(self, start):
        return self.machine.log[start:].decode(errors="replace") if self.machine else ""

    # -- dom0

    def start(self, words, terminal=None, most=None):
        """Start a command in dom0, on a terminal of (rows, columns), or with pipes."""
        self.check()
        return self.channel.start(words, terminal, most)

    def dom0(self, command, timeout=None, input=b""):
        """Run a command in dom0 (a string by sh); returns (status, output)."""
        words = ["sh", "-c", command] if isinstance(command, str) else command
        c = self.start(words)
        try:
            if input:
                c.write(input)
            c.close_input()
            c.wait(timeout)
        except BaseException as e:
            c.signal(9)
            if isinstance(e, Timeout):
                said = (c.out + c.err).decode(errors="replace")
                raise Timeout(f"timeout in dom0 after {timeout:g} s: {command}",
                              LabError.tail(said)) from None
            raise
        self.check()
        return c.status, (c.out + c.err).decode(errors="replace")

    def sh(self, command, **how):
        """As dom0(), but returns the output, and raises LabError if the command fails."""
        status, said = self.dom0(command, **how)
        if status:
            raise LabError(f"failed in dom0 with status {status}: {command}",
                           LabError.tail(said))
        return said

    def put(self, data, path):
        """Write a file of dom0."""
        self.sh(["sh", "-c", 'mkdir -p "${1%/*}" && cat >"$1"', "put", path], input=data)

    def get(self, path):
        """Read a file of dom0."""
        c = self.start(["cat", path])
        if c.wait():
            raise LabError(f"cannot read {path} of dom0", LabError.tail(c.err.decode()))
        return bytes(c.out)

    def turn(self, what):
        """A lock for what is done in dom0 by one thread at a time.  self.lock is not held
        meanwhile, since dom0 may take long."""
        with self.lock:
            return self.turns.setdefault(what, threading.Lock())

    @staticmethod
    def path_of_image(data, name):
        return f"/tmp/images/{hashlib.sha256(data).hexdigest()[:32]}/{name}"

    def put_once(self, data, name="image"):
        """A file of dom0's with these bytes, shared by all who ask for the same."""
        path = self.path_of_image(data, name)
        with self.turn(path):
            if path not in self.images:
                self.put(data, path)
                self.images.add(path)
        return path

    def command(self):
        """The operator's command in dom0, which is installed at first use."""
        if self.native:
            return str(xenolith.make_native())
        with self.turn("command"):
            if not self.has_command:
                xenolith.install(self)
                self.has_command = True
        return xenolith.WHERE

    def image_in_dom0(self, path):
        data = config.read_image(path)
        return (str(Path(path).absolute()) if self.native
                else self.put_once(data, Path(path).name))

    def ramdisk_in_dom0(self, path):
        return self.put_once(Path(path).read_bytes())

    def bring_device_model(self):
        with self.turn("model"):
            self.native or hvm.bring_device_model(self.start, self.say)

    # -- guests

    def create(self, image, args=(), memory=32, cmdline="", disks=(), net=None, name=None,
               paused=False, ramdisk=None, more=(), monitor=False, actions=None, type=None,
               until=""):
        """Create a guest and start it, unless paused; returns a Guest.

        disks: a list of "FILE|SIZE[,ro][,dev=NAME]".
        net: None, True or "forward=LOCALPORT:GUESTPORT".
        more: lines of xl.cfg.
        monitor: xl watches the guest and does what actions ({"poweroff": "destroy", ...})
            say; without it, the guest is preserved until destroy().
        type: "pv", "pvh" or "hvm"; an image for hvm may be a disk (`.img`), which contains
            its command line.
        until: a text; Result.wrote is the time when it was in the console ring, which is
            polled all the time.
        """
        if memory > self.memory and not self.native:
            raise LabError(f"not enough memory: the guest needs {memory} MB, the lab "
                           f"has {self.memory} MB for guests")
        type = type or self.type
        disks = [config.Disk.parse(d, i) for i, d in enumerate(disks)]
        if not isinstance(net, config.Net):
            net = None if net in (None, False) else config.Net.parse("" if net is True else net)
        where = None if type == "hvm" else self.image_in_dom0(image)
        if type == "hvm":
            if ramdisk:
                raise LabError("HVM guests boot from a disk and cannot have a ramdisk")
            self.bring_device_model()
        if ramdisk:
            config.check_file(Path(ramdisk), "ramdisk")
            ramdisk = (str(Path(ramdisk).absolute()) if self.native
                       else self.ramdisk_in_dom0(ramdisk))
        given = config.uuid_of(more)
        guest = self.new_guest(name, net=bool(net), image=image, uuid=given)
        guest.symbols = symbols.of(image)
        try:
            vifs = self.connect(net, guest) if net else []
            targets, later = [(d, self.attach(d, guest)) for d in disks], []
            if type == "hvm":
                line = " ".join([*([cmdline] if cmdline else []), *(d.mount() for d in disks if d.path)])
                where = self.attach(hvm.boot_disk(image, line, args, guest), guest)
                targets, later = [], [d.line(target) for d, target in targets]
            targets = [d.word(target) for d, target in targets]
            words = config.run_words(guest.name, where, memory, cmdline, args, targets, vifs,
                                     self.pin, ramdisk, actions,
                                     [*self.guest_lines, *more,
                                      *([] if given else [config.uuid_line(guest.uuid)])], type)
            said = guest.start(words, paused or bool(later), monitor, until)
            if said is not None:
                meaning = next((m for pattern, m in MEANINGS if re.search(pattern, said)), "")
                raise LabError(f"xl could not create a guest from {image}"
                               + (meaning and f": {meaning}"),
                               LabError.tail(said + self.hotplug_log()))
            for line in later:
                self.sh(["xl", "block-attach", str(guest.domid), line])
            if later and not paused:
                guest.unpause()
        except BaseException:
            guest.destroy()
            raise
        return guest

    def new_guest(self, name, number=None, net=False, image=None, uuid=None):
        """A Guest with a name and a number for its addresses; net: it has an interface."""
        with self.lock:
            used = {g.number for g in self.guests}
            self.names += 1
            prefix = f"lab{os.getpid()}-" if self.native else "guest"
            if number is None:
                number = next(n for n in range(256) if n not in used)
            guest = Guest(self, name or f"{prefix}{self.names}", number, uuid)
            self.guests.append(guest)
        return guest

    def reserve(self, name, exact, net, uuid=None):
        """A Guest for a domain that another program creates."""
        return self.new_guest(name, uuid=uuid)

    def forget(self, guest):
        with self.lock:
            if guest in self.guests:
                self.guests.remove(guest)

    def hotplug_log(self):
        return self.dom0("tail -n 8 /var/log/xen/xen-hotplug.log 2>/dev/null")[1]

    def attach(self, disk, guest):
        """Bring a disk to dom0; returns its target for xl."""
        if disk.file and self.native:
            return str(disk.file)
        if disk.file:
            number, undo = self.machine.add_disk(disk.file, disk.readonly)
            guest.cleanup.append(lambda: self.detach(number, undo))
            return "/dev/" + self.sh([*self.shell, FIND_DISK, "disk", str(number),
                                      str(DISK_PATIENCE)]).strip()
        BUILD.mkdir(parents=True, exist_ok=True)
        path = (tempfile.mkstemp(prefix="disk-", dir=BUILD)[1] if self.native
                else f"/tmp/{guest.name}-{disk.dev}")
        self.sh(["truncate", "-s", str(disk.size), path])
        guest.cleanup.append(lambda: self.gone or self.dom0(["rm", "-f", path]))
        return path

    def detach(self, number, undo):
        """Remove a disk from dom0, and then from QEMU: otherwise dom0 hears of the end later, and
        may take a new disk with the same number for the old one."""
        try:
            if not self.gone:
                self.dom0([*self.shell, DROP_DISK, "disk", str(number)], timeout=DISK_PATIENCE)
        except Timeout:
            pass
        undo()

    def connect(self, net, guest):
        if net.forwards and self.native:
            self.say("the guest is on this host's bridge; no port is forwarded")
        for local, port in [] if self.native else net.forwards:
            guest.cleanup.append(self.machine.forward(local, guest.address, port))
            self.say_forwarded(local, port)
        return [f"mac={guest.mac}" + ("" if self.native else ",bridge=xenbr0")]

    def say_forwarded(self, local, port):
        self.say(f"http://127.0.0.1:{local}/ is forwarded to the guest" if port == 80 else
                 f"127.0.0.1:{local} is forwarded to port {port} of the guest")

    def run_guest(self, image, timeout=None, on_console=None, **how):
        """create(), wait() and destroy() a guest; returns its Result."""
        guest = self.create(image, **how)
        try:
            result = guest.wait(timeout, on_console)
        finally:
            guest.destroy()
        return result

    def linux_guest(self, cmdline="", **how):
        """create() a small Linux guest with the lab's own kernel; it prints `init: up`."""
        build.build(self.say)
        return self.create(build.BOOT / "vmlinux", memory=how.pop("memory", 256),
                           cmdline=f"console=hvc0 {cmdline}".strip(), type="pv",
                           ramdisk=build.BOOT / "linux-guest.cpio", **how)
