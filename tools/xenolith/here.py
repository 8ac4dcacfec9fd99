# SPDX-License-Identifier: ISC
"""`xenolith` typed where there is no Xen: the same words, in the lab's dom0.

`run` boots a lab that lives as long as the guest; all else, and `run --background`, is for a
lab that runs: another terminal's `xenolith run`, `make run` or `make lab`.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from ec2 import disk as disks_of_ec2
from ec2.errors import Ec2Error
from lab import build, cli, config, door, hvm, xenolith
from lab.errors import LabError
from lab.lab import Lab, is_xen_host

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("XENOLITH_BUILD") or ROOT / "build").absolute()
TAKE_A_WORD = ("--memory", "--name", "--cmdline", "--config", "--disk", "--type")


def native(words):
    """In a real dom0, with its own libraries."""
    out = BUILD / "xenolith"
    out.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["make", "-s", "-C", Path(__file__).parent, f"BUILD={out.absolute()}"])
    if done.returncode:
        sys.exit("xenolith: apt install libxen-dev libjansson-dev pkg-config")
    os.execv(out / "xenolith", ["xenolith", *words])


def make():
    """The command for here, and for dom0: where it is."""
    build.build(cli.say)
    return xenolith.make()


class Running:
    """Another process's lab."""

    def __init__(self):
        self.agent = door.knock()
        self.start = self.agent.start

    def put(self, data, path):
        command = self.start(["sh", "-c", 'cat > "$1" && chmod +x "$1"', "put", path])
        command.write(data)
        command.close_input()
        if command.wait():
            raise LabError(f"cannot write dom0's {path}", command.err.decode())

    def install(self):
        if self.start(["test", "-x", xenolith.WHERE]).wait():
            self.put(make().read_bytes(), xenolith.WHERE)


def dom0_words(words):
    """What is behind `run`: (where the image is, the files of disks, where those are)."""
    disks, i = [], 0
    while i < len(words) and words[i].startswith("-"):
        name, equals, _ = words[i].partition("=")
        if name == "--disk":
            disks.append(i if equals else i + 1)
        i += 1 if equals or name not in TAKE_A_WORD else 2
    return (i if i < len(words) and words[i] != "--" else None), disks


def option(words, end, name):
    """The values of --NAME before that place, and the words without them."""
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
    """An image that is to be an HVM guest becomes the disk that one starts from."""
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
    return ["--name", kernel.name, *before, str(made)]      # of two names the last counts


def wrong(words, image, disks):
    """Before a lab is booted: the status that the command has for these words, or 0."""
    words = list(words)
    for number, at in enumerate(disks):
        disk = config.Disk.parse(words[at].removeprefix("--disk="), number)
        if disk.dev != f"xvd{chr(ord('a') + number)}":
            raise LabError(f"--disk {words[at]}: FILE or FILE,ro; they become xvda, xvdb, ...")
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
        of = SimpleNamespace(cleanup=[], name=f"run{number}")   # who has it: the lab ends with it
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
    """The image is in dom0, and what runs it."""
    path = Path(words[image])
    if path.suffix == ".img":
        hvm.bring_device_model(lab.start, cli.say)
        config.check_file(path, "disk")
    data = path.read_bytes() if path.suffix == ".img" else config.read_image(path)
    lab.put(data, f"/root/{path.name}")
    words[image] = f"/root/{path.name}"


def run_in_background(words, image):
    """In the lab that runs: one of our own would end with us, and the guest with it."""
    if any(w.startswith("--disk") or w.startswith("--net=forward") for w in words[:image]):
        raise LabError("the lab lends a guest in the background no disk and no port of this"
                       " machine: leave --background out")
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
    """Those that `profile` writes: in dom0, and then here."""

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
    """gdb runs here, where the ELF file is; only the line to the guest goes by the lab."""
    target = f"target remote | {shlex.quote(str(ROOT / 'xenolith'))} gdb {shlex.quote(words[0])}"
    try:
        os.execvp("gdb", ["gdb", "-ex", target, *words[1:]])
    except FileNotFoundError:
        sys.exit("xenolith: there is no gdb: apt install gdb")


def ask(words):
    """In the dom0 of the lab that runs; the status."""
    lab, files = Running(), Files(words)
    lab.install()
    status = cli.in_dom0(lab, ["xenolith", *files.words])
    if status == 255:               # not one of its own
        raise LabError("the lab has ended meanwhile, and the guest with it")
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
    except BrokenPipeError:         # `| head`: nobody reads any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except OSError as e:
        print(f"xenolith: {e.filename}: {e.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
