# SPDX-License-Identifier: ISC
"""The options of a guest: disks, network, and those for `xenolith run`, which writes the xl.cfg."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from .errors import LabError

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
SIZE = re.compile(r"(\d+)([KMG])", re.I)


@dataclass
class Disk:
    """FILE|SIZE[:/PATH][,ro][,dev=NAME]"""
    file: Path = None
    size: int = 0
    readonly: bool = False
    dev: str = ""
    path: str = ""      # the guest mounts it there

    @classmethod
    def parse(cls, text, number):
        what, *options = str(text).split(",")
        disk = cls(dev="xvd" + chr(ord("a") + number))
        what, colon, path = what.partition(":/")
        disk.path = colon[1:] + path
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
                raise LabError(f"--disk {text}: unknown option {option!r}; expected "
                               "FILE[:/PATH][,ro][,dev=NAME]")
        return disk

    def line(self, target):
        """For xl block-attach."""
        return (f"format=raw,vdev={self.dev},access={'ro' if self.readonly else 'rw'}"
                f",target={target}")


    def word(self, target):
        """For xenolith run --disk."""
        path = f":{self.path}" if self.path else ""
        return f"{target}{path}{',ro' if self.readonly else ''},dev={self.dev}"

    def mount(self):
        """The kernel option that mounts it."""
        return f"mount={self.dev}:{self.path}{',ro' if self.readonly else ''}"


NET_HELP = "yes, no, 8080:80 (a port of this machine and of the guest), or several with commas"


@dataclass
class Net:
    """[yes|no|[forward=]LOCALPORT:GUESTPORT[,...]]"""
    forwards: list = field(default_factory=list)

    @classmethod
    def parse(cls, text):
        """Returns a Net, or None for `no`."""
        if text in ("no", "off", "none"):
            return None
        net = cls()
        for option in filter(None, text.split(",")):
            if option not in ("yes", "on"):
                net.add(option, f"a network is not {text!r}; expected {NET_HELP}")
        return net

    def add(self, text, wrong=None):
        m = re.fullmatch(r"(?:forward=)?(\d+):(\d+)", text)
        if not m or not all(0 < int(p) < 65536 for p in m.groups()):
            raise LabError(wrong or f"-p {text}: expected LOCALPORT:GUESTPORT, such as 8080:80")
        self.forwards.append((int(m[1]), int(m[2])))


def net_of(net, ports):
    """The Net of the options --net (None: not there) and -p, or None."""
    found = None if net is None else Net.parse(net)
    for port in ports:
        found = found or Net()
        found.add(port)
    return found


def uuid_of(lines):
    """The UUID that lines of xl.cfg set, or None."""
    found = [m[1] for line in lines
             if (m := re.match(r"""\s*uuid\s*=\s*["']([0-9a-fA-F-]+)["']""", line))]
    return found[-1] if found else None


def uuid_line(uuid):
    return f'uuid="{uuid}"'


def application(image):
    """The name of a domain: that of the application."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", Path(image).name.removesuffix(".img"))
    return name.lstrip(".-")[:50] or "guest"


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


def run_words(name, image, memory, cmdline="", args=(), disks=(), vifs=(), pin=False,
              ramdisk=None, actions=None, more=(), type="pv"):
    """The words after `xenolith run --show`, which prints the domain's xl.cfg.

    The image and the disks are paths in dom0; the image of an HVM guest is a disk, which
    contains its command line.
    """
    ends = dict.fromkeys(("poweroff", "reboot", "crash", "watchdog"), "preserve")
    ends.update(actions or {})
    lines = [*(f'on_{end}="{action}"' for end, action in ends.items()),
             *(['cpus="1"'] if pin else []), *more]
    words = ["--name", name, "--type", type, "--memory", str(memory),
             *(f"--net={v}" for v in vifs), *(f"--disk={d}" for d in disks),
             *(["--ramdisk", str(ramdisk)] if ramdisk else []),
             *(f"--config={line}" for line in lines)]
    if type == "hvm":
        return [*words, str(image)]
    return [*words, f"--cmdline={cmdline}", str(image), "--", *args]
