# SPDX-License-Identifier: ISC
"""`./xenolith` on a machine without Xen: runs the same command in the lab's dom0.

`run` uses the persistent lab (tools/lab/server.py), which it starts if needed.  All other
commands use the running lab: the persistent one, or that of `make lab` or of a test.
XENOLITH_LAB is the process id of the lab to be used if there are several; with XENOLITH_LAB=own,
`run` boots a lab of its own.
"""

import os
import re
import shlex
import subprocess
import sys
import uuid
from pathlib import Path

import disk as disks
import help
import lab_copy
import libvirt_domain
import process_cli
from folders import BUILD, ROOT
from ec2 import disk as disks_of_ec2
from ec2.errors import Ec2Error
from lab import build, cli, clients, config, hvm, records, remote, xenolith
from lab.errors import LabError, Usage
from lab.lab import Lab, is_xen_host
from lab_files import Files
from project import cli as project

TAKE_A_WORD = ("--memory", "--name", "--cmdline", "--config", "--disk", "--type", "--timeout",
               "--ramdisk", "--from", "-n", "-p", "--port")
NO_GUEST = 3            # exit status: NO_DOMAIN of endpoint.h


def native(words):
    """On a machine that is a dom0: build the command with its libraries, and run it."""
    os.execv(xenolith.make_native(), ["xenolith", *words])


def make():
    """Build the command for this machine and dom0; returns its path."""
    build.build(cli.say)
    return xenolith.make()


class Running:
    """The lab of another process."""

    def __init__(self):
        self.agent = clients.find_agent()
        self.start = self.agent.start

    def put(self, data, path):
        command = self.start(["sh", "-c", 'umask 077; cat > "$1" && chmod +x "$1"', "put", path])
        command.write(data)
        command.close_input()
        if command.wait():
            raise LabError(f"cannot write {path} of dom0", command.err.decode())

    def install(self):
        if self.start(["test", "-x", xenolith.WHERE]).wait():
            self.put(make().read_bytes(), xenolith.WHERE)


def in_project(words):
    """Whether `run` has no image, and so means the project of this folder."""
    words = words[:words.index("--")] if "--" in words else words
    return dom0_words(words)[0] is None and project.exists() and not {"--help", "-h"} & set(words)


def check_run(words):
    """Check the names of the options of `run`, so that no value counts as the image."""
    known, i = {**help.options(), "-h": False, "--help": False}, 0
    while i < len(words) and words[i].startswith("-") and words[i] != "--":
        name, equals, _ = words[i].partition("=")
        if name not in known:
            raise Usage(f"run: unknown option {words[i]}; there are {' '.join(sorted(known))}")
        i += 1 if equals or not known[name] else 2
    if i >= len(words) or words[i] == "--":
        raise Usage("run: missing argument IMAGE; see xenolith run --help")


def check_command(words):
    """Check the words of another command, so that no lab is needed to see a mistake."""
    known = help.commands()
    names = [w for w in words if not w.startswith("-")]
    if not names:
        raise Usage(f"missing command after {words[0]}; see xenolith --help")
    if names[0] not in known:
        raise Usage(f"unknown command {names[0]}; the commands are "
                       f"{' '.join([*known, 'run', 'pool', 'disk', 'lab', 'ec2', 'help', *project.COMMANDS])}")
    if names[0] == "cp":
        if words[0] != "cp":
            raise Usage("cp has no --json")
        lab_copy.Copy(words[1:]).check()
    elif len(names) < 2 and re.search(" [A-Z]", known[names[0]][0]):
        raise Usage(f"missing argument DOMAIN; usage: xenolith {known[names[0]][0]}")


def options_of(words):
    """Yields (index, name, index behind its value) of each option before the image, or --."""
    i = 0
    while i < len(words) and words[i].startswith("-") and words[i] != "--":
        name, equals, _ = words[i].partition("=")
        end = i + (1 if equals or name not in TAKE_A_WORD else 2)
        yield i, name, end
        i = end


def end_of_options(words):
    return max((end for _, _, end in options_of(words)), default=0)


def dom0_words(words):
    """Parse the words after `run`; returns (the index of the image, the indexes of disks)."""
    end = end_of_options(words)
    return (end if end < len(words) and words[end] != "--" else None,
            [end - 1 for _, name, end in options_of(words) if name == "--disk"])


def option(words, end, name):
    """Returns the values of option NAME before index end, and the words without them."""
    values, rest, i = [], [], 0
    while i < len(words):
        word, equals, value = words[i].partition("=")
        takes = 1 if equals or word not in TAKE_A_WORD else 2
        if i < end and word == name:
            if i + takes > len(words):
                raise Usage(f"run: missing value of {name}")
            values.append(value if equals else words[i + 1])
        else:
            rest += words[i:i + takes if i < end else i + 1]
        i += takes if i < end else 1
    return values, rest


def type_of(words):
    """The value of the last --type before the image, or None."""
    image, _ = dom0_words(words)
    return (option(words, len(words) if image is None else image, "--type")[0] or [None])[-1]


def with_disk(words):
    """For --type hvm, replace a kernel image by a disk made of it."""
    image, _ = dom0_words(words)
    if image is None or option(words, image, "--type")[0][-1:] != ["hvm"]:
        return words
    kernel = Path(words[image])
    if kernel.suffix == ".img":
        return words
    args = words[image + 1:]
    cmdline, before = option(words[:image], image, "--cmdline")
    made = BUILD / "hvm" / f"{kernel.name}.img"
    try:
        disks_of_ec2.make(made, kernel, kernel.name, " ".join(cmdline[-1:]),
                          args[1:] if args[:1] == ["--"] else args)
    except Ec2Error as e:
        raise LabError(str(e)) from None
    return [*before, str(made)]


class Run:
    """The words of `run`: what this program does itself, and what dom0's command does."""

    def __init__(self, words):
        image, _ = dom0_words(words)
        before, self.rest = words[:image], words[image + 1:]
        self.image = Path(words[image])
        names, before = option(before, len(before), "--name")
        self.name = names[-1] if names else None
        self.types = option(before, len(before), "--type")[0]
        disks, before = option(before, len(before), "--disk")
        first = 4 if self.hvm() else 0      # as in run_options.c
        self.disks = [config.Disk.parse(d, first + i) for i, d in enumerate(disks)]
        self.ramdisks, before = option(before, len(before), "--ramdisk")
        self.uuid = config.uuid_of(option(before, len(before), "--config")[0])
        short, before = option(before, len(before), "-p")
        ports, before = option(before, len(before), "--port")
        net = None
        for word in [w for w in before if w == "--net" or w.startswith("--net=")]:
            before.remove(word)
            net = word[6:]
        self.bridge = net if net and net.isalnum() and net not in ("yes", "no", "on", "off", "none") \
            else None
        self.net = config.net_of("" if self.bridge else net, [*short, *ports])
        self.background = "--background" in before
        self.before = before

    def hvm(self):
        return self.types[-1:] == ["hvm"]

    def check(self):
        """Check all before a lab is booted."""
        if self.hvm() and any(d.path for d in self.disks):
            raise LabError("--disk FILE:/PATH: write --cmdline mount=... when the image is made")
        if not self.hvm():
            config.read_image(self.image)
        if self.net and not is_xen_host():
            remote.check_ports(self.net.forwards)

    def check_in_c(self):
        """The other checks are those of the command; returns its exit status."""
        words = [*self.before, *["--disk=/dev/null"] * len(self.disks)]
        return subprocess.run([make(), "run", "--show", *words, str(self.image), *self.rest],
                              stdout=subprocess.DEVNULL).returncode

    def words(self, lab, guest):
        """The words for the command in dom0, after disks and ports were attached there."""
        words = ["--name", guest.name, *self.before]
        if not self.uuid:       # the lab knows the domain by it
            words.append(f"--config={config.uuid_line(guest.uuid)}")
        for disk in self.disks:
            words.append(f"--disk={disk.word(lab.attach(disk, guest))}")
        if self.net:
            (vif,) = lab.connect(self.net, guest)
            words.append(f"--net={vif}" if not self.bridge else f"--net={self.bridge}")
        for ramdisk in self.ramdisks[-1:]:
            words.append(f"--ramdisk={lab.ramdisk_in_dom0(ramdisk)}")
        if self.hvm():
            lab.bring_device_model()
            boot = config.Disk(file=self.image.absolute(), dev="hda")
            return [*words, lab.attach(boot, guest), *self.rest]
        return [*words, lab.image_in_dom0(self.image), *self.rest]


class OtherLab(Running):
    """The lab of another process, which cannot attach anything."""

    class Named:
        def __init__(self, name):
            self.name, self.uuid = name, str(uuid.uuid4())

    def reserve(self, name, exact, net, uuid=None):
        return self.Named(name)

    def attach(self, disk, guest):
        raise LabError("XENOLITH_LAB: that lab cannot attach disks")

    def connect(self, net, guest):
        if net.forwards:
            raise LabError("XENOLITH_LAB: that lab cannot forward ports")
        return ["bridge=xenbr0"]

    def image_in_dom0(self, path):
        self.put(config.read_image(path), f"/root/{path.name}")
        return f"/root/{path.name}"

    def command(self):
        self.install()
        return xenolith.WHERE

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass


def lab_for_run(run):
    """The persistent lab, or what XENOLITH_LAB says.  An exit status if the words are wrong."""
    wanted = os.environ.get("XENOLITH_LAB")
    client = None if wanted else clients.shared_lab()
    if client is None and wanted in (None, "own"):
        status = run.check_in_c()       # before a lab is booted
        if status:
            return status
    if wanted == "own":
        if run.background:
            raise LabError("XENOLITH_LAB=own: the lab ends with this command; leave it out for "
                           "--background")
        build.build(cli.say)
        return Lab(say=cli.say)
    return OtherLab() if wanted else remote.RunningLab(say=cli.say, client=client)


def run(words):
    words = list(words)
    image, disks = dom0_words(words)
    if image is None:
        sys.stderr.write("xenolith: missing argument IMAGE\n" + help.text("RUN"))
        return 2
    if "--show" in words[:image]:
        os.execv(make(), ["xenolith", "run", *words])
    run = Run(words)
    run.check()
    lab = lab_for_run(run)
    if isinstance(lab, int):
        return lab
    with lab:
        guest = lab.reserve(run.name or config.application(run.image), bool(run.name),
                            bool(run.net), run.uuid)
        words = run.words(lab, guest)
        if isinstance(lab, Lab) and not isinstance(lab, remote.RunningLab):
            clients.accept_clients(lab)
        status = cli.in_dom0(lab, [lab.command(), "run", *words], run.image)
        if isinstance(lab, remote.RunningLab):
            keeps = run.background and status == 0
            lab.client.ask("keep" if keeps else "release", name=guest.name)
        return status


def is_warm(words):
    """Whether a guest that exists is to be started, or a copy of a snapshot."""
    return words[0] == "pool" or words[0] == "run" and any(
        name in ("--pool", "--from") for _, name, _ in options_of(words[1:]))


def warm(words):
    """`pool`, and `run` with --pool or --from, in the dom0 of the lab that runs."""
    words, there = list(words), f"/tmp/xenolith-{os.getpid()}"
    image, _ = dom0_words(words[1:])
    end = 1 + end_of_options(words[1:])
    found, rest = option(words[:end], end, "--from") if words[0] == "run" else ([], [])
    snapshot = found[-1] if found else None
    with OtherLab() as lab:
        lab.install()
        if snapshot:
            lab.put(Path(snapshot).read_bytes(), there)
            words = [*rest[:1], "--from", there, *rest[1:], *words[end:]]
        elif image is not None and words[1:2] not in (["list"], ["stop"]):
            words[1 + image] = lab.image_in_dom0(Path(words[1 + image]))
        try:
            return cli.in_dom0(lab, ["xenolith", *words])
        finally:
            if snapshot:
                lab.start(["rm", "-f", there]).wait()


def gdb(words):
    """Run gdb on this machine, which has the ELF file; it connects through the lab."""
    clients.find_agent()            # without a lab, this reports it, not gdb
    config.check_file(Path(words[1]), "ELF file")
    target = f"target remote | {shlex.quote(str(ROOT / 'xenolith'))} gdb {shlex.quote(words[0])}"
    try:
        os.execvp("gdb", ["gdb", "-ex", target, *words[1:]])
    except FileNotFoundError:
        sys.exit("xenolith: gdb is not installed; type: apt-get install gdb")


def without_lab(words):
    """list, log, rm and wait when no lab is running: what is known of guests that have ended."""
    ended = {r.name: r for r in records.load()}
    what, names = words[0], [w for w in words[1:] if not w.startswith("-")]
    if what == "list":
        if not ended:
            print("no guests")
            return 0
        line = "{:<16} {:<4} {:<22} {:<8} {:<16} {}".format
        print(line("NAME", "TYPE", "STATE", "AGE", "IMAGE", "ADDRESS"))
        for r in ended.values():
            print(line(r.name, r.state["type"], r.how, records.age(r.state["ended"]),
                       Path(r.state["image"]).name, "").rstrip())
        return 0
    if what not in ("log", "rm", "wait") or not names:
        return None
    for name in names:
        if name not in ended:
            print(f"xenolith: no guest is named {name}, and no lab is running", file=sys.stderr)
            return NO_GUEST
        if what == "rm":
            records.remove(name)
            continue
        r = ended[name]
        if what == "log":
            sys.stdout.buffer.write(printable(r.console()))
            sys.stdout.flush()
        print(f"xenolith: {name} ended by {r.how}", file=sys.stderr)
        if what == "wait":
            return int(r.state["status"])
    return 0


def printable(data):
    """The console without characters that change a terminal."""
    text = data.decode(errors="backslashreplace")
    return "".join(c if c.isprintable() or c in "\n\t" else "" if c == "\r" else f"\\x{ord(c):02x}"
                   for c in text).encode()


def ask(words):
    """Run a command in the dom0 of the running lab; returns its status."""
    try:
        lab = Running()
    except clients.NoLab:
        status = without_lab(words)
        if status is None:
            raise
        return status
    files = Files(words)
    files.check()
    lab.install()
    files.bring(lab)
    status = lab_copy.Copy(words[1:]).run(lab) if words[0] == "cp" else \
        cli.in_dom0(lab, ["xenolith", *files.words])
    if status == 255:               # the command itself never returns 255
        raise LabError("the lab has ended, and the guest with it")
    if status == NO_GUEST and isinstance(lab.agent, clients.Client) and clients.others():
        print("xenolith: that was the persistent lab; for another lab, set XENOLITH_LAB to "
              + " or ".join(map(str, clients.others())), file=sys.stderr)
    files.fetch(lab)
    if words[0] == "rm" and status == 0:
        for name in words[1:]:
            records.remove(name)
    return status


def serve_disk(words):
    """`disk serve`: in this machine's dom0, or in that of the running lab."""
    if is_xen_host():
        native(words)
    lab = Running()
    lab.install()
    lab.put(xenolith.script(), xenolith.SCRIPT)
    return cli.in_dom0(lab, ["xenolith", *words])


def asks_for_help(words):
    """Whether --help is among the words of this command; `ec2` has its own help."""
    if words[0] in project.COMMANDS:
        return False
    if words[0] == "run":
        words = words[:1 + end_of_options(words[1:])]
    return words[0] not in ("ec2", "lab", "disk") and bool({"--help", "-h"} & set(words))


def main():
    words = sys.argv[1:]
    if not words or words[0] == "help" or asks_for_help(words):
        (sys.stdout if words else sys.stderr).write(help.of(words))
        return 0 if words else 2
    if words[:1] == ["--version"]:
        print("xenolith", (ROOT / "VERSION").read_text().strip())
        return 0
    if words[0] in project.COMMANDS:
        return project.main(words)
    if words[:1] == ["lab"]:
        return cli.main(words[1:], "xenolith lab")
    if words[:1] == ["disk"] and words[1:2] != ["serve"]:
        return disks.main(words[1:])
    if words[:1] == ["ec2"]:
        ec2 = ROOT / "tools/ec2/ec2"
        os.execv(ec2, [ec2, *words[1:]])
    try:
        if words[:1] == ["disk"]:
            return serve_disk(words)
        if is_warm(words):
            native(words) if is_xen_host() else None
            return warm(words)
        if words[:1] == ["run"]:
            if in_project(words[1:]):
                words = project.said(project.run_here, words[1:])
                if isinstance(words, int):
                    return words
            if type_of(words[1:]) == "unix":
                return process_cli.run(words[1:])
            check_run(words[1:])
            words = ["run", *with_disk(words[1:])]
            image = dom0_words(words[1:])[0] + 1
            if "--libvirt" in words[:image]:
                words.remove("--libvirt")
                return libvirt_domain.run(words[1:], xenolith.make_native() if is_xen_host() else make(), is_xen_host())
        else:
            check_command(words)
            status = process_cli.command(words)
            if status is not None:
                return status
        if is_xen_host():
            native(words)
        if words[:1] == ["run"]:
            return run(words[1:])
        named = [w for w in words if w != "--json"]
        if not named or named[0] not in help.commands():
            print(f"xenolith: unknown command {named[0]}; see xenolith --help" if named else
                  "xenolith: missing command; see xenolith --help", file=sys.stderr)
            return 2
        if words[0] == "gdb" and len(words) > 2:
            gdb(words[1:])
        return ask(words)
    except LabError as e:
        if e.log:
            print(e.log, file=sys.stderr)
        print(f"xenolith: {e}", file=sys.stderr)
        return 2 if isinstance(e, Usage) else 125
    except BrokenPipeError:         # the reader has closed standard output, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except OSError as e:
        print(f"xenolith: {e.filename}: {e.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
