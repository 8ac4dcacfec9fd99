# SPDX-License-Identifier: ISC
"""The command line of the lab."""

import argparse
import os
import re
import select
import shutil
import signal
import sys
import termios
import threading
import tty
from contextlib import contextmanager
from pathlib import Path

from . import build, door, xenolith
from .errors import LabError
from .lab import Lab

# The exit status of `lab run` if the guest did not write one to xenstore.
STATUS = {"poweroff": 0, "timeout": 124, "reboot": 251, "suspend": 252, "watchdog": 254,
          "crash": 255, "gone": 253, "soft-reset": 251}
LAB_FAILED = 125
TYPES = ("pv", "pvh", "hvm")


def say(line):
    print(f"lab: {line}", file=sys.stderr, flush=True)


# -- the command line

def megabytes(text):
    m = re.fullmatch(r"(\d+)([MG]B?)?", text, re.I)
    if not m or not 0 < int(m[1]) < 1 << 20:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size in MB")
    return int(m[1]) * (1024 if (m[2] or "M")[0] in "gG" else 1)


def seconds(text):
    try:
        if 0 < float(text) < 1e7:
            return float(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")


def domain_name(text):
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name of letters, digits, _ . -")
    return text


def common_options():
    o = argparse.ArgumentParser(add_help=False)
    o.add_argument("--verbose", action="store_true", help="show the console of Xen and dom0")
    o.add_argument("--quiet", action="store_true", help="show only errors and the guest")
    o.add_argument("--dom0-memory", type=megabytes, default=512, metavar="MB",
                   help="memory of dom0 (default: 512)")
    o.add_argument("--guest-memory", type=megabytes, default=1024, metavar="MB",
                   help="memory for all guests together (default: 1024)")
    o.add_argument("--xen-cmdline", default="", metavar="WORDS", help="more options for Xen")
    o.add_argument("--boot-timeout", type=seconds, default=180, metavar="S",
                   help="timeout of the boot in seconds (default: 180)")
    o.add_argument("--cpus", type=int, choices=range(1, 9), metavar="N",
                   help="CPUs of the emulated machine (default: 1; 2 with --pin)")
    o.add_argument("--pin", action="store_true",
                   help="run dom0 on the first CPU and guests on the second, for measurements")
    o.add_argument("--gdb", type=int, choices=range(1, 65536), metavar="PORT",
                   help="let gdb connect to this port (docs/debug.md)")
    return o


def guest_options():
    o = argparse.ArgumentParser(add_help=False)
    o.add_argument("--type", choices=TYPES, default="pv",
                   help="guest type (default: pv); hvm: boots from a disk made of the image")
    o.add_argument("--memory", type=megabytes, metavar="MB",
                   help="memory of the guest (default: 32; linux-guest: 256)")
    o.add_argument("--name", type=domain_name, help="name of the domain")
    o.add_argument("--disk", action="append", default=[], metavar="FILE|SIZE[,ro][,dev=NAME]",
                   help="a disk: a file, or a new empty one of this size (64M)")
    o.add_argument("--net", nargs="?", const="", metavar="forward=LOCALPORT:GUESTPORT",
                   help="a network interface, and ports to forward")
    o.add_argument("--cmdline", default="", metavar="WORDS", help="kernel options")
    o.add_argument("--timeout", type=seconds, metavar="S",
                   help="destroy the guest after this number of seconds")
    o.add_argument("--config", action="append", default=[], metavar="LINE",
                   help="an additional line of xl.cfg(5)")
    o.add_argument("--no-console-input", action="store_true",
                   help="do not send standard input to the guest's console")
    return o


def bare_net(words):
    """Write --net as --net= unless a forward follows: the next word may be the image."""
    end = words.index("--") if "--" in words else len(words)
    return [w + "=" if w == "--net" and i < end and not after.startswith("forward=") else w
            for i, (w, after) in enumerate(zip(words, [*words[1:], ""]))]


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="lab", description="Run Xen guests on a machine without Xen: in QEMU, with a dom0 "
        "built from the distribution's packages, without root. docs/lab.md describes all.")
    sub = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")
    common, guest = common_options(), guest_options()
    b = sub.add_parser("build", help="fetch packages and build dom0 (other commands do this "
                       "when needed)")
    b.add_argument("--fresh", action="store_true", help="use today's packages")
    sub.add_parser("needs", help="print the Debian packages that this machine lacks")
    r = sub.add_parser("run", parents=[common, guest],
                       help="run a guest and exit with its status",
                       usage="lab run [options] IMAGE [--] [ARG...]")
    r.add_argument("--ramdisk", metavar="FILE", help="a ramdisk")
    r.add_argument("image", nargs="?")
    r.add_argument("args", nargs=argparse.REMAINDER, metavar="ARG")
    sub.add_parser("linux-guest", parents=[common, guest],
                   help="run a small Linux guest with the lab's own kernel")
    s = sub.add_parser("shell", parents=[common], help="open a shell in dom0")
    e = sub.add_parser("exec", parents=[common], help="run a command in dom0",
                       usage="lab exec [options] [--put FILE]... [--] COMMAND...")
    for p in (s, e):
        p.add_argument("--put", action="append", default=[], metavar="FILE",
                       help="copy this file to /root of dom0 first")
    e.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args(bare_net(sys.argv[1:] if argv is None else argv))
    for rest in ("args", "command"):
        words = getattr(args, rest, None)
        if words and words[0] == "--":
            words.pop(0)
    if args.what == "exec" and not args.command:
        parser.error("exec: missing argument COMMAND")
    if args.what == "run" and not args.image:
        parser.error("run: missing argument IMAGE")
    return args


# -- commands

def make_lab(args, memory=0):
    verbose = (lambda line: print(line, file=sys.stderr, flush=True)) if args.verbose else None
    return Lab(pin=args.pin, cpus=args.cpus, memory=max(args.guest_memory, memory),
               dom0_memory=args.dom0_memory, xen_cmdline=args.xen_cmdline, gdb=args.gdb,
               boot_timeout=args.boot_timeout, on_log=verbose,
               say=(lambda line: None) if args.quiet else say)


def write_out(data):
    view = memoryview(data)
    while view:
        view = view[os.write(1, view):]


class RawTerminal:
    """Switches the terminal to raw mode, so that every key is passed to dom0."""

    def __enter__(self):
        self.saved = termios.tcgetattr(0)
        tty.setraw(0)

    def __exit__(self, *exc):
        termios.tcsetattr(0, termios.TCSADRAIN, self.saved)


def pass_input(write, ended):
    """Pass standard input to write() until it ends, in a new thread; then call ended()."""
    def loop():
        try:
            while data := os.read(0, 4096):
                write(data)
        except OSError:     # closed, or the terminal does not exist any more
            pass
        if ended:
            ended()
    threading.Thread(target=loop, daemon=True).start()


def exit_status(result):
    if result.reason != "timeout" and result.status is not None:
        if result.status or result.reason not in ("crash", "watchdog"):
            return result.status if 0 <= result.status <= 255 else 255
    return STATUS[result.reason]


def report(result, status, args):
    words = f"the guest ended by {result.reason} after {result.seconds:.2f} s"
    if result.reason == "timeout":
        words = f"the guest did not end within {args.timeout:g} s (timeout)"
    words += (f", exit status {result.status}" if result.status is not None
              else ", without an exit status")
    if not args.quiet or status:
        say(words)
    if result.reason in ("crash", "watchdog"):
        xen = [line for line in result.xen_log.splitlines() if "(XEN)" in line]
        if xen:
            print("--- Xen's log ---\n" + "\n".join(xen[-40:]), file=sys.stderr)


def attend(guest, args):
    """Show the guest's console until the guest ends; returns its exit status."""
    if not args.no_console_input:
        pass_input(guest.send, None)
    result = guest.wait(args.timeout, write_out)
    if result.console and not result.console.endswith("\n"):
        write_out(b"\n")
    guest.destroy()
    status = exit_status(result)
    report(result, status, args)
    return status


def run(args):
    from .config import Disk, Net, command_line, read_image
    if not (args.type == "hvm" and args.image.endswith(".img")):
        read_image(args.image)
    command_line(args.cmdline, args.args, args.type)
    for i, disk in enumerate(args.disk):
        Disk.parse(disk, i)
    if args.net:
        Net.parse(args.net)
    with make_lab(args, args.memory or 0) as lab:
        guest = lab.create(args.image, args=args.args, memory=args.memory or 32,
                           cmdline=args.cmdline, disks=args.disk, net=args.net,
                           name=args.name, ramdisk=args.ramdisk, more=args.config,
                           type=args.type)
        door.open_door(lab)
        return attend(guest, args)


def linux_guest(args):
    with make_lab(args, args.memory or 0) as lab:
        guest = lab.linux_guest(cmdline=args.cmdline, memory=args.memory or 256,
                                disks=args.disk, net=args.net, name=args.name,
                                more=args.config)
        return attend(guest, args)


def reader_has_gone():
    """Whether the reader of standard output has closed it, as `| head` does."""
    p = select.poll()
    p.register(1, 0)
    return any(events & select.POLLERR for _, events in p.poll(0))


def follow(command):
    """Show the output of a command until it ends; returns its status."""
    out = err = 0
    while True:
        while not command.until(lambda: len(command.out) > out or len(command.err) > err, 1):
            if reader_has_gone():
                raise BrokenPipeError
        new_out, new_err = bytes(command.out[out:]), bytes(command.err[err:])
        out, err = out + len(new_out), err + len(new_err)
        write_out(new_out)
        sys.stderr.buffer.write(new_err)
        sys.stderr.flush()
        if not new_out and not new_err and command.status is not None:
            return command.status


def in_dom0(lab, words):
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        command = lab.start(words)
        pass_input(command.write, command.close_input)
        return follow(command)

    def size():
        columns, rows = shutil.get_terminal_size()
        return rows, columns
    command = lab.start(words, terminal=size())
    signal.signal(signal.SIGWINCH, lambda *_: command.resize(*size()))
    with RawTerminal():
        pass_input(command.write, None)
        return follow(command)


@contextmanager
def lab_with_files(args):
    files = [Path(f) for f in args.put]
    for f in files:
        if not f.is_file():
            raise LabError(f"--put {f}: file not found")
    with make_lab(args) as lab:
        for f in files:
            lab.put(f.read_bytes(), f"/root/{f.name}")
        yield lab


def shell(args):
    with lab_with_files(args) as lab:
        xenolith.install(lab)
        door.open_door(lab)
        if not args.quiet:
            say("this is a shell in dom0; exit ends the lab")
        in_dom0(lab, ["bash", "-l"])
    return 0


def execute(args):
    with lab_with_files(args) as lab:
        return in_dom0(lab, args.command)


def build_it(args):
    if not build.build(say, args.fresh):
        say("dom0 is up to date")
    return 0


def print_needs(args):
    for package in build.needs():
        print(package)
    return 0


COMMANDS = {"build": build_it, "needs": print_needs, "run": run, "shell": shell,
            "exec": execute, "linux-guest": linux_guest}


def on_signal(signo, frame):
    sys.exit(128 + signo)


def main(argv=None):
    args = parse(argv)
    for signo in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signo, on_signal)
    try:
        return COMMANDS[args.what](args)
    except LabError as e:
        if e.log:
            print(e.log, file=sys.stderr)
        say(str(e))
        return LAB_FAILED
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except BrokenPipeError:
        return 141
