# SPDX-License-Identifier: ISC
"""Connects other processes of the same user to a running lab.

A running lab has no files, so it listens on an abstract socket (unix(7)) whose name has the
user's id, a digest of the build folder, and the process id, or `stay` for the persistent lab
(server.py).  The protocol is that of dom0/agent.c, as with dom0 itself.  The persistent lab
also takes requests to its process: frames of type Q, whose replies have the type Y, both JSON.
accept_clients() makes the lab's process listen; find_agent() in another process returns an Agent.
"""

import errno
import hashlib
import json
import os
import re
import signal
import socket
import struct
import threading
import time
from pathlib import Path

from .channel import HEADER, WINDOW, Agent, receive
from .errors import BUILD, LabError


class NoLab(LabError):
    """No lab is running."""


def prefix():
    """Labs of other build folders, such as another clone's, are not seen."""
    folder = hashlib.sha256(str(BUILD).encode()).hexdigest()[:12]
    return f"xenolith-lab-{os.getuid()}-{folder}-"


def shared_name():
    """XENOLITH_STAY: for a test, which must not use the lab of the user."""
    return f"{prefix()}stay{os.environ.get('XENOLITH_STAY', '')}"


def peer(sock):
    """Returns (the process id, the user id) of the other end."""
    return struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[:2]


def same_user(sock):
    return peer(sock)[1] == os.getuid()


# Seconds until the commands of a client that has ended are killed; longer if it has a guest, since
# an orderly end is faster than what Server.remove() does otherwise.
END_PATIENCE, OWNER_PATIENCE = 30, 120
# Bytes of output that wait for a client: with so many its command is stopped, and with so few
# it continues.  Other data of the channel does not wait for this client.
STOP_AT, GO_ON_AT = 4 << 20, 1 << 20
READY_PATIENCE = 1800   # seconds until a lab that starts is ready; it may have to fetch packages


class Session:
    """A connected client: its requests are run in dom0."""

    def __init__(self, lab, sock, server=None):
        self.lab, self.sock, self.server = lab, sock, server
        self.commands, self.lock = {}, threading.Lock()
        self.requests = []      # the threads of requests
        self.ended = False

    def send(self, kind, number, data):
        with self.lock:
            self.sock.sendall(HEADER.pack(len(data), number, ord(kind)) + data)

    def serve(self):
        try:
            if self.lab.gone:       # the process lives on: tests/run boots another lab
                return
            if self.server:
                self.server.came(self)
            self.send("H", 0, b"")
            while True:
                length, number, kind = HEADER.unpack(receive(self.sock, HEADER.size))
                self.frame(chr(kind), number, receive(self.sock, length))
        except Exception:           # the client has ended, or its frame is not valid
            pass
        finally:
            self.end()

    def end(self):
        """What the client has begun ends, and what it owns is removed."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)    # a client that lives sees the end
        except OSError:
            pass
        try:
            if self.server:
                self.server.leaves(self)
            self.end_commands()
            for thread in self.requests:    # what they attach must be detached
                thread.join()
        finally:
            if self.server:
                self.server.left(self)
            self.sock.close()

    def end_commands(self):
        """Terminate the commands; those that create a domain finish this first."""
        self.ended = True
        for command in list(self.commands.values()):
            with command.changed:
                command.changed.notify_all()    # pace() ends
        began = time.monotonic()
        for command in list(self.commands.values()):
            while command.status is None and not self.lab.gone:
                command.signal(15)
                command.signal(signal.SIGCONT)
                if command.until(lambda: False, 0.5) or not self.server:
                    break
                owns = self.server.owns(self)
                if time.monotonic() > began + (OWNER_PATIENCE if owns else END_PATIENCE):
                    command.signal(9)
                    break

    def request(self, number, data):
        try:
            reply = self.server.answer(self, json.loads(data))
        except LabError as e:
            reply = {"error": str(e), "log": e.log}
        except OSError as e:
            reply = {"error": f"{e.filename or 'the lab'}: {e.strerror}"}
        except Exception as e:  # a client must get a reply
            reply = {"error": f"the lab failed: {e!r}"}
        try:
            self.send("Y", number, json.dumps(reply).encode())
        except OSError:
            pass

    def frame(self, kind, number, data):
        if kind == "Q" and self.server:
            thread = threading.Thread(target=self.request, args=(number, bytes(data)), daemon=True)
            self.requests = [t for t in self.requests if t.is_alive()] + [thread]
            thread.start()
            return
        if kind == "R":
            terminal, rows, columns = struct.unpack("<HHH", data[:6])
            words = [os.fsdecode(w) for w in data[6:-1].split(b"\0")]
            if number in self.commands:
                raise LabError("the number of a command is used twice")
            command = self.lab.start(words, (rows, columns) if terminal else None)
            self.commands[number] = command
            threading.Thread(target=self.relay, args=(number, command), daemon=True).start()
            return
        command = self.commands.get(number)
        if command is None:
            return
        if kind == "I":
            # This never sleeps, since relay() acknowledges only what dom0 has acknowledged.
            if command.unacked + len(data) > WINDOW:
                raise LabError("the client sends more than the window")
            command.write(data) if data else command.close_input()
        elif kind == "K":
            command.signal(data[0])
        elif kind == "W":
            command.resize(*struct.unpack("<HH", data))

    def pace(self, command):
        """Stop the command while the client does not take what it prints."""
        def waits():
            return len(command.out) + len(command.err)
        while command.until(lambda: self.ended or waits() > STOP_AT) and command.status is None:
            if self.ended:
                return
            command.signal(signal.SIGSTOP)
            command.until(lambda: self.ended or waits() < GO_ON_AT)
            command.signal(signal.SIGCONT)

    def relay(self, number, command):
        taken = 0
        threading.Thread(target=self.pace, args=(command,), daemon=True).start()
        try:
            while True:
                command.until(lambda: command.out or command.err or command.taken > taken)
                ended = command.status is not None
                new_out, new_err = command.take(command.out), command.take(command.err)
                newly = command.taken - taken
                taken += newly
                for kind, data in (("O", new_out), ("E", new_err),
                                   ("A", struct.pack("<I", newly) if newly else b"")):
                    if data:
                        self.send(kind, number, data)
                if ended and not new_out and not new_err:
                    del self.commands[number]
                    self.send("X", number, struct.pack("<I", command.status))
                    return
        except OSError:
            command.signal(15)
            command.signal(signal.SIGCONT)


def admit(listener, lab, server=None):
    """Accept clients in a new thread until the listener is closed."""
    def take():
        sock, _ = listener.accept()
        try:
            if same_user(sock):
                threading.Thread(target=Session(lab, sock, server).serve, daemon=True).start()
                return
        except RuntimeError:        # this process has too many threads
            pass
        sock.close()

    def loop():
        while True:
            try:
                take()
            except OSError as e:
                if listener.fileno() < 0 or e.errno in (errno.EBADF, errno.EINVAL):
                    return
                time.sleep(0.1)     # too many files are open, or the client has ended already
    threading.Thread(target=loop, daemon=True).start()


def listen(name):
    """Returns a socket that listens; raises OSError if another process has this name."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(f"\0{name}")
        listener.listen(100)
    except OSError:
        listener.close()
        raise
    return listener


def close(listener):
    """Take no more clients: accept() of another thread would keep the socket open."""
    try:
        listener.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    listener.close()


def listen_shared():
    return listen(shared_name())


def accept_clients(lab, number=None):
    """Accept clients as long as this process lives.

    number: the number for XENOLITH_LAB (default: the process id); for a process with several
    labs.
    """
    admit(listen(f"{prefix()}{number or os.getpid()}"), lab)


class Client(Agent):
    """A connection to the persistent lab."""

    def __init__(self, sock):
        self.replies, self.numbers = {}, 0
        self.replied = threading.Condition()
        super().__init__(sock)

    def ask(self, what, **parameters):
        """Returns the reply to a request; its error is raised."""
        with self.replied:
            self.numbers = (self.numbers + 1) & 0xffff
            number = self.numbers
        self.send("Q", number, json.dumps({"do": what, **parameters}).encode())
        with self.replied:
            self.replied.wait_for(lambda: number in self.replies or self.gone.is_set())
            reply = self.replies.pop(number, None)
        if reply is None:
            raise LabError("the lab has ended")
        if "error" in reply:
            raise LabError(reply["error"], reply.get("log", ""))
        return reply

    def frame(self, kind, command, data):
        if kind != "Y":
            return super().frame(kind, command, data)
        with self.replied:
            self.replies[self.reply_number] = json.loads(bytes(data))
            self.replied.notify_all()

    def wait_ready(self, timeout=None):
        """Wait until the lab is up or has ended; raises LabError after the timeout."""
        if not self.ready.wait(timeout or READY_PATIENCE):
            pid = peer(self.sock)[0]
            raise LabError(f"the lab, process {pid}, does not answer; type: kill {pid}")

    def lost(self):
        super().lost()
        with self.replied:
            self.replied.notify_all()


def shared_lab():
    """Connect to the persistent lab; returns a Client, which may not be ready yet, or None."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.connect(f"\0{shared_name()}")
    except ConnectionRefusedError:
        sock.close()
        return None
    if not same_user(sock):
        raise LabError("the socket of the lab belongs to another user")
    return Client(sock)


def agent_of(pid):
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


def others():
    """The process ids of labs that do not stay: of `make lab`, and of tests."""
    names = re.findall(rf"@{prefix()}(\d+)$", Path("/proc/net/unix").read_text(), re.M)
    return sorted(set(map(int, names)))


def find_agent():
    """Connect to a running lab: that of XENOLITH_LAB, or the persistent one, or the only one."""
    pids = others()
    wanted = os.environ.get("XENOLITH_LAB")
    if wanted and wanted != "own":
        pids = [p for p in pids if str(p) == wanted]
    elif stay := shared_lab():
        if stay.ready.wait(180) and not stay.gone.is_set():
            return stay
    agents = {p: agent for p in pids if (agent := agent_of(p))}
    if not agents:
        raise NoLab("no lab is running" + (f" as process {wanted}" if wanted else "") +
                    ", so no guest is running; start one: ./xenolith run IMAGE")
    if len(agents) > 1:
        raise LabError("several labs are running; set XENOLITH_LAB to one of "
                       + ", ".join(map(str, agents)))
    return agents.popitem()[1]
