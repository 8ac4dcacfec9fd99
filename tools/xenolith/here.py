# SPDX-License-Identifier: ISC
"""`./xenolith` on a machine without Xen: runs the same command in the lab's dom0.

`run` boots a lab that exists as long as the guest.  All other commands, and
`run --background`, use a running lab: that of `./xenolith run`, `make run` or `make lab` in
another terminal.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from folders import BUILD, ROOT
from ec2 import disk as disks_of_ec2
from ec2.errors import Ec2Error
from lab import build, cli, config, door, hvm, xenolith
from lab.errors import LabError
from lab.lab import Lab, is_xen_host

TAKE_A_WORD = ("--memory", "--name", "--cmdline", "--config", "--disk", "--type")


def native(words):
    """On a machine that is a dom0: build the command with its libraries, and run it."""
    out = BUILD / "xenolith"
    out.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["make", "-s", "-C", Path(__file__).parent, f"BUILD={out.absolute()}"])
    if done.returncode:
        sys.exit("xenolith: cannot build the command; type: "
                 "apt-get install libxen-dev libjansson-dev")
    os.execv(out / "xenolith", ["xenolith", *words])


def make():
    """Build the command for this machine and dom0; returns its path."""
    build.build(cli.say)
    return xenolith.make()


class Running:
    """The lab of another process."""

    def __init__(self):
        self.agent = door.knock()
        self.start = self.agent.start

    def put(self, data, path):
        command = self.start(["sh", "-c", 'cat > "$1" && chmod +x "$1"', "put", path])
        command.write(data)
        command.close_input()
        if command.wait():
            raise LabError(f"cannot write {path} of dom0", command.err.decode())

    def install(self):
        if self.start(["test", "-x", xenolith.WHERE]).wait():
            self.put(make().read_bytes(), xenolith.WHERE)


def dom0_words(words):
    """Parse the words after `run`; returns (the index of the image, the indexes of disks)."""
    disks, i = [], 0
    while i < len(words) and words[i].startswith("-"):
        name, equals, _ = words[i].partition("=")
        if name == "--disk":
            disks.append(i if equals else i + 1)
        i += 1 if equals or name not in TAKE_A_WORD else 2
    return (i if i < len(words) and words[i] != "--" else None), disks


def option(words, end, name):
    """Returns the values of option NAME before index end, and the words without them."""
    values, rest, i = [], [], 0
    while i < len(words):
        word, equals, value = words[i].partition("=")
        takes = 1 if equals or word not in TAKE_A_WORD else 2
        if i < end and word == name:
            values.append(value if equals else words[i + 1])
        else:
            rest += words[i:i + takes if i < end else i + 1]
        i += takes if i < end else 1
    return values, rest


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
    return ["--name", kernel.name, *before, str(made)]      # a second --name takes precedence


def wrong(words, image, disks):
    """Check the words before a lab is booted; returns the status of an error, or 0."""
    words = list(words)
    for number, at in enumerate(disks):
        disk = config.Disk.parse(words[at].removeprefix("--disk="), number)
        if disk.dev != f"xvd{chr(ord('a') + number)}":
            raise LabError(f"--disk {words[at]}: expected FILE or FILE,ro; the names are xvda, "
                           "xvdb, ...")
        words[at] = ("--disk=" if words[at].startswith("--disk=") else "") + "/dev/null"
    for word in words[:image]:
        if word.startswith("--net=forward="):
            config.Net.parse(word[6:])
    return subprocess.run([make(), "run", "--show", *words],
                          stdout=subprocess.DEVNULL).returncode


def put_disks(lab, words, disks):
    for number, at in enumerate(disks):
        text = words[at].removeprefix("--disk=")
        disk = config.Disk.parse(text, number)
        of = SimpleNamespace(cleanup=[], name=f"run{number}")   # never undone: the lab ends
        target = lab.attach(disk, of) + (",ro" if disk.readonly else "")
        words[at] = f"--disk={target}" if words[at].startswith("--disk=") else target


def put_net(lab, words, image):
    for i, word in enumerate(words[:image]):
        if word == "--net":
            words[i] = "--net=xenbr0"
        elif word.startswith("--net=forward="):
            for local, port in config.Net.parse(word[6:]).forwards:
                lab.machine.forward(local, "10.0.0.16", port)
            words[i] = "--net=xenbr0"


def take_image(lab, words, image):
    """Copy the image to dom0, and for HVM the device model."""
    path = Path(words[image])
    if path.suffix == ".img":
        hvm.bring_device_model(lab.start, cli.say)
        config.check_file(path, "disk")
    data = path.read_bytes() if path.suffix == ".img" else config.read_image(path)
    lab.put(data, f"/root/{path.name}")
    words[image] = f"/root/{path.name}"


def run_in_background(words, image):
    """Use the running lab: a new lab would end with this process, and the guest with it."""
    if any(w.startswith("--disk") or w.startswith("--net=forward") for w in words[:image]):
        raise LabError("in the lab, --background cannot be combined with --disk or --net=forward=")
    lab = Running()
    lab.install()
    put_net(lab, words, image)
    take_image(lab, words, image)
    return cli.in_dom0(lab, ["xenolith", "run", *words])


def run(words):
    words = list(words)
    image, disks = dom0_words(words)
    if image is None or {"--show", "--help", "-h"} & set(words[:image]):
        os.execv(make(), ["xenolith", "run", *words])
    if "--background" in words[:image]:
        return run_in_background(words, image)
    config.check_file(Path(words[image]), "image")
    if status := wrong(words, image, disks):
        return status
    with Lab(say=cli.say) as lab:
        xenolith.install(lab)
        put_disks(lab, words, disks)
        put_net(lab, words, image)
        take_image(lab, words, image)
        door.open_door(lab)
        return cli.in_dom0(lab, ["xenolith", "run", *words])


class Files:
    """Files that `profile` writes: in dom0 first, then copied to this machine."""

    def __init__(self, words):
        self.words, self.there = list(words), {}
        for i, word in enumerate(words if words[:1] == ["profile"] else []):
            name, equals, path = word.partition("=")
            if name in ("--flame", "--perf", "--folded") and path:
                self.words[i] = f"{name}={self.other(path)}"
            elif word == "--flame" and i + 1 < len(words):
                self.words[i + 1] = self.other(words[i + 1])

    def other(self, path):
        there = f"/tmp/xenolith-{os.getpid()}-{len(self.there)}"
        self.there[there] = path
        return there

    def fetch(self, lab):
        for there, path in self.there.items():
            command = lab.start(["sh", "-c", 'cat "$1" && rm "$1"', "get", there])
            if command.wait() == 0:
                Path(path).write_bytes(bytes(command.out))


def gdb(words):
    """Run gdb on this machine, which has the ELF file; it connects through the lab."""
    target = f"target remote | {shlex.quote(str(ROOT / 'xenolith'))} gdb {shlex.quote(words[0])}"
    try:
        os.execvp("gdb", ["gdb", "-ex", target, *words[1:]])
    except FileNotFoundError:
        sys.exit("xenolith: gdb is not installed; type: apt-get install gdb")


def ask(words):
    """Run a command in the dom0 of the running lab; returns its status."""
    lab, files = Running(), Files(words)
    lab.install()
    status = cli.in_dom0(lab, ["xenolith", *files.words])
    if status == 255:               # the command itself never returns 255
        raise LabError("the lab has ended, and the guest with it")
    files.fetch(lab)
    return status


def main():
    words = sys.argv[1:]
    if words[:1] == ["--version"]:
        print("xenolith", (ROOT / "VERSION").read_text().strip())
        return 0
    if words[:1] == ["ec2"]:
        ec2 = ROOT / "tools/ec2/ec2"
        os.execv(ec2, [ec2, *words[1:]])
    try:
        if words[:1] == ["run"]:
            words = ["run", *with_disk(words[1:])]
        if is_xen_host():
            native(words)
        if words[:1] == ["run"]:
            return run(words[1:])
        if len(words) < 2 or {"--help", "-h"} & set(words):
            os.execv(make(), ["xenolith", *words])
        if words[0] == "gdb" and len(words) > 2:
            gdb(words[1:])
        return ask(words)
    except LabError as e:
        if e.log:
            print(e.log, file=sys.stderr)
        print(f"xenolith: {e}", file=sys.stderr)
        return 125
    except BrokenPipeError:         # the reader has closed standard output, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except OSError as e:
        print(f"xenolith: {e.filename}: {e.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
