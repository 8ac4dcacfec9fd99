# SPDX-License-Identifier: ISC
"""Kills, signals from outside, closed terminals and full pipes at random moments: each tender ends,
and leaves no process.

A case is what a seed makes of it.  A run does CASES of them.  LONG=1: 10,000 cases; a run that is
interrupted continues where it was (BUILD/unix/chaos has the first seed and the number of those
that are done).
"""

import concurrent.futures
import os
import pty
import random
import signal
import subprocess
import threading
import time
from pathlib import Path

from folders import BUILD
from unix_common import child_of, gone, start

LONG = os.environ.get("LONG") == "1"
CASES, LONG_CASES = 60, 10000
STATE = BUILD / "unix/chaos"
PATIENCE = 120                          # s, on a busy machine
# Those that may end a process, ask it to end, stop it or mean nothing to it.
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGSEGV,
           signal.SIGABRT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGUSR1, signal.SIGALRM,
           signal.SIGSTOP, signal.SIGTSTP, signal.SIGCONT, signal.SIGCHLD, signal.SIGTTOU,
           signal.SIGXCPU, signal.SIGILL)
PROGRAMS = (("spin",), ("sleep",), ("write",), ("echo",), ("lines", 3), ("fault",))


class Ends:
    """Descriptors that the case closes."""

    def __init__(self, dice):
        self.dice, self.ours, self.theirs = dice, [], []
        self.streams = {what: self.one(what) for what in ("stdin", "stdout", "stderr")}

    def one(self, what):
        kind = self.dice.choice(("null", "null", "pipe", "pipe", "terminal"))
        if kind == "null":
            return subprocess.DEVNULL
        if kind == "terminal":
            ours, theirs = pty.openpty()
        else:
            ours, theirs = os.pipe()
            if what == "stdin":
                ours, theirs = theirs, ours
            elif self.dice.random() < 0.3:      # it is full from the start
                os.set_blocking(theirs, False)
                try:
                    while os.write(theirs, bytes(4096)):
                        pass
                except BlockingIOError:
                    pass
                os.set_blocking(theirs, True)
        self.ours.append(ours)
        self.theirs.append(theirs)
        return theirs

    def started(self):
        for fd in self.theirs:
            os.close(fd)

    def close_one(self):
        if self.ours:
            os.close(self.ours.pop(self.dice.randrange(len(self.ours))))

    def use_one(self):
        """Reads or writes what there is room for."""
        for fd in self.ours:
            os.set_blocking(fd, False)
            for what in (lambda: os.read(fd, 5000), lambda: os.write(fd, b"line\n")):
                try:
                    what()
                except OSError:
                    pass

    def close(self):
        while self.ours:
            os.close(self.ours.pop())


def send(pid, sign):
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        pass


def disturb(dice, tender, child, ends):
    """Returns what was done."""
    how = dice.choice(("tender", "tender", "child", "both", "close", "use"))
    sign = dice.choice(SIGNALS)
    if how in ("tender", "both"):
        send(tender.pid, sign)
    if how in ("child", "both") and child:
        send(child, sign)
    if how == "close":
        ends.close_one()
    if how == "use":
        ends.use_one()
    return how, sign.name


def case(image, seed):
    """Raises an AssertionError if something is left."""
    dice, done = random.Random(seed), []
    ends = Ends(dice)
    program = dice.choice(PROGRAMS)
    tender = start(image, *program, options=["--name", f"chaos-{seed & 0xffff:x}"],
                   start_new_session=True, **ends.streams)
    ends.started()
    time.sleep(dice.choice((0, 0.001, 0.005, 0.02)) * dice.random())
    child = child_of(tender, patience=dice.choice((0, 0.005, 1)))
    for _ in range(dice.randrange(1, 4)):
        done.append(disturb(dice, tender, child, ends))
        time.sleep(dice.choice((0, 0, 0.001, 0.01)) * dice.random())
    child = child or child_of(tender, patience=0)
    finish(dice, tender, child, done)
    try:
        assert tender.wait(PATIENCE) is not None
        assert child is None or gone(child, PATIENCE), "the guest's process is left"
    except (AssertionError, subprocess.TimeoutExpired) as e:
        raise AssertionError(f"seed {seed}: {program}, {done}: {e}") from None
    finally:
        ends.close()


def finish(dice, tender, child, done):
    """What a user does at last: asks twice, or kills one of the two processes."""
    how = dice.choice(("ask", "ask", "kill the tender", "kill the guest"))
    done.append(how)
    send(tender.pid, signal.SIGCONT)
    if child and how != "kill the guest":
        send(child, signal.SIGCONT)
    if how == "kill the tender":
        send(tender.pid, signal.SIGKILL)
    elif how == "kill the guest" and child:
        send(child, signal.SIGKILL)
    else:
        send(tender.pid, signal.SIGINT)
        time.sleep(0.001)
        send(tender.pid, signal.SIGTERM)


def left_behind():
    """Processes of any case."""
    found = []
    for comm in Path("/proc").glob("[0-9]*/comm"):
        try:
            if comm.read_text().startswith("chaos-") and b"Z" not in state_of(comm):
                found.append(comm.parent.name)
        except OSError:
            pass
    return found


def state_of(comm):
    return (comm.parent / "stat").read_bytes().rpartition(b")")[2].split()[0]


def plan():
    """(the first seed, cases that are done, cases in all)."""
    if not LONG:
        return random.randrange(1 << 40), 0, CASES
    if STATE.exists():
        first, done = map(int, STATE.read_text().split())
        if done < LONG_CASES:
            return first, done, LONG_CASES
    return random.randrange(1 << 40), 0, LONG_CASES


def test_chaos_leaves_no_process(lab, image):
    first, done, total = plan()
    print(f"      cases {done} to {total}, first seed {first}", flush=True)
    lock, step = threading.Lock(), 100
    with concurrent.futures.ThreadPoolExecutor(2 * os.cpu_count()) as pool:
        for at in range(done, total, step):
            n = min(step, total - at)
            list(pool.map(lambda i: case(image, first + i), range(at, at + n)))
            with lock:
                if LONG:
                    STATE.write_text(f"{first} {at + n}\n")
    assert not left_behind()
    print(f"      {total} cases: no hang, no process left", flush=True)
