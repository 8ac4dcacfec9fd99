# SPDX-License-Identifier: ISC
"""The persistent lab: a process that keeps a lab for later commands of the same user.

The process listens on a socket (clients.py), one for each build folder, and ends when nobody has
used it for ten minutes (--idle) and no guest runs.  Its clients (remote.py) run commands in its dom0,
and ask it for what the emulated machine must do: a name and an address for a guest, disks,
forwarded ports.  A guest belongs to its client: when the client ends, for whatever reason, the
domain, its disks and its ports go.  A guest in the background belongs to the server; how it
ended is kept below build/lab/guests, so it is known after the lab's end too.
"""

import os
import signal
import threading
import time
from pathlib import Path

from . import clients, config, records
from .errors import LabError, Timeout

GUESTS = "/var/lib/xenolith/guests"     # tools/xenolith/guests.h
NO_GUEST = 3            # exit status: NO_DOMAIN of tools/xenolith/endpoint.h
NOT_RUN = (126, 127)    # exit status: dom0 could not start the command
DHCP_CLIENTS = 16       # of QEMU's user network
LEASE_PATIENCE = 60     # seconds for each
END_PATIENCE = 20       # seconds for an orderly end of the guests
IMAGES = 64 << 20       # bytes of images that dom0 keeps ...
MOST_IMAGES = 32        # ... if there are more than this number
REMOVE_PATIENCE = 300   # seconds in which the removal of a guest is tried again
DISCOVER = bytes([1, 1, 6]) + bytes(25)     # DHCP (RFC 2131): op, htype, hlen ... giaddr


def dhcp_request(mac, address):
    """A DHCPDISCOVER that asks for this address."""
    hardware = bytes.fromhex(mac.replace(":", ""))
    options = b"\x63\x82\x53\x63\x35\x01\x01\x32\x04" + address + b"\xff"
    return DISCOVER + hardware + bytes(202) + options.ljust(64, b"\0")


class Server:
    """Serves a booted lab."""

    def __init__(self, lab, idle):
        self.lab, self.idle = lab, idle
        self.lock = threading.RLock()
        self.owners = {}            # guest: its Session, or None if it is in the background
        self.leaving = set()        # clients that have ended, whose guests are removed
        self.visitors = set()
        self.used = time.monotonic()
        self.started = time.time()
        self.images = {}            # path in dom0: size, the least recently used first
        self.given = {}             # visitor: the paths that it was given
        self.leases = False
        self.stopping = threading.Event()

    # -- clients

    def came(self, visitor):
        with self.lock:
            if self.stopping.is_set():
                raise OSError
            self.visitors.add(visitor)

    def leaves(self, visitor):
        """A client has ended; its requests may not have."""
        with self.lock:
            self.leaving.add(visitor)

    def owns(self, visitor):
        with self.lock:
            return visitor in self.owners.values()

    def left(self, visitor):
        """The requests of a client have ended too: what belongs to it goes."""
        for guest in [g for g, owner in list(self.owners.items()) if owner is visitor]:
            try:
                self.remove(guest)
            except Exception:       # the lab has ended; the others are removed all the same
                pass
        with self.lock:
            self.visitors.discard(visitor)
            self.leaving.discard(visitor)
            self.given.pop(visitor, None)
            self.used = time.monotonic()

    def answer(self, visitor, request):
        """Returns the reply to a request; clients.py calls it in a thread of its own."""
        what = request.pop("do")
        if what not in ("guest", "disk", "forward", "release", "keep", "image", "command", "model",
                        "log", "status", "stop"):
            raise LabError(f"the lab does not know the request {what!r}: it runs an older "
                           "version; type: ./xenolith lab stop")
        return getattr(self, f"do_{what}")(visitor, **request)

    def guest_named(self, visitor, name):
        with self.lock:
            guest = next((g for g in self.owners if g.name == name), None)
            if guest is None or self.owners[guest] is not visitor:
                raise LabError(f"no guest {name} belongs to this client")
            return guest

    def ports(self):
        return {local: g.name for g in self.owners for local in g.ports}

    # -- requests

    def do_guest(self, visitor, name, exact, net, uuid=None):
        """Reserve a name, a UUID, and a number for the addresses."""
        with self.lock:
            names = {g.name for g in self.owners}
            if exact and name in names:
                raise LabError(f"a guest named {name} is running; choose another --name, or end "
                               f"it: ./xenolith stop {name}")
            base, count = name, 1
            while name in names:
                count += 1
                name = f"{base}-{count}"
            numbers = {g.number for g in self.owners}
            first = 0 if net else DHCP_CLIENTS
            number = next((n for n in range(first, 239) if n not in numbers), None)
            if number is None:
                raise LabError("too many guests are running in the lab")
            guest = self.lab.new_guest(name, number, uuid=uuid)
            guest.ports = []
            self.owners[guest] = visitor
        try:
            if net:
                self.lease_addresses()
        except BaseException:
            self.drop(guest)
            raise
        return {"name": name, "number": number, "uuid": guest.uuid, "log": self.lab.log_size()}

    def lease_addresses(self):
        """Make QEMU's DHCP server assign each guest the address that belongs to its number."""
        with self.lab.turn("leases"):
            if self.leases:
                return
            for n in range(DHCP_CLIENTS):
                self.lab.dom0(["bash", "-c", "cat >/dev/udp/10.0.0.2/67"], timeout=LEASE_PATIENCE,
                              input=dhcp_request(f"00163e0000{n:02x}", bytes([10, 0, 0, 16 + n])))
            self.leases = True

    def do_disk(self, visitor, name, file, size, readonly, dev):
        disk = config.Disk(file=Path(file) if file else None, size=size, readonly=readonly, dev=dev)
        return {"target": self.lab.attach(disk, self.guest_named(visitor, name))}

    def do_forward(self, visitor, name, local, port):
        guest = self.guest_named(visitor, name)
        with self.lock:
            other = self.ports().get(local)
            if other:
                raise LabError(f"port {local} is forwarded to the guest {other}; choose another, "
                               f"such as -p {local + 1}:{port}, or end the guest: "
                               f"./xenolith stop {other}")
            guest.ports.append(local)
        try:
            undo = self.lab.machine.forward(local, guest.address, port)
        except BaseException:
            guest.ports.remove(local)
            raise

        def close():
            undo()
            with self.lock:
                guest.ports.remove(local)
        guest.cleanup.append(close)
        return {}

    def do_release(self, visitor, name):
        self.remove(self.guest_named(visitor, name))
        return {}

    def do_keep(self, visitor, name):
        """The guest is in the background from now on."""
        guest = self.guest_named(visitor, name)
        with self.lock:
            self.owners[guest] = None
        records.remove(guest.name)
        self.save(guest.name)
        threading.Thread(target=self.keep, args=(guest,), daemon=True).start()
        return {}

    def do_image(self, visitor, file):
        """Copy a file to dom0, once for all that have the same content."""
        data = Path(file).read_bytes()
        path = self.lab.path_of_image(data, Path(file).name)
        with self.lock:
            self.given.setdefault(visitor, set()).add(path)     # it stays as long as the client
        self.lab.put_once(data, Path(file).name)
        with self.lock:
            self.images.pop(path, None)
            self.images[path] = len(data)
        self.remove_images()
        return {"path": path}

    def remove_images(self):
        """Remove the images that no client has been given, if there are too many."""
        for path in list(self.images):
            with self.lab.turn(path):       # nobody copies it meanwhile
                with self.lock:
                    if sum(self.images.values()) <= IMAGES or len(self.images) <= MOST_IMAGES:
                        return
                    if path not in self.images or any(path in p for p in self.given.values()):
                        continue
                    del self.images[path]
                    self.lab.images.discard(path)
                self.lab.dom0([*self.lab.shell, 'rm -f "$1"; rmdir "${1%/*}"', "rm", path])

    def do_command(self, visitor):
        return {"path": self.lab.command()}

    def do_model(self, visitor):
        self.lab.bring_device_model()
        return {}

    def do_log(self, visitor, start):
        return {"text": self.lab.log_since(start)}

    def do_status(self, visitor):
        with self.lock:
            return {"pid": os.getpid(), "started": self.started, "memory": self.lab.memory,
                    "guests": sorted(g.name for g in self.owners), "idle": self.idle,
                    "unused": time.monotonic() - self.used if len(self.visitors) <= 1 else 0,
                    "ending": [g.name for g, o in self.owners.items() if o in self.leaving],
                    "ports": {str(p): n for p, n in self.ports().items()}}

    def do_stop(self, visitor):
        self.stopping.set()
        return {}

    # -- guests

    def remove(self, guest, forget=True):
        """Destroy what is left of a guest, and undo its disks and ports.

        forget: also its record, which a guest in the background has before do_keep().
        """
        words = ["lab-remove", guest.uuid, guest.name, *(["forget"] if forget else [])]
        end = time.monotonic() + REMOVE_PATIENCE
        try:
            while not self.lab.gone and not self.succeeds(words) and time.monotonic() < end:
                time.sleep(1)
            guest.destroy()
        except LabError:
            pass
        finally:
            self.drop(guest)

    def succeeds(self, words):
        """Run a command in dom0, which may have no room for it (NOT_RUN)."""
        try:
            return self.lab.dom0(words, timeout=REMOVE_PATIENCE)[0] == 0
        except Timeout:
            return False

    def drop(self, guest):
        self.lab.forget(guest)
        with self.lock:
            self.owners.pop(guest, None)
            self.used = time.monotonic()

    def keep(self, guest):
        """Wait for the end of a guest in the background, and save how it ended."""
        try:
            while (status := self.lab.start([self.lab.command(), "wait", guest.name]).wait()) in NOT_RUN:
                time.sleep(1)
            if status == NO_GUEST:
                records.remove(guest.name)      # it was removed meanwhile
            self.save(guest.name)
        except (LabError, OSError):     # OSError: the record cannot be written
            pass
        self.remove(guest, forget=False)

    def save(self, name):
        """Copy the record of a guest from dom0."""
        for file in "console", "state":
            status, text = self.lab.dom0(["cat", f"{GUESTS}/{name}/{file}"])
            if status == 0:
                (records.KEPT / name).mkdir(parents=True, exist_ok=True)
                (records.KEPT / name / f"{file}.new").write_text(text, errors="surrogateescape")
                (records.KEPT / name / f"{file}.new").replace(records.KEPT / name / file)

    def restore(self):
        """Copy the records of guests that have ended to dom0."""
        for record in records.load():
            for file in "console", "state":
                if (record.folder / file).exists():
                    self.lab.put((record.folder / file).read_bytes(),
                                 f"{GUESTS}/{record.name}/{file}")

    # -- the end

    def is_unused(self):
        with self.lock:
            return (not self.visitors and not self.owners
                    and time.monotonic() - self.used >= self.idle)

    def run(self):
        """Returns when the lab shall end."""
        while not self.stopping.wait(min(1, self.idle / 4)):
            if self.lab.gone:
                return
            with self.lock:
                if self.is_unused():
                    self.stopping.set()
        self.end_guests()

    def end_guests(self):
        """Shut down the guests; how those in the background ended is saved, and clients see the
        end of theirs."""
        deadline = time.monotonic() + END_PATIENCE
        for guest in list(self.owners):
            self.lab.dom0(["xl", "shutdown", guest.name])
        while self.owners and not self.lab.gone and time.monotonic() < deadline:
            time.sleep(0.05)


def say_if_heard(say):
    """The client that started the lab may have ended meanwhile."""
    def safe(line):
        try:
            say(line)
        except OSError:
            pass
    return safe


def serve(args, make_lab):
    """The process of the lab; its output goes to the client that started it."""
    try:
        listener = clients.listen_shared()
    except OSError:
        return 0                # another client has started one at the same time
    for signo in (signal.SIGHUP, signal.SIGINT):
        signal.signal(signo, signal.SIG_IGN)
    lab = make_lab(args)
    lab.say = say_if_heard(lab.say)
    with lab:
        server = Server(lab, args.idle)
        lab.command()
        server.restore()
        clients.admit(listener, lab, server)
        signal.signal(signal.SIGTERM, lambda *_: server.stopping.set())
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        lab.say = lambda line: None
        server.run()
        clients.close(listener)
    return 0
