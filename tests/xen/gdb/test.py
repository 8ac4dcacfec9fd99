# SPDX-License-Identifier: ISC
"""The real gdb debugs an application over vchan, by xenolith(1), through the lab's socket."""

import contextlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from unittest import SkipTest

from lab import clients, xenolith

ROOT = Path(__file__).resolve().parents[3]
COMMAND = f"'{ROOT}/xenolith'"
QUIET = ("set confirm off", "set pagination off", "set width 0", "set remotetimeout 30")


def line_of(text):
    """Of main.c, the first that has it."""
    source = (Path(__file__).parent / "main.c").read_text().splitlines()
    return next(i for i, line in enumerate(source, 1) if text in line)


# Ctrl-C, half a second after the next command has started.
CTRL_C = """
import os, signal, threading
def later(event):
    gdb.events.cont.disconnect(later)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
gdb.events.cont.connect(later)
"""


numbers = {}


class Gdb:
    """gdb in batch mode, for one guest."""

    def __init__(self, lab, guest, image):
        if lab not in numbers:            # each lab has its own, and this process has two
            numbers[lab] = os.getpid() * 100 + len(numbers)
            xenolith.install(lab)
            clients.accept_clients(lab, numbers[lab])
        self.domid, self.image = guest.domid, f"{image.absolute()}.elf"
        self.env = {**os.environ, "XENOLITH_LAB": str(numbers[lab])}

    def run(self, *commands):
        """Returns gdb's output for these commands."""
        commands = [*QUIET, f"target remote | {COMMAND} gdb {self.domid}", *commands]
        words = ["gdb", "-nx", "-q", "-batch", self.image]
        for command in commands:
            words += ["-ex", command]
        return subprocess.run(words, env=self.env, text=True, stdin=subprocess.DEVNULL, timeout=100,
                              cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout


@contextlib.contextmanager
def debugged(lab, image, *args, gdb="on"):
    if not shutil.which("gdb"):
        raise SkipTest("this machine has no gdb: make setup")
    with lab.create(image, args=args, memory=48, cmdline=f"gdb={gdb}") as guest:
        yield guest, Gdb(lab, guest, image)


def says(said, *patterns):
    """In this order."""
    at = 0
    for pattern in patterns:
        m = re.compile(pattern, re.M).search(said, at)
        assert m, f"{pattern!r} is not in, from character {at} on:\n{said}"
        at = m.end()


def test_an_application_is_debugged(lab, image):
    """From before main() to an end that gdb has changed."""
    with debugged(lab, image, "jump", gdb="wait") as (guest, gdb):
        guest.wait_for("main() waits")
        said = gdb.run("break sum_of", "continue", "print a + b", "backtrace", "next", "next",
                       "print sum", "stepi", "info threads", "set var sum = 41",
                       "delete", "break longer", "continue", "delete", "finish",
                       f"tbreak main.c:{line_of('return status')}", "continue",
                       "print status", "set var status = 7", "continue")
        says(said, r"Breakpoint 1, sum_of \(a=1, b=2\) at .*main\.c", r"^\$1 = 3",
             r"^#0  sum_of \(a=1, b=2\)", r"^#1 .* in main \(argc=2, argv=",
             r"usleep\(1000\)", r"sum\+\+", r"^\$2 = 3", r"\* 1 .*main.* sum_of ",
             r"Breakpoint 2, longer \(a=0x", r"^Value returned is \$3 = ", r"return status",
             r"^\$4 = 41", r"exited with code 07")
        result = guest.wait(30)
        assert (result.reason, result.status) == ("poweroff", 7), result
        assert "up 41" in result.console, result.console


def test_a_spinning_application_is_interrupted(lab, image):
    """Ctrl-C shows where it spins; only the application stops; checks gdb's packets."""
    with debugged(lab, image, "spin") as (guest, gdb):
        guest.wait_for("up 4")
        said = gdb.run(f"python exec({CTRL_C!r})", "continue", "backtrace", "print turns",
                       "info threads", "shell sleep 1", "print turns - $1",
                       f"shell {COMMAND} ps {guest.domid}", "next", "next",
                       "x/x 0", "x/x 0x7ffffffffffff000", "set var *(int *)8 = 1",
                       "set var *(int *)main = *(int *)main", "print $rip = 8", "print $rsp = 8",
                       "print $rip > 8", "break thread_yield", "next", "delete", "next", "next",
                       "print turns > $1", "detach")
        says(said, r"SIGINT", r"^#0 .*spin_here \(\)", r"^#1 .* in main \(", r"^\$1 = \d",
             r"\* 1 .*main.* spin_here", r"  2 .*sleep.*", r"^\$2 = 0",
             r"^\d+\t+(other_)?turns\+\+", r"Cannot access memory at address 0x0",
             r"Cannot access memory", r"Cannot access memory at address 0x8",
             r"Could not write register", r"Could not write register", r"^\$3 = 1",
             r"Cannot insert breakpoint", r"^\d+\t+(other_)?turns\+\+", r"^\$4 = 1", r"detached")
        # By another process, which gdb's own output may come after.
        assert re.search(r"endpoint +kernel running", said), said
        # The application continues; a second gdb finds it spinning, in a later iteration.
        turns = int(re.search(r"^\$1 = (\d+)", said, re.M)[1])
        said = gdb.run(f"print turns > {turns}", "kill")
        says(said, r"spin_here", r"^\$1 = 1")
        assert guest.wait(30).status == 137


def test_a_fault_is_shown_and_ends_the_guest(lab, image):
    with debugged(lab, image, "null", gdb="wait") as (guest, gdb):
        guest.wait_for("main() waits")
        said = gdb.run("continue", "backtrace 1", "continue")
        says(said, "SIGSEGV", r"^#0 .*main \(argc=2", "terminated with signal SIGABRT")
        result = guest.wait(30)
        assert result.status == 134 and "write to 0000000000000000" in result.console, result


def test_invalid_packets_are_answered_and_a_stopped_guest_ends(lab, image):
    with debugged(lab, image, "count") as (guest, gdb):
        guest.wait_for("up 4")
        said = gdb.run("print turns")
        path = f"/local/domain/{guest.domid}/data/vchan/0/gdb"
        lab.sh("(printf '$g#00$#00$m0,zz#ff\\003-$M4,ffffffffffffffff:#00';"
               " head -c 9999 /dev/urandom; printf '++++$?#3f'; sleep 1) |"
               f" timeout 2 xenolith vcat {guest.domid} {path} > /tmp/said || true")
        assert b"T05thread:" in lab.get("/tmp/said")
        turns = int(re.search(r"^\$1 = (\d+)", said, re.M)[1])
        says(gdb.run(f"print turns > {turns}", f"shell {COMMAND} shutdown {guest.domid}",
                     "shell sleep 1"), r"^\$1 = 1")
        assert guest.wait(30).status == 143
