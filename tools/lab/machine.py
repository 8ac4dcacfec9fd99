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


def check_emulator():
    if not shutil.which(EMULATOR):
        raise LabError(f"{EMULATOR} is not installed; type: "
                       "apt-get install qemu-system-x86")


class Machine:
    def __init__(self, memory, dom0_memory, cpus=2, pin=False, xen="", on_line=None,
                 cpu=None, initramfs=None, icount=False):
        """memory: MB for all guests together; the others are those of Lab."""
        self.log, self.on_line = bytearray(), on_line
        self.process, self.said, self.disks = None, [], set()
        serial, monitor, agent = [socket.socketpair() for _ in range(3)]
        words = [*self.machine(dom0_memory + memory + XEN_OVERHEAD, cpus, cpu or CPU, icount),
                 *self.kernels(dom0_memory, pin, xen,
                               initramfs or BOOT / "initramfs.cpio"), *self.network(),
                 *self.lines(serial[1], monitor[1], agent[1])]
        theirs = [pair[1] for pair in (serial, monitor, agent)]
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
        self.monitor = monitor[0]
        self.monitor_lock = threading.Lock()
        self.agent = Agent(agent[0])

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
                self.on_line(self.log[seen:end].decode(errors="replace").rstrip())
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
            if not hasattr(self, "monitor_file"):
                self.monitor.settimeout(60)
                self.monitor_file = self.monitor.makefile("rw")
                self._ask("qmp_capabilities")
            return self._ask(command, **arguments)

    def _ask(self, command, **arguments):
        try:
            self.monitor_file.write(json.dumps({"execute": command, "arguments": arguments})
                                    + "\n")
            self.monitor_file.flush()
            return self._answer()
        except OSError as e:
            raise LabError(f"QEMU: {e.strerror or e}") from None

    def _answer(self):
        while True:
            answer = json.loads(self.monitor_file.readline() or '{"error":{"desc":"gone"}}')
            if "error" in answer:
                raise LabError(f"QEMU: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    # -- devices and forwards while it runs

    def listen_for_gdb(self, port):
        """Start QEMU's gdb server, which debugs all code that the emulated CPUs execute."""
        said = self.ask("human-monitor-command",
                        **{"command-line": f"gdbserver tcp:127.0.0.1:{port}"})
        if "Waiting" not in said:
            raise LabError(f"cannot start the gdb server at port {port}: {said.strip()}")

    def add_disk(self, path, readonly):
        """Attach a file as a disk; returns its SCSI id and a function that detaches it."""
        with self.monitor_lock:
            number = next(n for n in range(256) if n not in self.disks)
            self.disks.add(number)
        driver = "host_device" if path.is_block_device() else "file"
        try:
            self.ask("blockdev-add", **{
                "driver": "raw", "node-name": f"disk{number}", "read-only": readonly,
                "file": {"driver": driver, "filename": str(path)}})
            self.ask("device_add", driver="scsi-hd", drive=f"disk{number}", bus="scsi.0",
                     id=f"sd{number}", **{"scsi-id": number})
        except LabError as e:
            raise LabError(f"cannot attach disk {path}: {e}") from None
        return number, lambda: self.remove_disk(number)

    def remove_disk(self, number):
        if self.agent.gone.is_set():
            return
        self.ask("device_del", id=f"sd{number}")
        for _ in range(1000):
            try:
                self.ask("blockdev-del", **{"node-name": f"disk{number}"})
                self.disks.discard(number)  # the number can be used again
                break
            except LabError:
                time.sleep(0.02)

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
