# SPDX-License-Identifier: ISC
"""A client of the persistent lab (server.py): starts it if needed, and creates guests there.

    from lab import running_lab
    with running_lab() as lab:
        result = lab.run_guest("hello.elf", args=["a", "b c"], timeout=60)
"""

import errno
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from . import clients, config
from .errors import LabError
from .guest import Guest
from .lab import Lab, is_xen_host

COMMAND = Path(__file__).with_name("lab")
STARTS = 40             # the lab may end just when a client connects
GRACE = 1               # seconds until the lab knows that a client has ended
END_PATIENCE = 300      # seconds in which the guest of a client that has ended is removed


def start(say, options=()):
    """Start the process of the lab; returns it.  What it says until it is up is passed on."""
    process = subprocess.Popen([sys.executable, COMMAND, "serve", *options], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/",
                               start_new_session=True, text=True, errors="replace")
    process.said = []

    def read():
        for line in process.stdout:
            process.said.append(line.rstrip())
            say(line.rstrip().removeprefix("lab: "))
    process.reader = threading.Thread(target=read, daemon=True)
    process.reader.start()
    return process


def connect(say=lambda line: None, options=()):
    """Returns a Client of the persistent lab, which is started if needed."""
    for _ in range(STARTS):
        client, process = clients.shared_lab(), None
        if client is None:
            process = start(say, options)
            while client is None and process.poll() is None:
                client = clients.shared_lab()
                time.sleep(0.02)
            client = client or clients.shared_lab()
        if client:
            client.wait_ready()
            if not client.gone.is_set():
                return client
        if process and process.wait():
            process.reader.join(1)
            break
        time.sleep(0.25)
    raise LabError("the lab did not start")


class RunningLab(Lab):
    """The persistent lab, used as a Lab of one's own.  Its guests end with this object."""

    def __init__(self, say=None, type=None, client=None):
        super().__init__(say=say, type=type)
        self.client, self.kept = client, set()

    def boot_machine(self):
        if self.client:         # connected already, perhaps to a lab that is booting or ending
            self.client.wait_ready()
        if not self.client or self.client.gone.is_set():
            self.client = connect(self.say)
        self.channel, self.helper = self.client, "lab-guest"
        self.shell = ["busybox", "sh", "-c"]
        self.boot_seconds = 0
        self.memory = self.client.ask("status")["memory"]

    def command(self):
        if self.native:
            return super().command()
        if not self.has_command:
            self.has_command = self.client.ask("command")["path"]
        return self.has_command

    def check(self):
        if not self.native and self.gone:
            raise LabError("the lab has ended")

    def log_since(self, start):
        return "" if self.native or self.gone else self.client.ask("log", start=start)["text"]

    def put_once(self, data, name="image"):
        raise NotImplementedError

    def image_in_dom0(self, path):
        if self.native:
            return super().image_in_dom0(path)
        config.read_image(path)
        return self.client.ask("image", file=str(Path(path).absolute()))["path"]

    def ramdisk_in_dom0(self, path):
        return self.client.ask("image", file=str(Path(path).absolute()))["path"]

    def bring_device_model(self):
        if not self.native:
            self.client.ask("model")

    def ask_guest(self, name, exact, net, uuid):
        told = self.client.ask("guest", name=name, exact=exact, net=net,
                               **({"uuid": uuid} if uuid else {}))
        guest = Guest(self, told["name"], told["number"], told["uuid"])
        guest.log_start = told["log"]
        return guest

    def new_guest(self, name, number=None, net=False, image=None, uuid=None):
        if self.native:
            return super().new_guest(name, uuid=uuid)
        guest = self.ask_guest(name or config.application(image), bool(name), net, uuid)
        guest.cleanup.append(lambda: None)      # so that destroy() releases it
        with self.lock:
            self.guests.append(guest)
        return guest

    def reserve(self, name, exact, net, uuid=None):
        if self.native:
            return super().reserve(name, exact, net, uuid)
        return self.ask_guest(name, exact, net, uuid)

    def forget(self, guest):
        if not self.native and guest in self.guests and not self.gone:
            self.client.ask("release", name=guest.name)
        super().forget(guest)

    def attach(self, disk, guest):
        if self.native:
            return super().attach(disk, guest)
        return self.client.ask("disk", name=guest.name, file=disk.file and str(disk.file),
                               size=disk.size, readonly=disk.readonly, dev=disk.dev)["target"]

    def connect(self, net, guest):
        if self.native:
            return super().connect(net, guest)
        for local, port in net.forwards:
            self.client.ask("forward", name=guest.name, local=local, port=port)
            self.say_forwarded(local, port)
        return [f"mac={guest.mac},bridge=xenbr0"]

    def __exit__(self, *exc):
        for guest in list(self.guests):
            if not self.native and self.gone:
                break
            guest.destroy()
        if self.channel:
            self.channel.close()


def running_lab(say=None, type=None):
    """A context manager: the persistent lab, or this machine's own Xen."""
    return RunningLab(say=say, type=type)


def is_free(local, port):
    """Whether a guest's port can be forwarded to this port of the machine."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", local))
            return True
        except OSError as e:
            if e.errno == errno.EACCES:
                raise LabError(f"port {local} of this machine is not permitted; choose one "
                               f"from 1024 on: -p {8000 + port % 1000}:{port}") from None
            return False


def user_of_port(local):
    """The guest of the persistent lab to which the port is forwarded; waits for one that ends."""
    client = None if is_xen_host() else clients.shared_lab()
    if not client or not client.ready.wait(10) or client.gone.is_set():
        return None
    begin, said = time.monotonic(), False
    while True:
        status = client.ask("status")
        guest = status["ports"].get(str(local))
        waited = time.monotonic() - begin
        if not guest or waited > (END_PATIENCE if guest in status["ending"] else GRACE):
            client.close()
            return guest
        if waited > 3 and not said:
            print(f"lab: waiting for port {local}: the guest {guest} is being removed",
                  file=sys.stderr, flush=True)
            said = True
        time.sleep(0.1)


def check_ports(forwards):
    """Check that ports of this machine are free, before anything is booted."""
    for local, port in forwards:
        if is_free(local, port):
            continue
        guest = user_of_port(local)
        if not guest and is_free(local, port):
            continue
        raise LabError(f"port {local} of this machine is in use"
                       + (f" by the guest {guest}; end it: ./xenolith stop {guest}; or"
                          if guest else ";")
                       + f" choose another: -p {local + 1}:{port}")


def is_wanted():
    """Whether commands shall use the persistent lab; XENOLITH_LAB=own: no."""
    return not is_xen_host() and os.environ.get("XENOLITH_LAB") != "own"
