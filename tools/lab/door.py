# SPDX-License-Identifier: ISC
"""Connects other processes of the same user to a running lab.

A running lab has no files, so it listens on an abstract socket (unix(7)) whose name has the
user's id and the process id.  The protocol is that of dom0/agent.c, as with dom0 itself.
open_door() makes the lab's process listen; knock() in another process returns an Agent.
"""

import os
import re
import socket
import struct
import threading
from pathlib import Path

from .channel import HEADER, Agent
from .errors import LabError


def prefix():
    return f"xenolith-lab-{os.getuid()}-"


def same_user(sock):
    _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return uid == os.getuid()


class Visitor:
    """A connected client: its requests are run in dom0."""

    def __init__(self, lab, sock):
        self.lab, self.sock = lab, sock
        self.commands, self.lock = {}, threading.Lock()

    def send(self, kind, number, data):
        with self.lock:
            self.sock.sendall(HEADER.pack(len(data), number, ord(kind)) + data)

    def read(self, n):
        data = b""
        while len(data) < n:
            part = self.sock.recv(n - len(data))
            if not part:
                raise OSError
            data += part
        return data

    def serve(self):
        try:
            if self.lab.gone:       # the process lives on: tests/run boots another lab
                raise OSError
            self.send("H", 0, b"")
            while True:
                length, number, kind = HEADER.unpack(self.read(HEADER.size))
                self.frame(chr(kind), number, self.read(length))
        except (OSError, LabError):
            pass
        for command in self.commands.values():
            if command.status is None:
                command.signal(15)
        self.sock.close()

    def frame(self, kind, number, data):
        if kind == "R":
            terminal, rows, columns = struct.unpack("<HHH", data[:6])
            words = [os.fsdecode(w) for w in data[6:-1].split(b"\0")]
            command = self.lab.start(words, (rows, columns) if terminal else None)
            self.commands[number] = command
            threading.Thread(target=self.relay, args=(number, command), daemon=True).start()
            return
        command = self.commands.get(number)
        if command is None:
            return
        if kind == "I":
            command.write(data) if data else command.close_input()
            self.send("A", number, struct.pack("<I", len(data)))
        elif kind == "K":
            command.signal(data[0])
        elif kind == "W":
            command.resize(*struct.unpack("<HH", data))

    def relay(self, number, command):
        out = err = 0
        try:
            while True:
                command.until(lambda: len(command.out) > out or len(command.err) > err)
                ended = command.status is not None
                new_out, new_err = bytes(command.out[out:]), bytes(command.err[err:])
                out, err = out + len(new_out), err + len(new_err)
                for kind, data in ("O", new_out), ("E", new_err):
                    if data:
                        self.send(kind, number, data)
                if ended and not new_out and not new_err:
                    self.send("X", number, struct.pack("<I", command.status))
                    return
        except OSError:
            command.signal(15)


def open_door(lab, number=None):
    """Accept clients as long as this process lives.

    number: the number for XENOLITH_LAB (default: the process id); for a process with several
    labs.
    """
    door = socket.socket(socket.AF_UNIX)
    door.bind(f"\0{prefix()}{number or os.getpid()}")
    door.listen()

    def admit():
        while True:
            sock, _ = door.accept()
            if same_user(sock):
                threading.Thread(target=Visitor(lab, sock).serve, daemon=True).start()
            else:
                sock.close()
    threading.Thread(target=admit, daemon=True).start()


def enter(pid):
    """Connect to the lab of a process; returns an Agent, or None if the lab has ended."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.connect(f"\0{prefix()}{pid}")
    except ConnectionRefusedError:
        return None
    except OSError as e:
        raise LabError(f"cannot connect to the lab of process {pid}: {e.strerror}") from None
    if not same_user(sock):
        raise LabError(f"the socket of lab {pid} belongs to another user")
    agent = Agent(sock)
    agent.ready.wait(10)
    return None if agent.gone.is_set() else agent


def knock():
    """Connect to the running lab, or if several run, to that of XENOLITH_LAB; an Agent."""
    names = re.findall(rf"@{prefix()}(\d+)$", Path("/proc/net/unix").read_text(), re.M)
    pids = sorted(set(map(int, names)))
    wanted = os.environ.get("XENOLITH_LAB")
    if wanted:
        pids = [p for p in pids if str(p) == wanted]
    agents = {p: agent for p in pids if (agent := enter(p))}
    if not agents:
        raise LabError("no lab is running" + (f" as process {wanted}" if wanted else "") +
                       "; start one in another terminal: `./xenolith run IMAGE` or `make lab`")
    if len(agents) > 1:
        raise LabError("several labs are running; set XENOLITH_LAB to one of "
                       + ", ".join(map(str, agents)))
    return agents.popitem()[1]
