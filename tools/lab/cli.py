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
import time
import tty
from contextlib import contextmanager
from pathlib import Path

from . import build, clients, remote, xenolith
from .locations import Locations
from .errors import LabError
from .lab import Lab, is_xen_host

# The exit status of `lab run` if the guest did not write one to xenstore.
STATUS = {"poweroff": 0, "timeout": 124, "reboot": 251, "suspend": 252, "watchdog": 254,
          "crash": 255, "gone": 253, "soft-reset": 251}
LAB_FAILED = 125
TYPES = ("pv", "pvh", "hvm")
END_OF_INPUT = b"\x04"  # Ctrl-D; lib/file/tty.c
LEAST_MEMORY = 4        # MB, as in tools/xenolith/run.c
NET_VALUE = re.compile(r"(yes|on|no|off|none|(forward=)?\d+:\d+(,.*)?)$|forward=")
OWN_LAB_MEMORY = 1024           # MB; a larger guest gets a lab of its own


def say(line):
    print(f"lab: {line}", file=sys.stderr, flush=True)


# -- the command line

def megabytes(text):
    m = re.fullmatch(r"(\d+)([MG]B?)?", text, re.I)
    if not m or not 0 < int(m[1]) < 1 << 20:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size in MB, such as 64")
    return int(m[1]) * (1024 if (m[2] or "M")[0] in "gG" else 1)


def seconds(text):
    try:
        if 0 < float(text) < 1e7:
            return float(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, such as 60")


def guest_megabytes(text):
    if megabytes(text) < LEAST_MEMORY:
        raise argparse.ArgumentTypeError(f"{text!r} is too little: a guest has at least "
                                         f"{LEAST_MEMORY} MB")
    return megabytes(text)


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
    o.add_argument("--memory", type=guest_megabytes, metavar="MB",
                   help="memory of the guest (default: 32; linux-guest: 256)")
    o.add_argument("--name", type=domain_name, help="name of the domain")
    o.add_argument("--disk", action="append", default=[],
                   metavar="FILE|SIZE[:/PATH][,ro][,dev=NAME]",
                   help="a disk: a file, or a new empty one of this size (64M); the guest mounts "
                   "it at /PATH")
    o.add_argument("-p", "--port", action="append", default=[], metavar="LOCALPORT:GUESTPORT",
                   help="forward a port of this machine to the guest; may be repeated")
    o.add_argument("--net", nargs="?", const="", metavar="yes|no|LOCALPORT:GUESTPORT[,...]",
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
    """Write --net as --net= unless its value follows: the next word may be the image."""
    end = words.index("--") if "--" in words else len(words)
    return [w + "=" if w == "--net" and i < end and not NET_VALUE.match(after) else w
            for i, (w, after) in enumerate(zip(words, [*words[1:], ""]))]


def parse(argv, prog):
    parser = argparse.ArgumentParser(
        prog=prog, description="Run Xen guests on a machine without Xen: in QEMU, with a dom0 "
        "built from the distribution's packages, without root. docs/lab.md describes all.")
    sub = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")
    common, guest = common_options(), guest_options()
    b = sub.add_parser("build", help="fetch packages and build dom0 (other commands do this "
                       "when needed)")
    b.add_argument("--fresh", action="store_true", help="use today's packages")
    sub.add_parser("needs", help="print the Debian packages that this machine lacks")
    r = sub.add_parser("run", parents=[common, guest],
                       help="run a guest and exit with its status",
                       usage=f"{prog} run [options] IMAGE [--] [ARG...]")
    r.add_argument("--ramdisk", metavar="FILE", help="a ramdisk")
    r.add_argument("--check", action="store_true",
                   help="check only the options; the image need not exist")
    r.add_argument("image", nargs="?")
    r.add_argument("args", nargs=argparse.REMAINDER, metavar="ARG")
    sub.add_parser("linux-guest", parents=[common, guest],
                   help="run a small Linux guest with the lab's own kernel")
    s = sub.add_parser("shell", parents=[common], help="open a shell in dom0")
    t = sub.add_parser("start", parents=[common], help="start the persistent lab for later "
                       "commands; `run` does this by itself")
    v = sub.add_parser("serve", parents=[common])
    for p in (t, v):
        p.add_argument("--idle", type=seconds, metavar="S",
                       default=seconds(os.environ.get("XENOLITH_IDLE", "600")),
                       help="end after this time without guests and commands (default: 600, or "
                       "$XENOLITH_IDLE)")
    sub.add_parser("stop", help="end the persistent lab; guests are shut down")
    sub.add_parser("status", help="show the persistent lab")
    e = sub.add_parser("exec", parents=[common], help="run a command in dom0",
                       usage=f"{prog} exec [options] [--put FILE]... [--] COMMAND...")
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
        from project import cli as project
        words = list(sys.argv[1:] if argv is None else argv)
        if not project.exists():
            parser.error("run: missing argument IMAGE")
        words = project.said(project.run_here, words[words.index("run") + 1:])
        if isinstance(words, int):
            sys.exit(words)
        return parse(["--net=yes" if w == "--net" else w for w in words], prog)
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


def print_threads(guest, show):
    """Let a guest that hangs print its threads (an NMI), and show them."""
    said, seen = guest.console_text, len(guest.console_bytes())
    guest.lab.dom0(["xl", "trigger", str(guest.domid), "nmi"])
    end = time.monotonic() + 5
    while time.monotonic() < end and "memory:" not in said()[seen:]:
        time.sleep(0.1)
    time.sleep(0.3)
    show(guest.console_bytes()[seen:])


def ends_by_ctrl_c(guest):
    """The first Ctrl-C asks the guest to end, the second one ends the lab."""
    def ask():
        try:
            guest.shutdown()
        except LabError:    # it has ended meanwhile
            pass

    def pressed(signo, frame):
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if guest.domid is None:
            raise KeyboardInterrupt
        say("the guest is asked to end (SIGTERM); Ctrl-C again destroys it")
        threading.Thread(target=ask, daemon=True).start()
    signal.signal(signal.SIGINT, pressed)


def attend(guest, args, image=""):
    """Show the guest's console until the guest ends; returns its exit status."""
    show = Locations(image, write_out).write
    if not args.no_console_input:
        pass_input(guest.send, lambda: guest.send(END_OF_INPUT))
    ends_by_ctrl_c(guest)
    result = guest.wait(args.timeout, show, lambda: print_threads(guest, show))
    if result.console and not result.console.endswith("\n"):
        write_out(b"\n")
    guest.destroy()
    status = exit_status(result)
    report(result, status, args)
    return status


def wants_own_lab(args):
    """Whether an option is about the lab itself."""
    return (not remote.is_wanted() or args.verbose or args.pin or args.gdb or args.cpus
            or args.xen_cmdline or args.dom0_memory != 512 or args.guest_memory != OWN_LAB_MEMORY
            or args.boot_timeout != 180 or (args.memory or 0) > OWN_LAB_MEMORY)


def run(args):
    from .config import Disk, application, net_of, read_image, run_words
    if not args.check and not (args.type == "hvm" and args.image.endswith(".img")):
        read_image(args.image)
    for i, disk in enumerate(args.disk):
        Disk.parse(disk, i)
    net = net_of(args.net, args.port)
    if args.check:
        return 0
    if net and not is_xen_host():
        remote.check_ports(net.forwards)
    own = wants_own_lab(args)
    lab = (make_lab(args, args.memory or 0) if own
           else remote.RunningLab(say=(lambda line: None) if args.quiet else say))
    if own and args.type != "hvm" and not is_xen_host():
        lab.check_machine()
        build.build(say)
        xenolith.check(run_words("name", args.image, args.memory or 32, args.cmdline, args.args,
                                 type=args.type))
    with lab:
        guest = lab.create(args.image, args=args.args, memory=args.memory or 32,
                           cmdline=args.cmdline, disks=args.disk, net=net,
                           name=args.name or (application(args.image) if own else None),
                           ramdisk=args.ramdisk, more=args.config, type=args.type)
        if own:
            clients.accept_clients(lab)
        return attend(guest, args, args.image)


def linux_guest(args):
    from .config import net_of
    with make_lab(args, args.memory or 0) as lab:
        guest = lab.linux_guest(cmdline=args.cmdline, memory=args.memory or 256,
                                disks=args.disk, net=net_of(args.net, args.port), name=args.name,
                                more=args.config)
        return attend(guest, args)


def reader_has_gone():
    """Whether the reader of standard output has closed it, as `| head` does."""
    p = select.poll()
    p.register(1, 0)
    return any(events & select.POLLERR for _, events in p.poll(0))


def follow(command, show):
    """Pass the output of a command to show() until it ends; returns its status."""
    while True:
        while not command.until(lambda: command.out or command.err, 1):
            if reader_has_gone():
                raise BrokenPipeError
        ended = command.status is not None
        new_out, new_err = command.take(command.out), command.take(command.err)
        show(new_out)
        sys.stderr.buffer.write(new_err)
        sys.stderr.flush()
        if not new_out and not new_err and ended:
            return command.status


def in_dom0(lab, words, image=""):
    """Run a command in dom0; image: of the guest whose console the command shows."""
    show = Locations(image, write_out).write
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        command = lab.start(words)
        pass_input(command.write, command.close_input)
        return follow(command, show)

    def size():
        columns, rows = shutil.get_terminal_size()
        return rows, columns
    command = lab.start(words, terminal=size())
    signal.signal(signal.SIGWINCH, lambda *_: command.resize(*size()))
    with RawTerminal():
        pass_input(command.write, None)
        return follow(command, show)


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
        clients.accept_clients(lab)
        if not args.quiet:
            say("this is a shell in dom0; exit ends the lab")
        in_dom0(lab, ["bash", "-l"])
    return 0


def execute(args):
    with lab_with_files(args) as lab:
        return in_dom0(lab, args.command)


# -- the persistent lab

def running():
    """Returns a client of the persistent lab, or None."""
    client = clients.shared_lab()
    if client and (not client.ready.wait(BOOT_PATIENCE) or client.gone.is_set()):
        return None
    return client


def start(args):
    if running():
        say("it is running already")
    else:
        options = [w for w in sys.argv[sys.argv.index("start") + 1:]]
        remote.connect((lambda line: None) if args.quiet else say, options)
    return status(args)


def stop(args):
    client = running()
    if not client:
        say("no lab is running")
        return 0
    client.ask("stop")
    if not client.gone.wait(STOP_PATIENCE):
        raise LabError("the lab has not ended")
    return 0


def serve(args):
    from . import server
    return server.serve(args, make_lab)


def status(args):
    client = running()
    if not client:
        print("no lab is running")
        return 1
    s = client.ask("status")
    names = ", ".join(s["guests"]) or "none"
    ports = "".join(f", port {p} for {name}" for p, name in s["ports"].items())
    print(f"the lab is running as process {s['pid']}, {s['memory']} MB for guests; "
          f"guests: {names}{ports}; it ends after {s['idle']:g} s without use")
    return 0


def build_it(args):
    if not build.build(say, args.fresh):
        say("dom0 is up to date")
    return 0


def print_needs(args):
    for package in build.needs():
        print(package)
    return 0


COMMANDS = {"build": build_it, "needs": print_needs, "run": run, "shell": shell,
            "exec": execute, "linux-guest": linux_guest, "start": start, "stop": stop,
            "status": status, "serve": serve}
BOOT_PATIENCE = 240     # seconds
STOP_PATIENCE = 60


def on_signal(signo, frame):
    sys.exit(128 + signo)


def main(argv=None, prog="lab"):
    args = parse(argv, prog)
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
