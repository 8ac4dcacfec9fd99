# SPDX-License-Identifier: ISC
"""Commands run elsewhere: in the lab's dom0 through its agent, or on this machine.

Agent speaks the protocol that dom0/agent.c defines, over a socket; Here runs the
same commands with subprocess, for a machine that is a Xen host itself.  Both have
start(words, terminal) -> Command.  A Command gathers what it says; any thread may
wait for it or type into it.
"""

import fcntl
import os
import pty
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


class Command:
    """A command that runs: out and err (bytearrays) grow, then status is set."""

    def __init__(self):
        self.changed = threading.Condition()
        self.out, self.err = bytearray(), bytearray()
        self.status = None

    def took(self, stream, data):
        with self.changed:
            stream.extend(data)
            self.changed.notify_all()

    def ended(self, status):
        with self.changed:
            if self.status is None:
                self.status = status
            self.changed.notify_all()

    def until(self, condition, timeout=None):
        """Wait until condition() or the end of the command; False after timeout."""
        with self.changed:
            return self.changed.wait_for(
                lambda: self.status is not None or condition(), timeout)

    def wait(self, timeout=None):
        if not self.until(lambda: False, timeout):
            raise Timeout(f"the command has not ended after {timeout:g} s")
        return self.status


class RemoteCommand(Command):
    def __init__(self, agent, number):
        super().__init__()
        self.agent, self.number, self.unacked = agent, number, 0

    def write(self, data):
        """Type; sleeps while the other side takes nothing."""
        for at in range(0, len(data), CHUNK):
            part = data[at:at + CHUNK]
            with self.changed:      # until it is counted nobody else may find the room
                self.until(lambda: self.unacked + len(part) <= WINDOW)
                if self.status is not None:
                    return
                self.unacked += len(part)
            self.agent.send("I", self.number, part)

    def close_input(self):
        self.agent.send("I", self.number, b"")

    def signal(self, signo):
        self.agent.send("K", self.number, bytes([signo]))

    def resize(self, rows, cols):
        self.agent.send("W", self.number, struct.pack("<HH", rows, cols))


class Agent:
    """The host's end of the line to dom0."""

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

    def read(self, n):
        data = bytearray()
        while len(data) < n:
            part = self.sock.recv(n - len(data))
            if not part:
                raise OSError
            data += part
        return data

    def receive(self):
        try:
            while True:
                length, number, kind = HEADER.unpack(self.read(HEADER.size))
                self.frame(chr(kind), self.commands.get(number), self.read(length))
        except OSError:
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
            with command.changed:
                command.unacked -= struct.unpack("<I", data)[0]
                command.changed.notify_all()
        elif kind == "X":
            del self.commands[command.number]
            command.ended(struct.unpack("<I", data)[0])

    def lost(self):
        """dom0 is gone, and with it what ran there."""
        self.gone.set()
        self.ready.set()
        for command in list(self.commands.values()):
            command.ended(255)

    def start(self, words, terminal=None):
        """Run words; terminal: None or its (rows, columns)."""
        with self.lock:
            while self.next in self.commands:
                self.next = (self.next + 1) & 0xffff
            command = RemoteCommand(self, self.next)
            self.commands[self.next] = command
            self.next = (self.next + 1) & 0xffff
        rows, cols = terminal or (0, 0)
        self.send("R", command.number, struct.pack("<HHH", bool(terminal), rows, cols)
                  + b"".join(os.fsencode(w) + b"\0" for w in words))
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
    def __init__(self, words, terminal):
        super().__init__()
        self.terminal = None
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
        threading.Thread(target=self.reap, args=(readers,), daemon=True).start()

    def gather(self, fd, stream):
        try:
            while data := os.read(fd, CHUNK):
                self.took(stream, data)
        except OSError:
            pass

    def reap(self, readers):
        code = self.process.wait()
        for r in readers:
            r.join(0.5)
        self.ended(code if code >= 0 else 128 - code)

    def write(self, data):
        try:
            if self.terminal is not None:
                os.write(self.terminal, data)
            else:
                self.process.stdin.write(data)
                self.process.stdin.flush()
        except OSError:
            pass

    def close_input(self):
        if self.terminal is not None:
            return self.write(b"\4")
        try:
            self.process.stdin.close()
        except OSError:
            pass

    def signal(self, signo):
        try:
            os.killpg(self.process.pid, signo)
        except ProcessLookupError:
            pass

    def resize(self, rows, cols):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


class Here:
    """This machine, which is a Xen host."""

    def __init__(self):
        self.commands = []
        self.gone = threading.Event()

    def start(self, words, terminal=None):
        command = LocalCommand(words, terminal)
        self.commands = [c for c in self.commands if c.status is None] + [command]
        return command

    def close(self):
        for command in self.commands:
            command.signal(signal.SIGTERM)
        deadline = time.monotonic() + 2
        for command in self.commands:
            command.until(lambda: False, max(0, deadline - time.monotonic()))
            command.signal(signal.SIGKILL)
