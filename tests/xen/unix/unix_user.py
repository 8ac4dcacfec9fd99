# SPDX-License-Identifier: ISC
"""What a user's shell, terminal, disk and limits do to a guest that is a process."""

import contextlib
import os
import pty
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from unittest import SkipTest

import process_cli
import process_dom0
from folders import ROOT
from unix_common import child_of, gone, ready, run, start, tender_words

PATIENCE = 60


def until(claim, why=""):
    """Waits until a claim holds."""
    end = time.monotonic() + PATIENCE
    while not claim():
        assert time.monotonic() < end, why or claim
        time.sleep(0.005)


def state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def end(tender):
    """It ends when it is asked twice."""
    tender.send_signal(signal.SIGTERM)
    tender.send_signal(signal.SIGINT)
    tender.wait(PATIENCE)


@contextlib.contextmanager
def terminal():
    """(master, slave) of a terminal without changes of what is written."""
    master, slave = pty.openpty()
    try:
        yield master, slave
    finally:
        os.close(master)
        os.close(slave)


def own_terminal():
    """In the child: the terminal on standard input becomes that of its session."""
    import fcntl
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_standard_files_may_be_closed(lab, image):
    for closed in ((0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)):
        with tempfile.NamedTemporaryFile() as disk:
            disk.write(bytes(1 << 20))
            disk.flush()
            done = subprocess.run(
                tender_words(image, ["--disk", disk.name, "--timeout", "100"], ["lines", "5"]),
                preexec_fn=lambda: [os.close(fd) for fd in closed],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            assert done.returncode == 7, (closed, done)
            assert 1 in closed or done.stdout.count(b"a line") == 5, (closed, done)
            assert not any(Path(disk.name).read_bytes()), closed


def test_a_full_disk_is_reported(lab, image):
    with open("/dev/full", "w") as full:
        done = subprocess.run(tender_words(image, ["--timeout", "100"], ["lines", "5"]), stdout=full,
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 7 and "No space left" in done.stderr, done


def test_limits_of_the_shell_are_errors(lab, image):
    def limited(what, value):
        return lambda: resource.setrlimit(what, (value, resource.getrlimit(what)[1]))
    done = run(image, "lines", 1, preexec_fn=limited(resource.RLIMIT_FSIZE, 4096))
    assert done.returncode == 1 and "File too large" in done.stderr, done
    done = run(image, "lines", 1, preexec_fn=limited(resource.RLIMIT_SIGPENDING, 0))
    assert done.returncode == 253 and "no timer" in done.stderr, done
    done = run(image, "lines", 1, options=["--memory", "nan"])
    assert done.returncode == 2 and "not a size" in done.stderr, done


def test_a_hangup_that_is_ignored_stays_ignored(lab, image):
    """As with nohup."""
    tender = start(image, "echo", stdin=subprocess.PIPE,
                   preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    ready(tender, b"ready")
    tender.send_signal(signal.SIGHUP)
    for n in range(50):                         # the guest would have ended after the first few
        time.sleep(0.01)
        tender.stdin.write(b"line %d\n" % n)
        tender.stdin.flush()
        ready(tender, b"got line %d" % n)
    tender.communicate(timeout=PATIENCE)
    assert tender.returncode == 0, tender.returncode


def test_the_end_is_seen_by_one_who_ignores_sigchld(lab, image):
    tender = start(image, "lines", 1, preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    try:
        tender.communicate(timeout=PATIENCE)
        assert tender.returncode == 7, tender.returncode
    finally:
        tender.kill()


def test_no_input_is_lost_while_the_guest_takes_none(lab, image):
    """More than the ring has room for, and its writer has ended."""
    lines = [b"line %d of some length" % i for i in range(300)]
    tender = start(image, "echo", stdin=subprocess.PIPE)
    ready(tender, b"ready")
    child = child_of(tender)
    os.kill(child, signal.SIGSTOP)
    tender.stdin.write(b"\n".join(lines) + b"\n")
    tender.stdin.close()
    time.sleep(0.3)
    os.kill(child, signal.SIGCONT)
    said = tender.stdout.read().splitlines()
    assert tender.wait(PATIENCE) == 0 and [b"got " + n for n in lines] == said[:len(lines)], said


def test_a_terminal_that_nobody_reads(lab, image):
    with terminal() as (master, slave):
        tender = start(image, "write", stdin=slave, stdout=slave)
        child = child_of(tender)
        until(lambda: time.sleep(0.1) or state(tender.pid) == state(child) == "S")
        end(tender)
        assert gone(child)


def test_standard_error_that_nobody_reads(lab, image):
    read, write = os.pipe()
    os.set_blocking(write, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write, bytes(65536))
    os.set_blocking(write, True)
    tender = start(image, "lines", 1, stderr=write)
    assert tender.wait(PATIENCE) == 7
    os.close(read)
    os.close(write)


def echoes(fd):
    return bool(termios.tcgetattr(fd)[3] & termios.ECHO)


def test_ctrl_z_stops_the_guest_and_restores_the_terminal(lab, image):
    with terminal() as (master, slave):
        tender = start(image, "spin", stdin=slave, stdout=slave, preexec_fn=own_terminal)
        child = child_of(tender)
        until(lambda: not echoes(slave))
        os.write(master, b"\x1a")
        until(lambda: state(tender.pid) == "T" and state(child) == "T")
        assert echoes(slave)
        tender.send_signal(signal.SIGCONT)
        until(lambda: state(child) != "T" and not echoes(slave))
        end(tender)
        assert gone(child) and echoes(slave)


def test_a_terminal_that_goes_away(lab, image):
    master, slave = pty.openpty()
    tender = start(image, "write", stdin=slave, stdout=slave, preexec_fn=own_terminal)
    os.close(slave)
    child = child_of(tender)
    os.read(master, 1000)
    os.close(master)                    # SIGHUP: the guest is asked to end
    tender.wait(PATIENCE)
    assert gone(child)


def test_a_guest_in_the_background_leaves_the_terminal_alone(lab, image):
    with terminal() as (master, slave):
        words = tender_words(image, ["--timeout", "100"], ["echo"])
        shell = subprocess.Popen(["sh", "-mc", '"$@" & echo pid $!; wait', "sh", *words], stdin=slave,
                                 stdout=subprocess.PIPE, stderr=slave, preexec_fn=own_terminal)
        pid = int(shell.stdout.readline().split()[1])
        while b"ready" not in shell.stdout.readline():
            pass
        assert echoes(slave)
        os.write(master, b"for the shell\n")
        for _ in range(50):
            assert state(pid) == "S" or state(pid) == "R", state(pid)
            time.sleep(0.01)
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGTERM)
        until(lambda: gone(pid))
        said = shell.stdout.read()
        assert b"got" not in said, said
        assert shell.wait(PATIENCE) is not None


def test_the_environment_is_not_for_the_guest(lab, image):
    secret = f"secret-{random.randrange(1 << 62)}"
    with tempfile.TemporaryDirectory() as folder:
        tender = start(image, "sleep", env={**os.environ, "KEY_OF_THE_USER": secret})
        child = child_of(tender)
        while b"sleeping" not in tender.stdout.readline():
            pass
        found, read = False, 0
        with open(f"/proc/{child}/mem", "rb", buffering=0) as memory:
            for line in Path(f"/proc/{child}/maps").read_text().splitlines():
                low, high = (int(x, 16) for x in line.split()[0].split("-"))
                if "r" not in line.split()[1] or "[v" in line:
                    continue
                with contextlib.suppress(OSError):
                    memory.seek(low)
                    data = memory.read(min(high - low, 256 << 20))
                    read += len(data)
                    found |= secret.encode() in data
        end(tender)
        assert read > 1 << 20 and not found, (folder, read)


def test_a_file_is_not_replaced_by_a_socket(lab, image):
    with tempfile.NamedTemporaryFile() as f:
        f.write(b"data")
        f.flush()
        done = run(image, "lines", 1, options=["--control", f.name])
        assert done.returncode == 1 and f.name in done.stderr, done
        assert Path(f.name).read_bytes() == b"data"


def test_a_client_that_does_not_read_is_left(lab, image):
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/s"
        tender = start(image, "sleep", options=["--control", path])
        while b"sleeping" not in tender.stdout.readline():
            pass
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            with contextlib.suppress(ConnectionError):
                for _ in range(2000):
                    s.sendall(b"list /local/domain/1\n" * 100)
            with contextlib.suppress(ConnectionError):
                while s.recv(1 << 16):
                    pass
        assert process_cli.dial(path), "the tender does not answer"
        end(tender)


def test_a_tender_that_ends_gives_no_answer(lab, image):
    """For the commands of tests (process_dom0.py)."""
    answers = {b"": None, b"ok": None, b"ok 5\nab": None, b"error 13\n": None, b"ok 2\nab": b"ab"}
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as s:
        path = f"{folder}/s"
        assert process_dom0.ask(path, "read /a") is None
        s.bind(path)
        s.listen()

        def serve():
            for answer in answers:
                client, _ = s.accept()
                with client:
                    client.recv(100)
                    client.sendall(answer)
        server = threading.Thread(target=serve)
        server.start()
        for answer, value in answers.items():
            assert process_dom0.ask(path, "read /a") == value, answer
        server.join()


def test_names_are_given_once(lab, image):
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, ROOT / "xenolith", "run", "--type", "unix", "--timeout", "100",
                   "--no-console-input", image, "sleep"]
        many = [subprocess.Popen(command, env={**os.environ, "XDG_RUNTIME_DIR": folder},
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)]
        for p in many:
            while b"sleeping" not in (line := p.stdout.readline()):
                assert line, p.stderr.read()
        names = {p.name for p in Path(folder, "xenolith").iterdir() if p.is_socket()}
        for p in many:
            p.send_signal(signal.SIGTERM)
        for p in many:
            p.communicate(timeout=PATIENCE)
        assert len(names) == len(many), names
        assert not [p for p in Path(folder, "xenolith").iterdir() if p.is_socket()]


def test_a_mounted_device_is_not_a_disk(lab, image):
    def sh(command):
        done = subprocess.run(command, shell=True, capture_output=True, text=True)
        if done.returncode:
            raise SkipTest(f"{command}: {done.stderr.strip()}")
        return done.stdout.strip()
    if os.getuid():
        raise SkipTest("it needs root")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as undo:
        sh(f"truncate -s 4M {folder}/disk; PATH=$PATH:/sbin mke2fs -q {folder}/disk")
        device = sh(f"losetup -f --show {folder}/disk")
        undo.callback(subprocess.run, ["losetup", "-d", device])
        sh(f"mkdir {folder}/mnt; mount {device} {folder}/mnt")
        undo.callback(subprocess.run, ["umount", f"{folder}/mnt"])
        done = run(image, "lines", 1, options=["--disk", device])
        assert done.returncode == 1 and "busy" in done.stderr, done
        done = run(image, "lines", 1, options=["--disk", f"{device},ro"])
        assert done.returncode == 7, done
