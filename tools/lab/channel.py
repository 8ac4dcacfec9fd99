# SPDX-License-Identifier: ISC
"""Commands in dom0: of the lab, through its agent, or of this machine.

Agent implements the host's side of the protocol of dom0/agent.c, over a socket.  Here runs
commands with subprocess, on a machine that is a Xen host.  Both have
start(words, terminal, most) -> Command.  A Command collects the output; any thread may wait for
it or write to it.  most: while so many bytes of out wait for take(), nothing more is read; over
an Agent, the output of its other commands waits meanwhile, too.
"""

import fcntl
import os
import pty
import queue
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

from .errors import LabError, Timeout

HEADER = struct.Struct("<IHBx")
WINDOW = 256 * 1024
CHUNK = 32 * 1024
MOST_WORDS = 1023       # of a command; dom0/agent.c


def receive(sock, n):
    """Returns n bytes; raises OSError if the connection ends before."""
    data = bytearray()
    while len(data) < n:
        part = sock.recv(n - len(data))
        if not part:
            raise OSError
        data += part
    return bytes(data)


class Command:
    """A running command: its output is added to out and err; status is set at its end."""

    def __init__(self, most=None):
        self.changed = threading.Condition()
        self.out, self.err = bytearray(), bytearray()
        self.most = most
        self.status = None
        self.unacked = self.taken = 0   # bytes of input: on their way; written to the command

    def write(self, data):
        """Write to standard input; sleeps while WINDOW bytes are on their way."""
        for at in range(0, len(data), CHUNK):
            part = data[at:at + CHUNK]
            with self.changed:      # check and count under the lock, for other threads
                self.until(lambda: self.unacked + len(part) <= WINDOW)
                if self.status is not None:
                    return
                self.unacked += len(part)
            self.pass_input(part)

    def took_input(self, n):
        with self.changed:
            self.unacked -= n
            self.taken += n
            self.changed.notify_all()

    def unbound(self):
        """Read on though nobody may call take()."""
        with self.changed:
            self.most = None
            self.changed.notify_all()

    def took(self, stream, data):
        with self.changed:
            if stream is self.out:
                self.until(lambda: self.most is None or len(stream) < self.most)
            stream.extend(data)
            self.changed.notify_all()

    def take(self, stream):
        """Returns what has come to out or err since the last call; it is not kept."""
        with self.changed:
            data = bytes(stream)
            stream.clear()
            self.changed.notify_all()
            return data

    def ended(self, status):
        with self.changed:
            if self.status is None:
                self.status = status
            self.changed.notify_all()

    def until(self, condition, timeout=None):
        """Wait for condition() or the end of the command; returns False after the timeout."""
        with self.changed:
            return self.changed.wait_for(
                lambda: self.status is not None or condition(), timeout)

    def wait(self, timeout=None):
        if not self.until(lambda: False, timeout):
            raise Timeout(f"the command did not end within {timeout:g} s")
        return self.status


class RemoteCommand(Command):
    def __init__(self, agent, number, most):
        super().__init__(most)
        self.agent, self.number = agent, number

    def pass_input(self, data):
        self.agent.send("I", self.number, data)

    def close_input(self):
        self.agent.send("I", self.number, b"")

    def signal(self, signo):
        self.agent.send("K", self.number, bytes([signo]))

    def resize(self, rows, cols):
        self.agent.send("W", self.number, struct.pack("<HH", rows, cols))


class Agent:
    """The host's end of the connection to dom0."""

    def __init__(self, sock):
        self.sock = sock
        self.commands, self.next = {}, 0
        self.lock = threading.Lock()
        self.ready = threading.Event()
        self.gone = threading.Event()
        threading.Thread(target=self.receive, daemon=True).start()

    def send(self, kind, number, data):
        try:
            with self.lock:
                self.sock.sendall(HEADER.pack(len(data), number, ord(kind)) + data)
        except OSError:
            self.lost()

    def receive(self):
        try:
            while True:
                length, number, kind = HEADER.unpack(receive(self.sock, HEADER.size))
                self.reply_number = number
                self.frame(chr(kind), self.commands.get(number), receive(self.sock, length))
        except Exception:       # also a frame that is not valid: nothing can be read after it
            self.lost()

    def frame(self, kind, command, data):
        if kind == "H":
            self.ready.set()
        elif command is None:
            return
        elif kind == "O":
            command.took(command.out, data)
        elif kind == "E":
            command.took(command.err, data)
        elif kind == "A":
            command.took_input(struct.unpack("<I", data)[0])
        elif kind == "X":
            status, = struct.unpack("<I", data)
            del self.commands[command.number]
            command.ended(status)

    def lost(self):
        """The connection has ended, and with it all commands."""
        self.gone.set()
        self.ready.set()
        for command in list(self.commands.values()):
            command.ended(255)

    def start(self, words, terminal=None, most=None):
        """Run a command on a terminal of (rows, columns), or with pipes if None."""
        rows, cols = terminal or (0, 0)
        data = (struct.pack("<HHH", bool(terminal), rows, cols)
                + b"".join(os.fsencode(w) + b"\0" for w in words))
        if len(words) > MOST_WORDS or len(data) > WINDOW:
            raise LabError(f"a command of {len(words)} words and {len(data)} bytes is too long: dom0 "
                           f"takes {MOST_WORDS} words and {WINDOW} bytes")
        with self.lock:
            while self.next in self.commands:
                self.next = (self.next + 1) & 0xffff
            command = RemoteCommand(self, self.next, most)
            self.commands[self.next] = command
            self.next = (self.next + 1) & 0xffff
        self.send("R", command.number, data)
        if self.gone.is_set():
            command.ended(255)
        return command

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


class LocalCommand(Command):
    def __init__(self, words, terminal, most):
        super().__init__(most)
        self.terminal, self.input = None, queue.SimpleQueue()
        if terminal:
            self.terminal, slave = pty.openpty()
            self.resize(*terminal)
        try:
            self.process = subprocess.Popen(
                words, start_new_session=True,
                **(dict(stdin=slave, stdout=slave, stderr=slave) if terminal else
                   dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE)))
        except OSError as e:
            raise LabError(f"{words[0]}: {e.strerror}") from None
        if terminal:
            os.close(slave)
            sources = [(self.terminal, self.out)]
        else:
            sources = [(self.process.stdout.fileno(), self.out),
                       (self.process.stderr.fileno(), self.err)]
        readers = [threading.Thread(target=self.gather, args=s, daemon=True)
                   for s in sources]
        for r in readers:
            r.start()
        threading.Thread(target=self.write_input, daemon=True).start()
        threading.Thread(target=self.reap, args=(readers,), daemon=True).start()

    def gather(self, fd, stream):
        try:
            while data := os.read(fd, CHUNK):
                self.took(stream, data)
        except OSError:
            pass

    def reap(self, readers):
        code = self.process.wait()
        self.unbound()          # only what is in the pipes still comes
        for r in readers:
            r.join(0.5)
        self.ended(code if code >= 0 else 128 - code)
        self.input.put(b"")

    def pass_input(self, data):
        self.input.put(data)

    def close_input(self):
        self.write(b"\4") if self.terminal is not None else self.input.put(b"")

    def write_input(self):
        """The thread that writes the input: a command may not read it."""
        fd = self.process.stdin.fileno() if self.terminal is None else self.terminal
        while data := self.input.get():
            left = memoryview(data)
            try:
                while left:
                    left = left[os.write(fd, left):]
            except OSError:         # the command has closed its input
                pass
            self.took_input(len(data))
        if self.terminal is None:
            self.process.stdin.close()

    def signal(self, signo):
        try:
            os.killpg(self.process.pid, signo)
        except ProcessLookupError:
            pass

    def resize(self, rows, cols):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


class Here:
    """Runs commands on this machine, which is a Xen host."""

    def __init__(self):
        self.commands = []
        self.gone = threading.Event()

    def start(self, words, terminal=None, most=None):
        command = LocalCommand(words, terminal, most)
        self.commands = [c for c in self.commands if c.status is None] + [command]
        return command

    def close(self):
        for command in self.commands:
            command.signal(signal.SIGTERM)
        deadline = time.monotonic() + 2
        for command in self.commands:
            command.until(lambda: False, max(0, deadline - time.monotonic()))
            command.signal(signal.SIGKILL)
