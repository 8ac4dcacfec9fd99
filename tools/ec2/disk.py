# SPDX-License-Identifier: ISC
"""Makes a raw disk that PV-GRUB, pygrub, GRUB 2 and a PC's BIOS can boot: ext2 with a kernel and
the configuration of these loaders.

It needs no root.  The same input gives the same bytes: e2fsprogs works on a file, with a fixed
time (E2FSPROGS_FAKE_TIME) and a UUID that is a hash of the contents.

PV-GRUB (GRUB 0.97) needs old ext2 features, 128-byte inodes and /boot/grub/menu.lst; the kernel
may be gzipped.  pygrub reads grub.cfg first.  An HVM guest's BIOS starts the GRUB 2 before the
partition (grub.py), which reads hvm.cfg.
"""

import contextlib
import fcntl
import gzip
import hashlib
import os
import re
import shlex
import shutil
import struct
import subprocess
import uuid
from pathlib import Path

from . import grub
from .errors import Ec2Error

MiB = 1 << 20
EPOCH = 1577836800      # 2020-01-01: the time stamp of all files
START = 2048            # first sector of the partition, as usual
MAX_LINE = 1022         # a PV guest refuses longer lines: tools/lab/config.py
TOOLS = ("mke2fs", "debugfs")


def tool(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise Ec2Error(f"{name} is not installed; type: apt-get install e2fsprogs")
    return found


def read_kernel(path):
    """Read an image and check that it is an ELF file with Xen's notes."""
    try:
        data = Path(path).read_bytes()
    except OSError as e:
        raise Ec2Error(f"image {path}: {e.strerror}") from None
    if data[:5] != b"\x7fELF\x02" or data[18:20] != b"\x3e\0" or b"\0xen-3.0\0" not in data:
        raise Ec2Error(f"image {path} is not a 64-bit ELF kernel with Xen's notes; "
                       "`make image APP=...` makes one")
    return data


def command_line(words, args):
    """WORDS -- ARG ARG.  The -- is always there, since PV-GRUB puts the kernel's path first."""
    line = " ".join([*([words] if words else []), "--", *map(shlex.quote, args)])
    if re.search(r"[^\x20-\x7e]", line):
        raise Ec2Error("kernel options and arguments on a disk must be printable ASCII")
    try:
        shlex.split(words)
    except ValueError:
        raise Ec2Error(f"kernel options: a quote is not closed: {words}") from None
    plain = re.sub(r"""'[^']*'|\\.|"([^"\\$]|\\.)*\"""", "", words)
    if re.search(r"[{}|&$;<>]|(^| )#", plain):
        raise Ec2Error("kernel options: GRUB interprets {}|&$;<> and #; put such characters in "
                       f"'...': {words}")
    if len("/boot/kernel.gz " + line) > MAX_LINE:
        raise Ec2Error(f"the command line with the kernel's path exceeds {MAX_LINE} bytes")
    return line


def menus(title, kernel, line, partitioned):
    """The files for GRUB 0.97 and GRUB 2.  A loader must not wait for a key: it costs money."""
    root = "(hd0,0)" if partitioned else "(hd0)"
    return {
        "menu.lst": f"default 0\nfallback 0\ntimeout 0\n\ntitle {title}\n\troot {root}\n"
                    f"\tkernel {kernel} {line}\n",
        "grub.cfg": f"set default=0\nset timeout=0\n\nmenuentry '{title}' {{\n"
                    f"\tlinux {kernel} {line}\n}}\n",
        "hvm.cfg": "serial --unit=0 --speed=115200\nterminal_output serial\n"
                   f"multiboot {kernel} {line}\nboot\n",
    }


def tree_of(folder):
    """{path: bytes, or None for a directory} of all files below a folder, sorted."""
    folder, found = Path(folder), {}
    if not folder.is_dir():
        raise Ec2Error(f"--files {folder}: the folder does not exist")
    for p in sorted(folder.rglob("*")):
        name = str(p.relative_to(folder))
        if re.search(r'["\n]', name):
            raise Ec2Error(f"--files {folder}: {name!r} contains a quote or a line break")
        if not name.isprintable():      # also bytes that are not UTF-8
            raise Ec2Error(f"--files {folder}: {name!r}: the name must be printable UTF-8")
        if p.is_symlink() or not (p.is_dir() or p.is_file()):
            raise Ec2Error(f"--files {folder}: {name} is neither a file nor a folder")
        found[name] = None if p.is_dir() else p.read_bytes()
    return found


def identity(tree):
    h = hashlib.sha256()
    for name, data in sorted(tree.items()):
        h.update(name.encode() + b"\0" + (b"-" if data is None else
                                          hashlib.sha256(data).digest()))
    return str(uuid.UUID(bytes=h.digest()[:16], version=4))


def run(words, clock, folder=None):
    done = subprocess.run(words, env=clock, cwd=folder, capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines()
            if line and not line.startswith(("debugfs ", "mke2fs ", "128-byte"))]
    # debugfs returns 0 even if a command has failed, but then prints a message.
    if done.returncode or said and "debugfs" in words[0]:
        raise Ec2Error(f"{Path(words[0]).name}: {' '.join(said) or 'it failed'}")


def ext2(path, tree, size):
    """Make a file system of size bytes at path that contains the tree."""
    clock = dict(os.environ, E2FSPROGS_FAKE_TIME=str(EPOCH), TZ="UTC", LC_ALL="C",
                 MKE2FS_CONFIG="/dev/null", MKE2FS_SKIP_CHECK_MSG="1")
    name, inodes = identity(tree), (len(tree) + 16 + 7) // 8 * 8
    with open(path, "wb") as f:
        f.truncate(size)
    run([tool("mke2fs"), "-q", "-F", "-t", "ext2", "-b", "1024" if size <= 64 * MiB else "4096",
         "-I", "128", "-N", str(inodes), "-m", "0", "-O", "none,filetype,sparse_super",
         "-U", name, "-E", f"hash_seed={name},nodiscard", str(path)], clock)
    scratch = Path(f"{path}.files")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        commands = [f"set_current_time @{EPOCH}"]
        for i, (inside, data) in enumerate(sorted(tree.items())):
            if data is None:
                commands.append(f'mkdir "/{inside}"')
                continue
            (scratch / str(i)).write_bytes(data)
            (scratch / str(i)).chmod(0o644)
            commands += [f'write {i} "/{inside}"',
                         f'set_inode_field "/{inside}" uid 0',
                         f'set_inode_field "/{inside}" gid 0']
        (scratch / "commands").write_text("\n".join(commands) + "\n")
        run([tool("debugfs"), "-w", "-f", "commands", str(Path(path).absolute())], clock, scratch)
    finally:
        shutil.rmtree(scratch)


def mbr(sectors):
    """One bootable partition of type 83 at sector START, and GRUB for the BIOS before it."""
    entry = struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff",
                        START, sectors)
    table = (b"XENO" + b"\0\0" + entry).ljust(70, b"\0") + b"\x55\xaa"
    code = grub.boot_code()
    return code[:440] + table + code[512:]


def boot_types(data):
    """Returns (AWS's names of the virtualization types that can boot the disk, preferred first;
    whether it has a partition table)."""
    if data[510:512] != b"\x55\xaa":
        return ["paravirtual"], False
    return (["hvm"] if any(data[:440]) else []) + ["paravirtual"], True


def mounts_of(data):
    """The mounts of volumes on the command line of a disk, as a tag of its image: LABEL:/PATH ..."""
    found = re.findall(rb"[ ]mount=LABEL=([\w.-]+:/[\w./-]*),wait=", data)
    return " ".join(sorted({w.decode() for w in found}))


def room(tree):
    """Size of the file system for the tree in bytes: whole MiB, at least 4."""
    data = sum(4096 + len(d or b"") * 9 // 8 for d in tree.values())
    return max(4, -(-(data + MiB) // MiB)) * MiB


def make(output, kernel, title, words="", args=(), files=None, partitioned=True, packed=True):
    """Write the disk to output; returns (its contents, its command line).

    The contents are those of this call, also if another one replaces the file meanwhile.
    """
    title = re.sub(r"[^A-Za-z0-9_.-]", "-", title)
    line = command_line(words, args)
    if partitioned and "" in args:
        raise Ec2Error("GRUB 2 cannot pass an empty argument to an HVM guest (--whole makes a disk "
                       "for PV only)")
    data = read_kernel(kernel)
    name = "/boot/kernel.gz" if packed else "/boot/kernel"
    tree = tree_of(files) if files else {}
    if any(n == "boot" or n.startswith("boot/") for n in tree):
        raise Ec2Error(f"--files {files}: /boot is reserved for the kernel")
    tree.update({"boot": None, "boot/grub": None,
                 name[1:]: gzip.compress(data, 9, mtime=0) if packed else data})
    tree.update({f"boot/grub/{n}": text.encode()
                 for n, text in menus(title, name, line, partitioned).items()})
    size, output = room(tree), Path(output)
    if output.exists() and not output.is_file():     # it would be replaced
        raise Ec2Error(f"cannot write {output}: not a regular file; choose another --output")
    new = output.with_name(output.name + ".new")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        # One at a time.  The name is fixed, so the next call removes what a killed one has left.
        with locked(output):
            try:
                ext2(new, tree, size)
                data = new.read_bytes()
                if partitioned:
                    data = mbr(size // 512).ljust(START * 512, b"\0") + data
                    new.write_bytes(data)
                new.replace(output)
            finally:
                new.unlink(missing_ok=True)
    except OSError as e:
        raise Ec2Error(f"cannot write {output}: {e.strerror}") from None
    return data, line


@contextlib.contextmanager
def locked(path, say=None):
    """The lock of a file, path.lock, which is removed afterwards.  say() is called if another
    process has it."""
    name = f"{path}.lock"
    while True:
        lock = open(name, "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (fcntl.LOCK_NB if say else 0))
        except BlockingIOError:
            say()
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            if os.path.samestat(os.stat(name), os.fstat(lock.fileno())):
                break
        except FileNotFoundError:
            pass
        lock.close()            # who had it has removed it: others do not use this file
    try:
        yield
    finally:
        os.unlink(name)
        lock.close()
