# SPDX-License-Identifier: ISC
"""Guest: a domain that the lab has created; Result: how it ended."""

import itertools
import re
import signal
import struct
import time
from dataclasses import dataclass, field
from uuid import uuid4

from .errors import LabError

CONSOLES = "/var/log/xen/console"
CREATE = """
    name=$1 log=$2 helper=$3 start=$4 text=$5 command=$6 file=/tmp/xenolith-$7; shift 7
    trap '' TERM    # xl must not leave half a domain
    rm -f "$log"; "$command" run --show "$@" >$file &&
    xl create -q -p {options} $file
    status=$?; rm -f $file; [ $status = 0 ] || exit $status
    trap - TERM
    exec "$helper" watch "$name" "$log" $start ${{text:+"$text"}}"""


@dataclass
class Result:
    """How a guest ended."""
    reason: str                 # poweroff reboot suspend crash watchdog timeout gone
    status: int | None          # data/exit-status of the domain
    console: str
    seconds: float              # unpause to end, measured in dom0
    first_byte: float | None    # unpause to the first byte on the console
    wrote: float | None         # unpause to the text of create(until=) in the console ring
    chunks: list = field(repr=False, default_factory=list)  # (seconds, bytes so far)
    toolstack: dict = field(default_factory=dict)           # create, destroy: seconds
    xen_log: str = field(repr=False, default="")            # Xen's messages meanwhile

    def seconds_until(self, text):
        """Seconds from unpause until text was on the console; None if it never was."""
        at = self.console.encode(errors="surrogateescape").find(text.encode())
        done = at + len(text.encode())
        return next((t for t, n in self.chunks if n >= done), None) if at >= 0 else None


def hold_of(line):
    """Parse a struct hold (kernel/hold.h): [ns, return addresses...], or None if invalid."""
    try:
        words = struct.unpack("<9Q", bytes.fromhex(line))
    except (ValueError, struct.error):
        return None
    return [words[0], *itertools.takewhile(bool, words[1:])]


class Guest:
    """A domain, created by Lab.create()."""

    def __init__(self, lab, name, number, uuid=None):
        self.lab, self.name, self.number = lab, name, number
        self.uuid = uuid or str(uuid4())
        self.domid = None
        self.address = f"10.0.0.{16 + number}"
        self.mac = f"00:16:3e:00:00:{number:02x}"
        self.toolstack, self.watcher, self.cleanup = {}, None, []
        self.symbols = None     # the symbols of its image
        self.log_start = lab.log_size()

    def start(self, words, paused, monitor, until):
        """Run xl create, then the watcher.  Returns None, or the output if it failed.

        words: those after `xenolith run --show`.
        """
        command = self.lab.command()
        start = time.monotonic()
        log = "tty" if self.lab.native else f"{CONSOLES}/guest-{self.name}.log"
        w = self.watcher = self.lab.start(
            [*self.lab.shell, CREATE.format(options="" if monitor else "-e"), "create",
             self.name, log, self.lab.helper, "" if paused else "unpause", until, command,
             self.uuid, *words])
        w.until(lambda: re.search(rb"(?m)^domid \d+\n", w.err))
        self.toolstack["create"] = time.monotonic() - start
        self.lab.check()
        found = re.search(rb"(?m)^domid (\d+)\n", w.err)
        if not found:
            return (w.out + w.err).decode(errors="replace")
        self.domid = int(found[1])
        self.watched_from = time.monotonic()
        return None

    def save(self, path, *options):
        """Run `xl save`; the domain is gone afterwards, unless options say `-c`.

        A guest without it is continued by restore().  The console is that of all its domains.
        """
        if "-c" not in options:
            self.stop_watching()
        said = self.lab.dom0(["xl", "save", *options, str(self.domid), path])
        if said[0]:
            raise LabError(f"xl save failed for guest {self.name}", LabError.tail(said[1]))
        if "-c" not in options:
            self.domid = None

    def restore(self, path, start=True):
        """Run `xl restore`, and follow the new domain."""
        self.lab.sh(["xl", "restore", "-p", "-e", path])
        self.follow(self.name, *(["unpause"] if start else []))

    def migrate(self):
        """Run `xl migrate` from this host to itself, and follow the new domain."""
        self.stop_watching()
        said = self.lab.dom0(["xl", "migrate", "-s", "", str(self.domid), "xl migrate-receive"])
        if said[0]:
            raise LabError(f"xl migrate failed for guest {self.name}", LabError.tail(said[1]))
        self.follow(f"{self.name}--incoming")

    def follow(self, log_name, *words):
        """Watch the domain that has this name now."""
        log = "tty" if self.lab.native else f"{CONSOLES}/guest-{log_name}.log"
        self.log_start = self.lab.log_size()
        w = self.watcher = self.lab.start([self.lab.helper, "watch", self.name, log, *words])
        w.until(lambda: re.search(rb"(?m)^domid \d+\n", w.err), 300)
        found = re.search(rb"(?m)^domid (\d+)\n", w.err)
        if not found:
            raise LabError(f"guest {self.name} is gone",
                           LabError.tail((w.out + w.err).decode(errors="replace")))
        self.domid = int(found[1])
        self.watched_from = time.monotonic()

    def suspend(self, count=1):
        """Suspend the guest and resume it in place; returns the seconds that it took each time to
        suspend itself."""
        said = self.lab.sh([self.lab.helper, "suspend", str(self.domid), str(count)], timeout=600)
        return list(map(float, said.split()))

    def unpause(self):
        """Start a guest that was created paused."""
        self.watcher.signal(signal.SIGUSR1)
        self.watched_from = time.monotonic()

    def send(self, text):
        """Send text to the guest's console."""
        self.watcher.write(text.encode() if isinstance(text, str) else text)

    def console_bytes(self):
        return bytes(self.watcher.out)

    def console_text(self):
        return self.console_bytes().decode(errors="replace")

    def cpu_seconds(self):
        """The CPU time of the guest so far, in seconds with nine decimals."""
        return float(self.lab.sh(f"{self.lab.helper} cpu {self.domid}"))

    def wait_for(self, text, timeout=120):
        """Wait until text is on the console; raises LabError after the timeout or the end."""
        want = text.encode()
        self.watcher.until(lambda: want in self.watcher.out, timeout)
        if want not in self.watcher.out:
            how = "before it ended" if self.watcher.status is not None else f"in {timeout:g} s"
            raise LabError(f"guest {self.name} did not print {text!r} {how}",
                           LabError.tail(self.console_text()))

    def wait(self, timeout=None, on_console=None, on_timeout=None):
        """Wait until the guest ends, at most timeout seconds; returns its Result.

        on_console is called with the console's bytes as they arrive, in the caller's thread;
        on_timeout is called before a guest that did not end in time is given up.
        The domain exists until destroy().
        """
        end = None if timeout is None else self.watched_from + timeout
        w, told = self.watcher, 0
        while True:
            left = None if end is None else max(0, end - time.monotonic())
            w.until(lambda: on_console and len(w.out) > told, left)
            if on_console and len(w.out) > told:
                new = bytes(w.out[told:])
                told += len(new)
                on_console(new)
            elif w.status is not None:
                return self.result()
            elif end is not None and time.monotonic() >= end:
                if on_timeout:
                    on_timeout()
                self.stop_watching()
                return self.result(timed_out=True)

    def result(self, timed_out=False):
        said = [line.split() for line in self.watcher.err.decode().splitlines()]
        started = next((float(w[1]) for w in said if w[0] == "unpaused"), None)
        wrote = next((float(w[1]) for w in said if w[0] == "wrote"), None)
        ended = next((w for w in said if w[0] == "ended"), None)
        if not ended and not timed_out:
            self.lab.check()
            raise LabError(f"the watcher of guest {self.name} ended unexpectedly",
                           self.watcher.err.decode())
        chunks, total = [], 0
        for w in said:
            if w[0] == "at":
                total += int(w[2])
                chunks.append((float(w[1]) - (started or 0), total))
        return Result(
            reason="timeout" if timed_out else ended[2],
            status=int(ended[3]) if ended and ended[3].lstrip("-").isdigit() else None,
            console=self.console_text(),
            seconds=float(ended[1]) - started if ended and started is not None
            else time.monotonic() - self.watched_from,
            first_byte=chunks[0][0] if chunks and started else None,
            wrote=wrote - started if wrote and started is not None else None,
            chunks=chunks, toolstack=self.toolstack,
            xen_log=self.lab.log_since(self.log_start))

    def stop_watching(self):
        if self.watcher and self.watcher.status is None:
            self.watcher.signal(signal.SIGKILL)
            self.watcher.wait(10)

    def shutdown(self, how="poweroff"):
        """Run `xl shutdown` or `xl reboot`; does not wait for the guest's end."""
        word = {"poweroff": "shutdown", "reboot": "reboot"}[how]
        status, said = self.lab.dom0(["xl", word, str(self.domid)])
        if status:
            raise LabError(f"xl {word} failed", LabError.tail(self.console_text() + said))

    def shutdown_gone(self):
        """Run `xl shutdown` and wait until the domain does not exist any more.

        Returns (seconds that xl ran, seconds in total).  For guests that were created with
        monitor=True and actions={"poweroff": "destroy"}.
        """
        self.watcher and self.stop_watching()
        c = self.lab.start([self.lab.helper, "gone", str(self.domid),
                            "xl", "shutdown", str(self.domid)])
        if c.wait():
            raise LabError("xl shutdown failed", LabError.tail(c.err.decode()))
        return tuple(map(float, c.out.split()[-2:]))

    def destroy(self):
        """Destroy the domain in any state, and free its disks and forwards."""
        if self.domid is None and not self.cleanup:
            self.lab.forget(self)
            return
        start = time.monotonic()
        self.stop_watching()
        if self.domid is not None and not self.lab.gone:
            self.destroy_domain()
        self.domid = None
        self.toolstack["destroy"] = time.monotonic() - start
        failure = None
        for undo in reversed(self.cleanup):
            try:
                undo()
            except LabError as e:       # the others are done all the same
                failure = failure or e
        self.cleanup = []
        self.lab.forget(self)
        if failure:
            raise failure

    def destroy_domain(self):
        """Read the longest hold of the monitor (kernel/hold.h), then run xl destroy."""
        address = self.symbols.address("xenolith_hold_longest") if self.symbols else None
        if address is None:
            self.lab.dom0(["xl", "destroy", str(self.domid)])
            return
        said = self.lab.dom0([self.lab.helper, "destroy", str(self.domid), hex(address)])[1]
        ns, *pcs = hold_of(said.partition("\n")[0]) or (0,)
        if ns:
            self.lab.holds.append((ns / 1e6, [self.symbols.function(pc) for pc in pcs]))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.destroy()
