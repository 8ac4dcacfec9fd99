# SPDX-License-Identifier: ISC
"""`./xenolith cp` on a machine without Xen: the files are here, and the guest in the lab.

The command in dom0 copies between the guest and its standard input or output; this program copies
between that and the files.  A folder is unpacked in dom0's memory meanwhile.
"""

import os
import re
import signal
import sys
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path

from lab.errors import LabError, Usage

CHUNK = 64 * 1024
KEPT = 1 << 20          # bytes of output, and of messages, that wait at most
FULL = 99               # exit status: dom0 has no room for the folder
# $1: NAME:/PATH.
AROUND = """d=$(mktemp -d -t xenolith-cp-XXXXXX) || exit 99
trap 'rm -rf "$d"' EXIT
trap 'exit 143' HUP INT TERM
"""
INTO = AROUND + 'tar -x -C "$d" -f - || exit 99; xenolith cp -r "$d/copy" "$1"'
OUT_OF = AROUND + """xenolith cp -r "$1" "$d/copy"; status=$?
[ ! -e "$d/copy" ] || tar -c -C "$d" -f - copy || exit 99
exit $status"""


class Failed(Exception):
    """The command in dom0 has reported an error; args: its status."""


class Copy:
    """The words after `cp`, as cp.c understands them."""

    def __init__(self, words):
        options = [w for w in words if w.startswith("-") and w != "-"]
        names = [w for w in words if w not in options]
        if len(names) != 2 or len(options) > 1 or not {*options} <= {"-r", "-m"}:
            raise Usage("usage: xenolith cp [-r|-m] FROM TO; FROM or TO is NAME:/PATH, in a guest")
        self.option = options[0] if options else ""
        there = [in_guest(n) for n in names]
        if all(there):
            raise Usage(f"both {names[0]} and {names[1]} are in guests; copy to a file on this side "
                        "first")
        if not any(there):
            raise Usage(f"neither {names[0]} nor {names[1]} is in a guest; write NAME:/PATH, as in "
                        "xenolith cp x web:/tmp/x")
        self.into = there[1]
        self.guest, self.here = (names[1], names[0]) if self.into else (names[0], names[1])
        self.standard = self.here == "-"
        if self.option == "-m" and not self.standard:
            raise Usage(f"-m is for standard input or output; write - instead of {self.here}")
        if self.option == "-r" and self.standard:
            raise Usage("-r copies a folder; standard input and output are none")

    def check(self):
        """What is wrong on this side, before the lab is asked."""
        path = Path(self.here)
        if self.standard:
            if not self.into and sys.stdout.isatty():
                raise Usage(f"standard output is a terminal; type xenolith cp {self.guest} - | cat -v")
        elif self.into and not path.exists():
            raise LabError(f"{path}: No such file or directory")
        elif self.into and path.is_dir() and self.option != "-r":
            raise LabError(f"{path}: it is a folder; xenolith cp -r copies folders")
        elif not self.into and self.option != "-r" and (path.is_dir() or self.here.endswith("/")):
            raise LabError(f"{path}: it is a folder; write the name of the file behind it")
        elif not self.into and not path.parent.is_dir():
            raise LabError(f"{path.parent}: No such file or directory")

    def words(self):
        """The command in dom0."""
        if self.option == "-r":
            return ["sh", "-c", INTO if self.into else OUT_OF, "cp", self.guest]
        option = [self.option] if self.option else [] if self.standard else ["-m"]
        return ["xenolith", "cp", *option, *(["-", self.guest] if self.into else [self.guest, "-"])]

    def run(self, lab):
        """Returns the exit status."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        command = lab.start(self.words(), most=KEPT)
        try:
            if self.option == "-r":
                return (put_folder if self.into else get_folder)(command, Path(self.here))
            return (self.put if self.into else self.get)(command)
        except Failed as e:
            return e.args[0]
        finally:
            if command.status is None:
                command.signal(signal.SIGTERM)
            command.unbound()

    def put(self, command):
        if self.standard:
            send(command, sys.stdin.buffer)
        else:
            with open(self.here, "rb") as f:
                command.write(f"{os.fstat(f.fileno()).st_mode & 0o7777:04o}\n".encode())
                send(command, f)
        command.close_input()
        return ended(command)

    def get(self, command):
        source = Output(command)
        if self.standard:
            copy(source, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return ended(command)
        if Path(self.here).exists() and not Path(self.here).is_file():
            source.line()
            with open(self.here, "wb") as f:
                copy(source, f)
            return ended(command)
        mode = source.line()
        if not mode:
            check(command, False)
        with new_file(Path(self.here), int(mode, 8)) as f:
            copy(source, f)
            check(command, True)
        return 0


def in_guest(word):
    """Whether a word is NAME:/PATH."""
    name, colon, path = word.partition(":")
    if not colon or not name or "/" in name:
        return False
    if not path.startswith("/"):
        raise Usage(f"{word}: a path in a guest begins with a slash, as in web:/tmp/x; for a file "
                    f"on this side, write ./{word}")
    return True


# -- the command in dom0

class Output:
    """The standard output of a command, as a file."""

    def __init__(self, command):
        self.command, self.have = command, bytearray()

    def more(self):
        """Take what has come, or wait; False: the command has ended."""
        self.command.until(lambda: self.command.out)
        data = self.command.take(self.command.out)
        self.have += data
        if len(self.command.err) > KEPT:
            show_errors(self.command)
        return bool(data) or self.command.status is None

    def read(self, n):
        while len(self.have) < n and self.more():
            pass
        data = bytes(self.have[:n])
        del self.have[:n]
        return data

    def line(self):
        while b"\n" not in self.have and self.more():
            pass
        line, _, self.have = self.have.partition(b"\n")
        return bytes(line)


def copy(source, to):
    while data := source.read(CHUNK):
        to.write(data)


def send(command, file):
    while (data := file.read(CHUNK)) and command.status is None:
        command.write(data)


def ended(command):
    """Show the errors of a command that ends; returns its status."""
    status = command.wait()
    if status == FULL:
        raise LabError("the lab's dom0 has no memory for this folder; copy its files one by one",
                       command.err.decode(errors="replace"))
    show_errors(command)
    return status


def show_errors(command):
    sys.stderr.buffer.write(command.take(command.err))
    sys.stderr.flush()


def check(command, good):
    """Raise Failed unless the command succeeds; not good: it fails."""
    status = ended(command)
    if status or not good:
        raise Failed(status or 1)


# -- files and folders of this side

def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def new_file(path, mode):
    """A file that gets its name at the end, if there is no error."""
    path = path.resolve()
    fd, part = tempfile.mkstemp(prefix=".xenolith-cp-", dir=path.parent)
    try:
        with open(fd, "wb") as f:
            yield f
        os.chmod(part, mode & 0o777 & ~umask())
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise


class Input:
    """The standard input of a command, as a file."""

    def __init__(self, command):
        self.command, self.failed = command, False

    def write(self, data):
        if self.command.status is not None and not self.failed:
            self.failed = True          # tarfile writes again when it is closed
            raise Failed(ended(self.command) or 1)
        self.command.write(bytes(data))
        return len(data)


def put_folder(command, folder):
    skipped = []

    def keep(member):
        if member.isreg() or member.isdir():
            return member
        skipped.append(folder / member.name.partition("/")[2])
        return None
    # The folder may be behind a link, but no link in it is followed.
    with Archive.open(fileobj=Input(command), mode="w|", format=tarfile.GNU_FORMAT) as tar:
        tar.skipped = skipped
        tar.inodes = NoLinks()
        tar.add(folder.resolve(), "copy", filter=keep)
    command.close_input()
    status = ended(command)
    return say_skipped(skipped) or status


class Archive(tarfile.TarFile):
    """Its skipped files include those that tarfile leaves out without a word, such as sockets."""

    def gettarinfo(self, name=None, arcname=None, fileobj=None):
        member = super().gettarinfo(name, arcname, fileobj)
        if member is None:
            self.skipped.append(name)
        return member


class NoLinks(dict):
    """tarfile remembers files with several names here; each name is a file of its own."""

    def __setitem__(self, key, value):
        pass


def say_skipped(names):
    for name in names:
        shown = re.sub(r"[^ -~]", "?", str(name))
        print(f"xenolith: {shown} is neither a file nor a folder and was not copied", file=sys.stderr)
    return 1 if names else 0


def get_folder(command, folder):
    modes = {}
    source = Output(command)
    try:
        with tarfile.open(fileobj=source, mode="r|") as tar:
            for member in tar:
                get_member(tar, member, folder, modes)
    except tarfile.ReadError:           # there is no archive, since the command has failed
        pass
    status = ended(command)
    for path, mode in reversed(modes.items()):
        path.chmod(mode)
    return status


def get_member(tar, member, folder, modes):
    """Names come from a guest: they must not lead out of the folder, nor through a link."""
    parts = Path(member.name).parts
    if parts[:1] != ("copy",) or ".." in parts or not (member.isreg() or member.isdir()):
        raise LabError(f"the lab has sent an invalid name: {member.name!r}")
    path = folder
    for part in parts[1:]:
        path = path / part
        if path.is_symlink():
            raise LabError(f"{path}: it is a symbolic link")
    if member.isreg():
        if path.is_dir():
            raise LabError(f"{path}: it is a folder")
        with new_file(path, member.mode) as f:
            copy(tar.extractfile(member), f)
    elif not path.is_dir():
        path.mkdir(0o700)
        modes[path] = member.mode & 0o777 & ~umask()
