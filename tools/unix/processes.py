# SPDX-License-Identifier: ISC
"""Guests as processes, with the interface of lab.Lab, as far as it does not need dom0.

What needs dom0 (its shell, xl, a vif on a bridge) raises SkipTest.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from unittest import SkipTest

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]
from folders import BUILD, ROOT  # noqa: E402

from lab import config  # noqa: E402
from lab.cli import STATUS  # noqa: E402
from lab.errors import LabError  # noqa: E402
from lab.guest import Result  # noqa: E402

import process_cli  # noqa: E402
import process_dom0  # noqa: E402

ENDED = re.compile(r"xenolith: (\S+) ended by (\w+), status (\d+)\n\Z")
SLOW = 120


# Commands of a test that need dom0.
OTHER_TOOLS = re.compile(
    r"\b(ab|brctl|curl|dd|dmesg|ip|iperf3|losetup|mount|nc|truncate|umount|wrk|vchan-socket-proxy)\b"
    r"|/root|/sys|/backend/|/proc|/dev/(?!null|zero)|xenstore-(?!read|exists|write|list)|xl (?!trigger|sysrq|destroy)"
    r"|xenolith (cp|gdb|list|rm|run|vcat|wait)\b")
# At least one of these is what it is about.
KNOWN_TOOLS = re.compile(r"\b(xenolith|xenstore|xl|sleep|peer)\b|/files/")
WRAPPER = """#!/bin/sh
exec python3 {script} {folder} {command} "${{0##*/}}" "$@"
"""
IN_TMP = re.compile(r"(?<![\w/-])/tmp/(?!xenolith-)")


class Guest:
    """A process; the console is read by a thread."""

    def __init__(self, lab, name, words):
        self.lab, self.name, self.words = lab, name, words
        self.domid, self.process, self.mac = None, None, None
        self.out, self.err, self.chunks = bytearray(), "", []
        self.more = threading.Condition()
        self.cleanup = []

    def unpause(self):
        self.watched_from = time.monotonic()
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, start_new_session=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        fd = self.process.stdout.fileno()
        while data := os.read(fd, 65536):
            with self.more:
                self.out += data
                self.chunks.append((time.monotonic() - self.watched_from, len(self.out)))
                self.more.notify_all()
        self.process.wait()
        self.seconds = time.monotonic() - self.watched_from
        with self.more:
            self.domid = None
            self.more.notify_all()

    def send(self, text):
        try:
            self.process.stdin.write(text.encode() if isinstance(text, str) else text)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def console_bytes(self):
        return bytes(self.out)

    def console_text(self):
        return self.console_bytes().decode(errors="replace")

    def child(self):
        """The process in which the guest runs, beside the tender."""
        tasks = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(tasks.read_text().split()[0])

    def cpu_seconds(self):
        text = Path(f"/proc/{self.child()}/schedstat").read_text()
        return int(text.split()[0]) / 1e9

    def wait_for(self, text, timeout=SLOW):
        want, end = text.encode(), time.monotonic() + timeout
        with self.more:
            while want not in self.out:
                left = end - time.monotonic()
                if left <= 0 or not self.reader.is_alive() or not self.more.wait(min(left, 1)):
                    if want in self.out:
                        return
                    if left <= 0 or not self.reader.is_alive():
                        raise LabError(f"guest {self.name} did not print {text!r}",
                                       LabError.tail(self.console_text()))

    def wait(self, timeout=None, on_console=None, on_timeout=None):
        end, told = None if timeout is None else self.watched_from + timeout, 0
        while True:
            alive = self.reader.is_alive()
            if on_console and len(self.out) > told:
                new = bytes(self.out[told:])
                told += len(new)
                on_console(new)
            if not alive:
                return self.result()
            if end is not None and time.monotonic() >= end:
                if on_timeout:
                    on_timeout()
                self.kill()
                return self.result(timed_out=True)
            with self.more:
                if self.reader.is_alive():
                    self.more.wait(0.2)

    def result(self, timed_out=False):
        self.errors.seek(0)
        self.err = self.errors.read().decode(errors="replace")
        ended = ENDED.search(self.err)
        if not ended and not timed_out:
            raise LabError(f"the tender of guest {self.name} ended with {self.process.returncode}",
                           self.err + LabError.tail(self.console_text()))
        reason = "timeout" if timed_out else ended[2]
        status = None if timed_out else int(ended[3])
        if reason != "poweroff" and status == STATUS.get(reason):
            status = None
        result = Result(reason=reason, status=status, console=self.console_text(),
                        seconds=self.seconds, first_byte=self.chunks[0][0] if self.chunks else None,
                        wrote=None, chunks=self.chunks, xen_log=self.err)
        result.wrote = result.seconds_until(self.until) if self.until else None
        return result

    def shutdown(self, how="poweroff"):
        if self.lab.ask(self.name, f"write /local/domain/1/control/shutdown {how}") is None:
            self.process.send_signal(signal.SIGTERM)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.reader.join(30)

    def destroy(self):
        self.kill()
        if self.process:
            self.process.stdin.close()
            self.reader.join(30)
            self.process.stdout.close()
            self.errors.close()
        for undo in self.cleanup:
            undo()
        self.cleanup = []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.destroy()


class Processes:
    """Like lab.Lab."""

    type, native, gone = "unix", False, False

    def __init__(self, **how):
        self.tender = process_cli.make_tender()
        self.holds, self.number = [], 0
        self.folder = Path(tempfile.mkdtemp(prefix="xenolith-"))
        (self.folder / "files").mkdir()             # dom0's /tmp

    def disk(self, text, guest):
        """The word of a disk; a size makes a file, which is removed with the guest."""
        text = str(text)
        disk = config.Disk.parse(text, 0)
        if disk.file is None:
            file = tempfile.NamedTemporaryFile(prefix="xenolith-disk-")
            file.truncate(disk.size)
            guest.cleanup.append(file.close)
            name = file.name
        else:
            name = str(disk.file)
        words = [w for w in text.split(",")[1:] if w]
        path = f":{disk.path}" if disk.path else ""
        return ",".join([name + path, *words])

    def create(self, image, args=(), memory=32, cmdline="", disks=(), net=None, name=None,
               paused=False, ramdisk=None, more=(), monitor=False, actions=None, type=None,
               until=""):
        if ramdisk or more or monitor or actions or type not in (None, "unix", "pv"):
            raise SkipTest("it needs dom0: xl")
        if net:
            raise SkipTest("it needs dom0: its bridge and clients")
        self.number += 1
        guest = Guest(self, name or f"guest{self.number}", [])
        words = [self.tender, "--end", "--raw", "--control", self.folder / guest.name,
                 "--name", guest.name, "--memory", str(memory)]
        if cmdline:
            words += ["--cmdline", cmdline]
        for disk in disks:
            words += ["--disk", self.disk(disk, guest)]
        guest.words = [*words, image, "--", *map(str, args)]
        guest.domid, guest.until = 1, until
        if not paused:
            guest.unpause()
        return guest

    def run_guest(self, image, timeout=None, on_console=None, **how):
        with self.create(image, **how) as guest:
            return guest.wait(timeout, on_console)

    def needs(what):
        def skip(self, *words, **how):
            raise SkipTest(f"it needs dom0: {what}")
        return skip

    start, linux_guest, command, server, attach = map(
        needs, ("a program in the background", "a Linux guest", "a program there",
                "a program there", "xl"))

    def ask(self, name, line):
        return process_dom0.ask(self.folder / name, line)

    def wrapper(self, name, command):
        """A program of the folder bin."""
        path = self.folder / "bin" / name
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_text(WRAPPER.format(folder=self.folder, command=command,
                                           script=Path(process_dom0.__file__)))
            path.chmod(0o755)
        return path

    def peer(self, source):
        """The tests' program on libxenvchan."""
        return self.wrapper("peer", process_cli.make_peer(source))

    def put(self, data, path):
        """A file of dom0's /tmp."""
        if not path.startswith("/tmp/"):
            raise SkipTest(f"it needs dom0: {path}")
        file = self.folder / "files" / Path(path).name
        file.write_bytes(data)
        file.chmod(0o755)

    def get(self, path):
        return (self.folder / "files" / Path(path).name).read_bytes()

    def dom0(self, command, timeout=SLOW, input=b""):
        """Only for the commands of process_dom0.py, and what a shell has."""
        if not isinstance(command, str):
            command = shlex.join(map(str, command))
        other = OTHER_TOOLS.search(command)
        command, input = IN_TMP.sub(f"{self.folder}/files/", command), input or b""
        if other or not KNOWN_TOOLS.search(command):
            raise SkipTest(f"it needs dom0: {other[0] if other else command.split()[0]}")
        for name in ("xenolith", "xl", "xenstore-read", "xenstore-exists", "xenstore-write", "xenstore-list"):
            self.wrapper(name, process_cli.make_command())
        done = subprocess.run(["sh", "-c", command], input=input, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout,
                              env={**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"})
        return done.returncode, done.stdout.decode(errors="replace")

    def sh(self, command, **how):
        status, said = self.dom0(command, **how)
        if status:
            raise LabError(f"{command} ended with status {status}", said)
        return said

    machine = images = None
    memory = 1024
    pin = False

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        shutil.rmtree(self.folder, ignore_errors=True)
