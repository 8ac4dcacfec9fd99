# SPDX-License-Identifier: ISC
"""The emulated machine: QEMU with Xen and the lab's dom0.

A running machine has no files: the serial line (messages of Xen and dom0), the agent's port and
QEMU's monitor are socket pairs that QEMU inherits.  QEMU ends when this process ends, even if
it is killed (PR_SET_PDEATHSIG).
"""

import json
import shutil
import socket
import subprocess
import threading
import time

from .build import BOOT
from .channel import Agent
from .errors import LabError, Timeout

EMULATOR = "qemu-system-x86_64"
# Without AVX: XSAVE and XRSTOR of QEMU 7.2 ignore CR0.TS, which Xen's lazy switching of the FPU
# needs, so the processes of Linux guests and dom0 would lose registers.
CPU = "qemu64,+npt,+nrip-save,+rdrand"
XEN = "console=com1 com1=115200,8n1 bootscrub=0 loglvl=all guest_loglvl=all"
# Switch off what takes Linux seconds in the emulator: self-tests, certificates, hardening.
LINUX = ("console=hvc0 quiet rodata=off apparmor=0 audit=0 mitigations=off "
         "cryptomgr.notests pci=nommconf swiotlb=8192 initcall_blacklist=crypto_kdf108_init,"
         "load_system_certificate_list,init_encrypted,init_zswap")
XEN_OVERHEAD = 192      # MB of the machine that Xen itself needs
SCSI_IDS = 256          # of virtio-scsi
MONITOR_PATIENCE = 60   # seconds


def check_emulator():
    if not shutil.which(EMULATOR):
        raise LabError(f"{EMULATOR} is not installed; type: "
                       "apt-get install qemu-system-x86")


class Machine:
    def __init__(self, memory, dom0_memory, cpus=2, pin=False, xen="", on_line=None,
                 cpu=None, initramfs=None, icount=False, wire=None):
        """memory: MB for all guests together; the others are those of Lab."""
        self.log, self.on_line = bytearray(), on_line
        self.process, self.said = None, []
        serial, monitor, agent = [socket.socketpair() for _ in range(3)]
        words = [*self.machine(dom0_memory + memory + XEN_OVERHEAD, cpus, cpu or CPU, icount),
                 *self.kernels(dom0_memory, pin, xen,
                               initramfs or BOOT / "initramfs.cpio"), *self.network(),
                 *self.lines(serial[1], monitor[1], agent[1])]
        theirs = [pair[1] for pair in (serial, monitor, agent)]
        if wire:
            theirs.append(wire)
            words += ["-netdev", f"socket,id=wire,fd={wire.fileno()}", "-device",
                      "virtio-net-pci,netdev=wire,mac=52:54:00:00:00:02,romfile="]
        started = threading.Event()
        self.keeper = threading.Thread(target=self.keep, args=(words, theirs, started),
                                       daemon=True)
        self.keeper.start()
        started.wait()
        for s in theirs:
            s.close()
        if self.process is None:
            raise LabError(f"cannot start {EMULATOR}: {self.failure}")
        threading.Thread(target=self.read_serial, args=(serial[0],), daemon=True).start()
        self.prepare(monitor[0], Agent(agent[0]))

    def prepare(self, monitor, agent):
        self.monitor, self.agent = monitor, agent
        self.monitor_lock, self.monitor_asked, self.monitor_read = threading.Lock(), 0, b""
        self.patience = MONITOR_PATIENCE
        self.disks, self.next_disk = set(), 0

    @staticmethod
    def machine(memory, cpus, cpu, icount):
        clock = ["tcg,thread=single", "-icount", "shift=1"] if icount else ["tcg,thread=multi"]
        return ["-machine", "q35", "-cpu", cpu, "-smp", str(cpus), "-accel", *clock,
                "-m", str(memory), "-nodefaults", "-no-user-config", "-display", "none",
                "-no-reboot"]

    @staticmethod
    def kernels(dom0_memory, pin, xen, initramfs):
        vcpus = "dom0_max_vcpus=1 dom0_vcpus_pin" if pin else ""
        return ["-kernel", str(BOOT / "xen"), "-append",
                f"{XEN} dom0_mem={dom0_memory}M,max:{dom0_memory}M {vcpus} {xen}",
                "-initrd", ",".join(module.replace(",", ",,") for module in (
                    f"{BOOT / 'vmlinux'} {LINUX}", str(initramfs)))]

    @staticmethod
    def network():
        """QEMU's user network, from which no packet can leave the machine."""
        return ["-netdev", "user,id=net,restrict=on,ipv6=off,net=10.0.0.0/24,host=10.0.0.2,"
                "dhcpstart=10.0.0.16",
                "-device", "virtio-net-pci,netdev=net,mac=52:54:00:00:00:01,romfile="]

    @staticmethod
    def lines(serial, monitor, agent):
        def line(name, s):
            return ["-chardev", f"socket,id={name},fd={s.fileno()}"]
        return [*line("serial", serial), "-serial", "chardev:serial",
                *line("monitor", monitor), "-mon", "chardev=monitor,mode=control",
                *line("agent", agent), "-device", "virtio-serial-pci",
                "-device", "virtserialport,chardev=agent,name=agent",
                "-device", "virtio-scsi-pci,id=scsi"]

    def keep(self, words, sockets, started):
        """The thread that starts QEMU; QEMU ends with this thread (PR_SET_PDEATHSIG)."""
        try:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", EMULATOR, *words],
                pass_fds=[s.fileno() for s in sockets], start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE)
        except OSError as e:
            self.failure = e
        started.set()
        if self.process:
            said = self.process.stderr.read().decode(errors="replace").splitlines()
            self.said = [line for line in said if "warning:" not in line]
            self.process.wait()

    def read_serial(self, serial):
        seen = 0
        while data := serial.recv(65536):
            self.log += data
            while self.on_line and (end := self.log.find(b"\n", seen)) >= 0:
                try:
                    self.on_line(self.log[seen:end].decode(errors="replace").rstrip())
                except Exception:       # nobody reads it; Xen's output must still be read
                    self.on_line = None
                seen = end + 1
        serial.close()

    def wait_ready(self, timeout):
        if not self.agent.ready.wait(timeout):
            raise Timeout(f"timeout: dom0 was not up after {timeout:g} s", self.log_end())
        if self.agent.gone.is_set():
            self.keeper.join(5)
            raise LabError("the lab ended during its boot" + self.qemu_said(), self.log_end())

    def qemu_said(self):
        return f": {self.said[-1]}" if self.said else ""

    def log_end(self, lines=25):
        return LabError.tail(self.log.decode(errors="replace"), lines)

    def ask(self, command, **arguments):
        """Run a QMP command; returns its reply."""
        with self.monitor_lock:
            if not self.monitor_asked:
                self._ask("qmp_capabilities", {})
            return self._ask(command, arguments)

    def _ask(self, command, arguments):
        self.monitor_asked += 1
        number, end = self.monitor_asked, time.monotonic() + self.patience
        words = {"execute": command, "arguments": arguments, "id": number}
        try:
            self.monitor.settimeout(self.patience)
            self.monitor.sendall(json.dumps(words).encode() + b"\n")
            return self._answer(number, end)
        except TimeoutError:
            raise Timeout(f"QEMU did not answer {command} within {self.patience:g} s") from None
        except OSError as e:
            raise LabError(f"QEMU: {e.strerror or e}") from None

    def _answer(self, number, end):
        """The answer with this number; one of a command that was given up may precede it."""
        while True:
            line, newline, rest = self.monitor_read.partition(b"\n")
            if not newline:
                self.monitor.settimeout(max(0.001, end - time.monotonic()))
                data = self.monitor.recv(65536)
                if not data:
                    raise LabError("QEMU: gone")
                self.monitor_read += data
                continue
            self.monitor_read = rest
            answer = json.loads(line)
            if answer.get("id") != number:      # also an event, or the greeting
                continue
            if "error" in answer:
                raise LabError(f"QEMU: {answer['error']['desc']}")
            return answer["return"]

    # -- devices and forwards while it runs

    def listen_for_gdb(self, port):
        """Start QEMU's gdb server, which debugs all code that the emulated CPUs execute."""
        said = self.ask("human-monitor-command",
                        **{"command-line": f"gdbserver tcp:127.0.0.1:{port}"})
        if "Waiting" not in said:
            raise LabError(f"cannot start the gdb server at port {port}: {said.strip()}")

    def take_disk(self):
        """Take a SCSI id.  One that was freed is used again as late as possible, since dom0 may
        not have heard yet that its disk has gone."""
        with self.monitor_lock:
            for _ in range(SCSI_IDS):
                number, self.next_disk = self.next_disk, (self.next_disk + 1) % SCSI_IDS
                if number not in self.disks:
                    self.disks.add(number)
                    return number
        raise LabError(f"the lab has {SCSI_IDS} disks already")

    def add_disk(self, path, readonly):
        """Attach a file as a disk; returns its SCSI id and a function that detaches it."""
        number = self.take_disk()
        driver = "host_device" if path.is_block_device() else "file"
        try:
            self.ask("blockdev-add", **{
                "driver": "raw", "node-name": f"disk{number}", "read-only": readonly,
                "file": {"driver": driver, "filename": str(path)}})
            self.ask("device_add", driver="scsi-hd", drive=f"disk{number}", bus="scsi.0",
                     id=f"sd{number}", **{"scsi-id": number})
        except LabError as e:
            self.remove_disk(number)
            raise LabError(f"cannot attach disk {path}: {e}") from None
        return number, lambda: self.remove_disk(number)

    def remove_disk(self, number):
        """Detach a disk, which dom0 does not use any more (lab.py)."""
        if self.agent.gone.is_set():
            return
        end = time.monotonic() + self.patience
        for command, device in ("device_del", {"id": f"sd{number}"}), \
                ("blockdev-del", {"node-name": f"disk{number}"}):
            while True:
                try:
                    self.ask(command, **device)
                    break
                except LabError as e:
                    if "not found" in str(e) or "ailed to find" in str(e):
                        break
                    if time.monotonic() > end:
                        raise LabError(f"cannot detach a disk: {e}") from None
                    time.sleep(0.02)
        with self.monitor_lock:
            self.disks.discard(number)

    def forward(self, local, address, port):
        """Forward a loopback port to a guest's port; returns a function that undoes this."""
        said = self.ask("human-monitor-command", **{
            "command-line": f"hostfwd_add net tcp:127.0.0.1:{local}-{address}:{port}"})
        if said.strip():
            raise LabError(f"port {local} of this machine is in use, or not permitted")
        return lambda: self.agent.gone.is_set() or self.ask("human-monitor-command", **{
            "command-line": f"hostfwd_remove net tcp:127.0.0.1:{local}"})

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.agent.close()
        self.monitor.close()
