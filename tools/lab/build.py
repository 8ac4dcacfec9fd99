# SPDX-License-Identifier: ISC
"""Builds the lab's dom0, without root, from the distribution's packages.

The packages are unpacked below build/lab/root.  From them and from the folder dom0/, three files
are made in build/lab/boot: xen, vmlinux and initramfs.cpio; and for Linux guests
linux-guest.cpio.  None is compressed, since decompression takes seconds in the emulator.

The stamp has a digest of this file and of dom0/: `build` does nothing if it is up to date.
"""

import bz2
import fcntl
import gzip
import hashlib
import lzma
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import apt_private
import elf

from .errors import BUILD, LabError

HERE = Path(__file__).resolve().parent
UNPACKED, BOOT = BUILD / "root", BUILD / "boot"

# The requested packages, and those of their dependencies that are used.
PACKAGES = """xen-system-amd64 linux-image-amd64 xenstore-utils busybox-static bash
    util-linux mount coreutils iproute2 bridge-utils libxen-dev""".split()
WANTED = re.compile(r"(?!libpython)lib|xen|linux-image-|zlib1g|busybox|bash|util-linux"
                    r"|mount|coreutils|iproute2|bridge-utils")

# Modules that are loaded at boot: "first" before Xen's daemons, "rest" while these start.
MODULES = {"first": "xen-privcmd xen-evtchn xenfs xen-gntdev xen-gntalloc".split(),
           "rest": """virtio_pci virtio_console virtio_net virtio_scsi sd_mod bridge loop
               xen-netback xen-blkback sch_netem""".split()}
LINUX_GUEST_MODULES = ["xen-netfront", "xen-blkfront"]

# Tools whose busybox versions lack features that Xen's hotplug scripts need.
TOOLS = """bin/bash bin/ip sbin/bridge sbin/tc usr/sbin/brctl sbin/brctl usr/bin/flock
    sbin/losetup bin/stat usr/bin/stat bin/date usr/bin/xenstore-*
    usr/sbin/xenstore-*""".split()
XEN_TOOLS_NOT = re.compile(r"oxenstored|test-|xen-kdd|depriv-fd|xen-access")

PROGRAMS = {"lab-agent": ("agent.c", ["-static"]),
            "lab-guest": ("guest.c", ["-lxenguest", "-lxenctrl", "-lxenstore"]),
            "lab-remove": ("remove.c", ["-lxenctrl", "-lxenstore"])}


def needs():
    """Returns the Debian packages for building and running the lab that this machine lacks."""
    wanted = {"qemu-system-x86_64": "qemu-system-x86", "dpkg-deb": "dpkg",
              "apt-get": "apt", compiler(): "gcc", "setpriv": "util-linux"}
    if release() > 12:
        wanted["zstd"] = "zstd"         # its kernel is packed so
    missing = [package for tool, package in wanted.items() if not shutil.which(tool)]
    if not Path("/usr/include/stdlib.h").exists():     # gcc only recommends it
        missing.append("libc6-dev")
    return missing


def release():
    """The number of this machine's distribution, such as 12, or 0."""
    try:
        found = re.search(r'(?m)^VERSION_ID="?(\d+)', Path("/etc/os-release").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def compiler():
    return "gcc" if os.uname().machine == "x86_64" else "x86_64-linux-gnu-gcc"


def check_needs():
    missing = needs()
    if missing:
        raise LabError(f"the lab needs {', '.join(missing)}; type: "
                       f"apt-get install {' '.join(missing)}")


# -- packages

def unpack_packages(say):
    versions = apt_private.unpack(PACKAGES, UNPACKED, WANTED.match, say)
    (UNPACKED / "packages").write_text("".join(f"{n} {v}\n" for n, v in versions.items()))


def found(*patterns):
    """Returns the files of the unpacked packages that match."""
    return [p for pattern in patterns for p in sorted(UNPACKED.glob(pattern))]


def inside(path):
    return str(path.relative_to(UNPACKED))


def one(pattern):
    files = found(pattern)
    if not files:
        raise LabError(f"no package of the distribution contains {pattern}")
    return files[-1]


# -- the kernels

def vmlinux(bzimage):
    """Returns the ELF file inside a bzImage (Documentation/x86/boot.rst: payload_offset)."""
    def field(offset, size):
        return int.from_bytes(bzimage[offset:offset + size], "little")
    start = (field(0x1f1, 1) + 1) * 512 + field(0x248, 4)
    payload = bzimage[start:start + field(0x24c, 4)]
    unpack = {b"\xfd7zXZ\x00": lambda d: lzma.LZMADecompressor().decompress(d),
              b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress,
              b"\x28\xb5\x2f\xfd": zstd, b"\x5d\x00\x00": lzma.decompress}
    for magic, how in unpack.items():
        if payload.startswith(magic):
            return how(payload)
    raise LabError("the Linux kernel has an unknown compression")


def zstd(data):
    try:
        done = subprocess.run(["zstd", "-dc"], input=data, capture_output=True)
    except FileNotFoundError:
        raise LabError("cannot unpack zstd data; type: apt-get install zstd") from None
    if done.returncode and not done.stdout:
        raise LabError("cannot unpack the zstd data of the Linux kernel")
    return done.stdout


def build_kernels():
    xen = one("boot/xen-*-amd64.gz")
    (BOOT / "xen").write_bytes(gzip.decompress(xen.read_bytes()))
    linux = one("boot/vmlinuz-*")
    (BOOT / "vmlinux").write_bytes(vmlinux(linux.read_bytes()))


# -- modules

class Modules:
    """Kernel modules with their dependencies, read from the modules themselves."""

    def __init__(self):
        self.dir = one("lib/modules/*") if found("lib/modules/*") else one("usr/lib/modules/*")
        self.files = {self.plain(p.name.split(".ko")[0]): p
                      for p in self.dir.rglob("*.ko*")}
        builtin = (self.dir / "modules.builtin").read_text().split()
        self.builtin = {self.plain(Path(p).stem) for p in builtin}
        self.data, self.order = {}, []

    @staticmethod
    def plain(name):
        return name.replace("-", "_")

    def read(self, name):
        path = self.files[name]
        data = path.read_bytes()
        unpack = {".xz": lzma.decompress, ".gz": gzip.decompress, ".zst": zstd}
        return unpack.get(path.suffix, lambda d: d)(data)

    def depends(self, name):
        m = re.search(rb"\0depends=([^\0]*)\0", self.data[name])
        return [self.plain(d) for d in m[1].decode().split(",") if d] if m else []

    def before(self, name):
        """Returns all dependencies in the order of modules.dep: the last one is loaded first."""
        needs = set()

        def collect(n):
            for d in self.depends(n):
                if d in self.data:
                    needs.add(d)
                    collect(d)
        collect(name)
        return sorted(needs, key=self.order.index, reverse=True)

    def add(self, name):
        """Add a module and its dependencies."""
        name = self.plain(name)
        if name in self.data or name in self.builtin:
            return
        if name not in self.files:
            raise LabError(f"the distribution's kernel lacks the module {name}")
        self.data[name] = self.read(name)
        for d in self.depends(name):
            self.add(d)
        self.order.append(name)


def add_modules(tree, groups):
    """Add modules, modules.dep, and etc/modules/GROUP with the names of each group."""
    m = Modules()
    for group, names in groups.items():
        for name in names:
            m.add(name)
        tree.file(f"etc/modules/{group}", " ".join(
            n for n in map(m.plain, names) if n not in m.builtin) + "\n")
    for name in m.order:
        tree.file(f"lib/modules/{m.dir.name}/{name}.ko", unsigned(m.data[name]))
    tree.file(f"lib/modules/{m.dir.name}/modules.dep", "".join(
        f"{n}.ko:{''.join(f' {d}.ko' for d in m.before(n))}\n" for n in m.order))


def unsigned(module):
    """Remove a module's signature (include/linux/module_signature.h), whose verification takes
    a tenth of a second in the emulator."""
    magic = b"~Module signature appended~\n"
    if not module.endswith(magic):
        return module
    end = len(module) - len(magic)
    return module[:end - 12 - int.from_bytes(module[end - 4:end], "big")]


# -- the file tree

class Tree:
    """A root file system; the libraries of ELF programs are added automatically."""

    def __init__(self, root=None):
        self.entries, self.root = {}, root or UNPACKED

    def dir(self, path):
        if path and path not in self.entries:
            self.dir(os.path.dirname(path))
            self.entries[path] = (0o040755, b"")

    def file(self, path, data, mode=0o644):
        self.dir(os.path.dirname(path))
        self.entries[path] = (0o100000 | mode, data if isinstance(data, bytes)
                              else data.encode())

    def link(self, path, target):
        self.dir(os.path.dirname(path))
        self.entries[path] = (0o120777, target.encode())

    def copy(self, path):
        """Add a file of the packages, and the target of a symbolic link."""
        if path in self.entries:
            return
        source = self.root / path
        if source.is_symlink():
            target = os.readlink(source)
            self.link(path, target)
            return self.copy(os.path.normpath(
                os.path.join(os.path.dirname(path), target)).lstrip("/")
                if not target.startswith("/") else target.lstrip("/"))
        self.program(path, source.read_bytes(),
                     0o755 if source.stat().st_mode & 0o111 else 0o644)

    def program(self, path, data, mode=0o755):
        """Add a file, and if it is an ELF program, its libraries."""
        self.file(path, data, mode)
        if data.startswith(b"\x7fELF\x02"):     # hvmloader has 32 bits, and no libraries
            program = elf.Elf(data)
            if program.interpreter():
                self.copy(program.interpreter().lstrip("/"))
            for library in program.needed():
                self.library(library)

    def library(self, name):
        for place in ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib64", "lib"):
            if os.path.lexists(self.root / place / name):
                return self.copy(f"{place}/{name}")
        for path in self.root.glob(f"usr/lib/x86_64-linux-gnu/*/{name}"):
            return self.program(f"usr/lib/{name}", path.read_bytes())   # an "alternative"
        raise LabError(f"no package of the distribution contains the library {name}")

    def cpio(self):
        """Returns a cpio archive of the format newc."""
        out = []
        for number, (path, (mode, data)) in enumerate(
                [*self.entries.items(), ("TRAILER!!!", (0, b""))], 1):
            name = path.encode() + b"\0"
            fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
            head = b"070701" + b"".join(b"%08X" % f for f in fields) + name
            out += [head, bytes(-len(head) % 4), data, bytes(-len(data) % 4)]
        return b"".join(out)


# -- programs of dom0/

def compile_programs():
    libraries = UNPACKED / "usr/lib/x86_64-linux-gnu"
    for name, (source, links) in PROGRAMS.items():
        done = subprocess.run(
            [compiler(), "-std=gnu11", "-O2", "-s", "-Wall", "-Wextra", "-Werror",
             "-isystem", UNPACKED / "usr/include", HERE / "dom0" / source,
             "-o", BUILD / name, f"-L{libraries}", f"-Wl,-rpath-link,{libraries}",
             "-Wl,--allow-shlib-undefined", *links], capture_output=True, text=True)
        if done.returncode:
            raise LabError(f"cannot compile {source} for dom0", LabError.tail(done.stderr))


def native_helper():
    """Build lab-guest for a machine that is a Xen host, with its libraries; returns its path."""
    program, source = BUILD / "lab-guest-native", HERE / "dom0/guest.c"
    if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
        return str(program)
    BUILD.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["gcc", "-std=gnu11", "-O2", source, "-o", program,
                           "-lxenguest", "-lxenctrl", "-lxenstore"], capture_output=True, text=True)
    if done.returncode:
        raise LabError("on a Xen host, the lab needs a compiler and Xen's libraries; type: "
                       "apt-get install gcc libc6-dev libxen-dev", LabError.tail(done.stderr))
    return str(program)


def applets(busybox):
    """Returns the names of busybox's applets, from its sorted table of strings."""
    start = busybox.index(b"[\0[[\0a")
    return busybox[start:busybox.index(b"\0\0", start)].decode().split("\0")


def base_tree():
    tree = Tree()
    for d in "dev proc sys run/lock tmp root mnt var/log var/lib".split():
        tree.dir(d)
    tree.link("var/run", "/run")
    tree.link("var/lock", "/run/lock")
    tree.link("etc/mtab", "/proc/self/mounts")
    for name, target in {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1",
                         "stderr": "fd/2"}.items():
        tree.link(f"etc/dev/{name}", target)
    tree.dir("etc/dev/pts")
    tree.dir("etc/dev/shm")
    tree.file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
    tree.file("etc/group", "root:x:0:\n")
    tree.file("etc/hosts", "127.0.0.1 localhost\n")
    tree.file("etc/profile", "PS1='dom0:\\w# '\nalias ll='ls -l'\n")
    tree.copy("bin/busybox")
    return tree


def add_applets(tree):
    """Add links to busybox for all applets without another tool of this name."""
    there = {os.path.basename(path) for path in tree.entries}
    for name in applets((UNPACKED / "bin/busybox").read_bytes()):
        if name not in there:
            tree.link(f"bin/{name}", "busybox")


def add_xen(tree):
    for d in "run/xen var/lib/xen var/log/xen/console".split():
        tree.dir(d)
    for tool in found("usr/lib/xen-[0-9]*/bin/*"):
        if XEN_TOOLS_NOT.match(tool.name) or tool.is_symlink():
            continue
        if tool.read_bytes()[:4] == b"\x7fELF":
            tree.copy(inside(tool))
            tree.link(f"usr/sbin/{tool.name}", f"/{inside(tool)}")
    for file in found("etc/xen/scripts/*", "etc/xen/xl.conf", "usr/lib/xen-[0-9]*/boot/hvmloader"):
        tree.copy(inside(file))
    tree.library("libgcc_s.so.1")      # pthread_cancel loads it by name


def build_initramfs():
    tree = base_tree()
    for tool in found(*TOOLS):
        tree.copy(inside(tool))
    add_xen(tree)
    add_modules(tree, MODULES)
    tree.file("init", (HERE / "dom0/init").read_bytes(), 0o755)
    for name in PROGRAMS:
        tree.program(f"sbin/{name}", (BUILD / name).read_bytes())
    tree.link("bin/sh", "bash")     # busybox's sh prefers its own applets ip, stat, ...
    tree.file("etc/network", (HERE / "dom0/network").read_bytes())
    add_applets(tree)
    (BOOT / "initramfs.cpio").write_bytes(tree.cpio())


def build_linux_guest():
    tree = base_tree()
    tree.file("init", (HERE / "dom0/linux-guest-init").read_bytes(), 0o755)
    add_modules(tree, {"all": LINUX_GUEST_MODULES})
    for word in ("poweroff", "reboot"):     # run by the kernel; -f: without init
        tree.file(f"sbin/{word}", f"#!/bin/sh\nexec busybox {word} -f\n", 0o755)
    add_applets(tree)
    (BOOT / "linux-guest.cpio").write_bytes(tree.cpio())


# -- the whole build

def digest():
    h = hashlib.sha256()
    for file in [Path(__file__), *sorted((HERE / "dom0").iterdir())]:
        h.update(file.name.encode() + b"\0" + file.read_bytes())
    return h.hexdigest()


def build(say=lambda line: None, fresh=False):
    """Build build/lab/boot if needed; returns whether it was built."""
    if platform.machine() != "x86_64":
        raise LabError(f"this machine is {platform.machine()}: the lab needs an x86_64 machine")
    stamp = BUILD / "stamp"
    BUILD.mkdir(parents=True, exist_ok=True)
    with open(BUILD / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not fresh and stamp.exists() and stamp.read_text() == digest():
            return False
        check_needs()
        stamp.unlink(missing_ok=True)
        BOOT.mkdir(exist_ok=True)
        try:
            if fresh or not (UNPACKED / "packages").exists():
                unpack_packages(say)
        except apt_private.AptError as e:
            raise LabError(str(e)) from None
        say("building dom0")
        compile_programs()
        build_kernels()
        build_initramfs()
        build_linux_guest()
        stamp.write_text(digest())
    return True
