#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""`xenolith disk make FILE`: a file with an empty ext4 file system, or with the files of a folder.

The file is a disk for --disk FILE:/PATH.  e2fsprogs makes it; docs/files.md has examples.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
LEAST = 4 << 20         # bytes; in a smaller one mke2fs makes no journal
MOST = 16 << 40         # the largest file of ext4 with blocks of 4096 bytes
LARGE_BLOCKS = 64 << 20  # from this size on, blocks have 4096 bytes
LABEL = re.compile(r"[A-Za-z0-9._-]{1,16}")
DESCRIPTION = """Make a disk for guests: a file with ext4.

  xenolith disk make data.img --size 1G
  xenolith disk make site.img --size 64M --from FOLDER --label site"""


class DiskError(Exception):
    pass


class Usage(DiskError):
    """The words of the command line are wrong."""


def size_of(text):
    m = re.fullmatch(r"(\d+)([KMGT])", text.upper())
    if not m:
        raise Usage(f"--size {text!r}: a size is a number with K, M, G or T, such as 64M or 1G")
    size = int(m[1]) * UNITS[m[2]]
    if size < LEAST:
        raise Usage(f"--size {text}: a disk has at least {LEAST >> 20}M")
    if size > MOST:
        raise Usage(f"--size {text}: a disk has at most {MOST >> 40}T")
    return size


def check(args):
    if args.label and not LABEL.fullmatch(args.label):
        raise Usage(f"--label {args.label}: a label has 1 to 16 letters, digits, and . _ -")
    if args.folder and not args.folder.is_dir():
        raise Usage(f"--from {args.folder}: it is not a folder")
    if os.path.lexists(args.file):
        raise DiskError(f"{args.file} exists already; remove it, or choose another name")
    if not args.file.absolute().parent.is_dir():
        raise DiskError(f"{args.file}: its folder does not exist")


def tool(name):
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if not path:
        raise DiskError(f"{name} is not installed; type: apt-get install e2fsprogs")
    return path


def reason(args, said):
    """One sentence from what mke2fs wrote."""
    if re.search("allocate (block|inode)|No space|ext2 file too big", said):
        return f"--size {args.size}: too small for the files of {args.folder}"
    lines = [line for line in said.splitlines() if line.strip()]
    return f"mke2fs: {lines[-1].strip() if lines else 'failed'}"


def make(args):
    size = size_of(args.size)
    check(args)
    command = [tool("mke2fs"), "-q", "-F", "-t", "ext4", "-m", "0"]
    command += ["-b", "4096"] if size >= LARGE_BLOCKS else []
    command += ["-L", args.label] if args.label else []
    command += ["-d", args.folder] if args.folder else []
    with tempfile.TemporaryDirectory(prefix=".disk-", dir=args.file.absolute().parent) as folder:
        made = Path(folder) / "disk"
        with made.open("wb") as f:
            f.truncate(size)
        done = subprocess.run([*command, made], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", env={**os.environ, "LC_ALL": "C"})
        if done.returncode:
            raise DiskError(reason(args, done.stderr))
        try:
            os.link(made, args.file)        # never replaces a file
        except FileExistsError:
            raise DiskError(f"{args.file} exists already") from None
    print(f"{args.file}: ext4, {args.size.upper()}" + (f", label {args.label}" if args.label else ""))


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Usage(f"{message}; see xenolith disk --help")


def parser():
    p = Parser(prog="xenolith disk", description=DESCRIPTION,
               formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(metavar="make", required=True, dest="command")
    m = commands.add_parser("make", help="make a file with ext4", description=DESCRIPTION,
                            formatter_class=argparse.RawDescriptionHelpFormatter)
    m.add_argument("file", type=Path, metavar="FILE", help="the new file")
    m.add_argument("--size", required=True, help="a number with K, M, G or T")
    m.add_argument("--from", dest="folder", type=Path, metavar="FOLDER",
                   help="copy the files of this folder, with their owners")
    m.add_argument("--label", help="a name for mount=LABEL=NAME:/PATH")
    return p


def main(words):
    try:
        make(parser().parse_args(words))
    except DiskError as e:
        print(f"xenolith: {e}", file=sys.stderr)
        return 2 if isinstance(e, Usage) else 1
    except OSError as e:
        print(f"xenolith: {e.filename or 'disk'}: {e.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
