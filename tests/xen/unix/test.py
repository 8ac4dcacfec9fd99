# SPDX-License-Identifier: ISC
"""Guests that are processes: the sandbox, signals, the tender's options (docs/unix.md).

unix_user.py and unix_chaos.py have further tests.
"""

import concurrent.futures
import errno
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent)]
from unix_common import child_of, gone, ready, run, start  # noqa: E402
from unix_chaos import *  # noqa: E402, F403
from unix_tools import *  # noqa: E402, F403
from unix_user import *  # noqa: E402, F403

SYSTEM_CALLS = range(0, 461)
# What the monitor uses: docs/security.md has the list.  Without the right arguments, all but
# those below end the process.
ANY_ARGUMENTS = {"munmap": 11, "rt_sigaction": 13, "rt_sigreturn": 15, "restart_syscall": 219,
                 "exit_group": 231}
BY_ARGUMENTS = {"write": 1, "mmap": 9, "arch_prctl": 158, "futex": 202, "timer_settime": 223,
                "clock_gettime": 228, "tgkill": 234}
# uretprobe and uprobe, which no filter is asked about since Linux 6.12; they are for the kernel's
# own code in a process and fail elsewhere.
UNFILTERED = (335, 336)
HYPERCALL_PAGE, UNIX_NOTE = 2, 0x786e6f6c
BAD = -1                                # an argument that no call of the monitor has


def outcome(image, *words):
    """returned N, killed, or ended: of a system call."""
    done = run(image, "call", *words)
    assert "calling" in done.stdout, done
    returned = re.search(r"returned (-?\d+)", done.stdout)
    if returned:
        return int(returned[1])
    return re.search(r"ended by (\w+)", done.stderr)[1]


def outcomes(image, calls):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(calls, pool.map(lambda call: outcome(image, *call), calls)))


def test_only_the_monitors_system_calls_are_possible(lab, image):
    # rt_sigreturn() does what it does to any process: it continues with what is on the stack.
    calls = [(nr, BAD, BAD, BAD, BAD, BAD, BAD) for nr in SYSTEM_CALLS
             if nr != ANY_ARGUMENTS["rt_sigreturn"]]
    allowed = set(ANY_ARGUMENTS.values())
    for (nr, *_), what in outcomes(image, calls).items():
        if nr in UNFILTERED:
            assert what == "killed" or what < 0, (nr, what)
            continue
        ends = nr not in allowed or nr == ANY_ARGUMENTS["exit_group"]
        assert (what == "killed") == ends, (nr, what)
    # x32, whose numbers have bit 30 set.
    assert outcome(image, 1 << 30 | 1, 1, 0, 0) == "killed"


def test_arguments_of_system_calls_are_checked(lab, image):
    n = BY_ARGUMENTS
    memory = 0x7e0000000000
    shared, fixed, private, anonymous = 1, 16, 2, 32
    killed = [
        (n["write"], 1, 0, 8), (n["write"], 4, 0, 9), (n["write"], 3, 0, 8),
        (n["write"], 1 << 32 | 2, 0, 1),
        (n["mmap"], memory, 4096, 5, shared | fixed, 3, 0),         # executable
        (n["mmap"], memory, 4096, 4, shared | fixed, 3, 0),
        (n["mmap"], memory, 4096, 3, private | fixed | anonymous, -1, 0),
        (n["mmap"], memory, 4096, 3, shared | fixed, 0, 0),         # another file
        (n["arch_prctl"], 0x1001, 0), (n["arch_prctl"], 0x1003, 0), (n["arch_prctl"], 0x1004, 0),
        (n["futex"], 0x1000, 1, 1), (n["futex"], 0x1000, 128, 0), (n["timer_settime"], 5, 0, 0, 0),
        (n["timer_settime"], 0, 1, 0, 0), (n["clock_gettime"], 2, 0), (n["tgkill"], 1, 1, 9),
    ]
    # No ioctl and no fcntl, whatever they ask for.
    killed += [(16, 0, request) for request in (0x5401, 0x5412, 0x541b, 0x5413, 0x400454ca, 0)]
    killed += [(72, fd, command) for fd in (0, 3) for command in (0, 1, 2, 3, 4, 1030, 1033)]
    for call, what in outcomes(image, killed).items():
        assert what == "killed", (call, what)
    works = {(n["clock_gettime"], 1, 0): -errno.EFAULT, (n["write"], 2, 0, 0): 0,
             (n["mmap"], memory, 4096, 3, shared | fixed, 3, 0): memory}
    for call, what in outcomes(image, list(works)).items():
        assert what == works[call], (call, what)


def test_a_closed_pipe_and_a_full_one(lab, image):
    tender = start(image, "write")          # nobody reads: the pipe is full soon
    time.sleep(0.3)
    child = child_of(tender)
    used = [int(Path(f"/proc/{p}/schedstat").read_text().split()[0]) for p in (child, tender.pid)]
    time.sleep(0.5)
    after = [int(Path(f"/proc/{p}/schedstat").read_text().split()[0]) for p in (child, tender.pid)]
    assert sum(after) - sum(used) < 0.1e9, (used, after)
    tender.send_signal(signal.SIGINT)       # it can still be ended
    tender.send_signal(signal.SIGINT)
    tender.stdout.read()
    assert tender.wait(30) is not None and gone(child)
    tender = start(image, "write")
    child = child_of(tender)
    tender.stdout.read(1000)
    tender.stdout.close()
    time.sleep(0.1)
    tender.send_signal(signal.SIGTERM)
    assert tender.wait(30) == 143 and gone(child), tender.returncode


def test_ctrl_c_asks_and_then_destroys(lab, image):
    tender = start(image, "sleep")
    assert tender.stdout.readline() and b"sleeping" in tender.stdout.readline()
    tender.send_signal(signal.SIGINT)
    said = tender.stdout.read()
    assert tender.wait(30) == 143 and b"requested by control/shutdown" in said, said
    tender = start(image, "spin", options=["--cmdline", "control=off shutdown-timeout=600s"])
    child = child_of(tender)
    os.kill(child, signal.SIGSTOP)
    tender.send_signal(signal.SIGINT)
    tender.send_signal(signal.SIGTERM)
    assert tender.wait(30) == 130 and gone(child)


def test_sigquit_shows_the_threads(lab, image):
    tender = start(image, "spin")
    while b"spinning" not in tender.stdout.readline():
        pass
    tender.send_signal(signal.SIGQUIT)
    said = b""
    while b"grants:" not in said:
        line = tender.stdout.readline()
        assert line, said
        said += line
    # It may still be in the call that has printed the word.
    assert re.search(rb"NMI: thread main is at\n( .*\n)*? .* main\+", said), said
    assert b"threads: " in said and b"main " in said, said
    tender.kill()
    tender.wait()


def test_sigquit_before_the_guest_can_take_it(lab, image):
    """It waits, and does not keep the guest from its boot."""
    for _ in range(10):
        tender = start(image, "sleep")
        assert child_of(tender)
        tender.send_signal(signal.SIGQUIT)
        ready(tender, b"sleeping")
        tender.kill()
        tender.wait()


def allow_core():
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def test_the_status_and_a_core_dump(lab, image):
    with tempfile.TemporaryDirectory() as folder:
        done = run(image, "fault", cwd=folder, preexec_fn=allow_core)
        assert done.returncode == 134, done
        assert "write to 0000000000000008 (a null pointer)" in done.stdout, done
        assert re.search(r"\bfault\+0x", done.stdout), done.stdout
        cores = list(Path(folder).glob("core*"))
        if not cores or Path("/proc/sys/kernel/core_pattern").read_text()[:1] in "|/":
            return                          # it is somewhere else
        said = subprocess.run(["gdb", "-batch", "-ex", "bt", image.with_suffix(".elf"), cores[0]],
                              capture_output=True, text=True).stdout
        assert re.search(r"#0 .*fault \(.*\n#1 .*main \(", said), said


def free_port(host, family):
    with socket.socket(family) as s:
        s.bind((host, 0))
        return s.getsockname()[1]


def test_forwarded_ports_are_served(lab, image):
    places = [(host, free_port(host, family)) for host, family in
              (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6))]
    tender = start(image, "serve", 80, options=[f"--port={h}:{p}:80" for h, p in places])
    while b"serving" not in (line := tender.stdout.readline()):
        assert line, tender.stderr.read()
    for place in places:
        said, end = b"", time.monotonic() + 60
        while said != b"hello" and time.monotonic() < end:      # it may have no address yet
            try:
                with socket.create_connection(place, timeout=5) as s:
                    said = s.recv(100)
            except OSError:
                time.sleep(0.1)
        assert said == b"hello", place
    tender.terminate()
    tender.stdout.read()
    assert tender.wait(30) == 143


def with_note(data, number, value):
    """The bytes of an image with another value of a note (elf.h, xen/elfnote.h)."""
    head = struct.pack("<3I4s", 4, 8, number, b"Xen\0")
    assert data.count(head) == 1, number
    at = data.index(head) + len(head)
    return data[:at] + struct.pack("<Q", value) + data[at + 8:]


def test_wrong_notes_are_refused(lab, image):
    data, last = image.read_bytes(), (1 << 64) - 4096
    for number, value in ((HYPERCALL_PAGE, last), (UNIX_NOTE, last + 4088), (UNIX_NOTE, last),
                          (HYPERCALL_PAGE, 0), (HYPERCALL_PAGE, 1 << 62), (UNIX_NOTE, 1 << 62)):
        with tempfile.NamedTemporaryFile() as f:
            f.write(with_note(data, number, value))
            f.flush()
            done = run(f.name)
            assert done.returncode == 2 and "invalid notes" in done.stderr, (number, value, done)


def test_wrong_words_are_refused(lab, image):
    for options, says in ((["--memory", "3"], "not a size"), (["--disk", "/none"], "/none"),
                          (["--net", "bridge"], "expected yes, no"),
                          (["-p", "80"], "LOCALPORT:GUESTPORT"),
                          (["--disk", "/dev/null"], "neither a file"),
                          (["--timeout", "x"], "not a number")):
        done = run(image, "sleep", options=options)
        assert done.returncode in (1, 2) and says in done.stderr, (options, done)
    for data in (b"", b"\x7fELF" + bytes(100), b"#!/bin/sh\n" * 10, image.read_bytes()[:5000],
                 Path("/bin/true").read_bytes()):
        with tempfile.NamedTemporaryFile() as f:
            f.write(data)
            f.flush()
            done = run(f.name)
            assert done.returncode == 2 and f.name in done.stderr, (data[:20], done)
