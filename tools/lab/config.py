# SPDX-License-Identifier: ISC
"""Makes an xl.cfg from options: command line, disks, network."""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from .errors import LabError

# The longest command lines that a guest accepts.  PV: Xen cuts a line to MAX_GUEST_CMDLINE
# bytes including the NUL (xen/xen.h), so a line of 1,023 bytes may be incomplete.  Others:
# COMMAND_LINE_MAX of kernel/arch.h.
MAX_CMDLINE = {"pv": 1022, "pvh": 8191, "hvm": 8191}
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
SIZE = re.compile(r"(\d+)([KMG])", re.I)


def quoted(text):
    """Quote text for xl.cfg(5), whose parser knows only these escapes."""
    for plain, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n")):
        text = text.replace(plain, escape)
    return f'"{text}"'


def command_line(cmdline, args, type="pv"):
    """The guest's command line: WORDS -- 'ARG' 'ARG', quoted as for sh."""
    words = [cmdline] if cmdline else []
    if args:
        words += ["--", *(shlex.quote(a) for a in args)]
    line = " ".join(words)
    if "\0" in line:
        raise LabError("an argument of the guest contains a NUL byte")
    if len(line.encode()) > MAX_CMDLINE[type]:
        raise LabError(f"the guest's command line has {len(line.encode())} bytes; "
                       f"a {type} guest accepts {MAX_CMDLINE[type]}")
    return line


@dataclass
class Disk:
    """FILE|SIZE[,ro][,dev=NAME]"""
    file: Path = None
    size: int = 0
    readonly: bool = False
    dev: str = ""

    @classmethod
    def parse(cls, text, number):
        what, *options = str(text).split(",")
        disk = cls(dev="xvd" + chr(ord("a") + number))
        if m := SIZE.fullmatch(what):
            disk.size = int(m[1]) * UNITS[m[2].upper()]
        else:
            disk.file = Path(what).absolute()
            check_file(disk.file, "disk")
            if disk.file.stat().st_size < 512 and disk.file.is_file():
                raise LabError(f"disk {what} is smaller than one sector (512 bytes)")
        for option in options:
            if option == "ro":
                disk.readonly = True
            elif option.startswith("dev=") and option[4:].isalnum():
                disk.dev = option[4:]
            elif option not in ("", "rw"):
                raise LabError(f"--disk {text}: unknown option {option!r}; there are ro, rw, "
                               "dev=NAME")
        return disk

    def line(self, target):
        return (f"format=raw,vdev={self.dev},access={'ro' if self.readonly else 'rw'}"
                f",target={target}")


@dataclass
class Net:
    """[forward=LOCALPORT:GUESTPORT[,forward=...]]"""
    forwards: list = field(default_factory=list)

    @classmethod
    def parse(cls, text):
        net = cls()
        for option in filter(None, text.split(",")):
            m = re.fullmatch(r"forward=(\d+):(\d+)", option)
            if not m or not all(0 < int(p) < 65536 for p in m.groups()):
                raise LabError(f"--net {text}: expected forward=LOCALPORT:GUESTPORT")
            net.forwards.append((int(m[1]), int(m[2])))
        return net


def check_file(path, what):
    if not path.exists():
        raise LabError(f"{what} {path} does not exist")
    if path.is_dir():
        raise LabError(f"{what} {path} is a directory")
    try:
        path.open("rb").close()
    except OSError as e:
        raise LabError(f"{what} {path} cannot be read: {e.strerror}") from None


def read_image(path):
    """Read a kernel image and check its magic number."""
    path = Path(path)
    check_file(path, "image")
    data = path.read_bytes()
    elf, packed = data[:4] == b"\x7fELF", data[:2] in (b"\x1f\x8b", b"BZ", b"\xfd7")
    if not (elf or packed or data[0x202:0x206] == b"HdrS"):
        raise LabError(f"image {path} is not a kernel: neither ELF, nor compressed, "
                       "nor a bzImage")
    return data


def xl_config(name, image, memory, line, disks=(), vifs=(), pin=False, ramdisk=None,
              actions=None, more=(), type="pv"):
    """The text of the domain's xl.cfg; image is None for HVM guests, which have a disk."""
    ends = dict.fromkeys(("poweroff", "reboot", "crash", "watchdog"), "preserve")
    ends.update(actions or {})
    start = [f"kernel={quoted(image)}", f"extra={quoted(line)}"] if image else []
    lines = [f"name={quoted(name)}", f'type="{type}"', *start,
             f"memory={memory}", f"maxmem={memory}", "vcpus=1",
             *(f'on_{end}="{action}"' for end, action in ends.items())]
    if ramdisk:
        lines.append(f"ramdisk={quoted(ramdisk)}")
    if disks:
        lines.append(f"disk=[{', '.join(quoted(d) for d in disks)}]")
    if vifs:
        lines.append(f"vif=[{', '.join(quoted(v) for v in vifs)}]")
    if pin:
        lines.append('cpus="1"')
    return "\n".join([*lines, *more]) + "\n"
