# SPDX-License-Identifier: ISC
"""`xenolith run --type unix`, and the other commands for guests that are processes.

Each running process has a control socket NAME in a folder of the user's own; a name that is no
socket there is a guest of Xen or of the lab.
"""

import fcntl
import functools
import os
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]
from folders import BUILD, ROOT, SOURCES  # noqa: E402

from lab.errors import LabError, Usage  # noqa: E402

TENDER = BUILD / "unix/xenolith-unix"
COMMAND = BUILD / "unix/xenolith"
NAME = re.compile(r"[A-Za-z0-9_.-]{1,60}")
TAKES_A_WORD = ("--memory", "--name", "--cmdline", "--disk", "--timeout", "--port", "-p", "--type")
FLAGS = ("--perf", "--no-console-input", "--quiet")


def sockets():
    """The folder of the control sockets, which only this user can write."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    folder = (Path(base, "xenolith") if base and os.access(base, os.W_OK)
              else Path(f"/tmp/xenolith-{os.getuid()}"))
    folder.mkdir(mode=0o700, exist_ok=True)
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid() or info.st_mode & 0o022:
        raise LabError(f"{folder} is not a folder that only you can write")
    return folder


def dial(path):
    """A connection to a control socket, or None if no tender listens there."""
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(str(path))
    except OSError:
        s.close()
        return None
    return s


def running():
    """The names of all processes."""
    names = []
    for path in sorted(sockets().iterdir()):
        if path.is_socket():
            s = dial(path)
            if s:
                s.close()
                names.append(path.name)
    return names


def headers():
    """The folder with Xen's headers, and nothing else: sdk/deb puts them beside the tools."""
    return BUILD / "include" if SOURCES else ROOT / "include"


def make(target, *variables):
    """Build a program, one at a time: others may do it, too."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["make", "-s", "-C", ROOT / "tools/unix", f"BUILD={BUILD}",
                               f"XEN={headers()}", *variables, target],
                              capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"cannot build {target}", done.stdout + done.stderr)
    return target


@functools.cache
def make_tender():
    """Build the tender if needed; `make run` builds it beside the image."""
    return make(TENDER)


def unpack_headers():
    """Two packages with headers."""
    import apt_private
    packages = BUILD / "unix/packages"
    packages.parent.mkdir(parents=True, exist_ok=True)
    with open(packages.parent / "packages.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (packages / "usr/include/jansson.h").exists():
            apt_private.unpack(["libxen-dev", "libjansson-dev"], packages)
    return packages


@functools.cache
def make_command():
    """Build the operator's command."""
    return make(COMMAND, f"HEADERS={unpack_headers()}")


@functools.cache
def make_peer(source):
    """Build a test's program on libxenvchan."""
    return make(BUILD / "unix/peer", f"HEADERS={unpack_headers()}", f"PEER={source}")


def free_name(name):
    """A name that no process has, and the descriptor of the lock that holds it for now."""
    lock = os.open(sockets() / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if lock < 3:                        # this program has no standard input; the tender closes the lock
        first, lock = lock, fcntl.fcntl(lock, fcntl.F_DUPFD_CLOEXEC, 3)
        os.close(first)
    fcntl.flock(lock, fcntl.LOCK_EX)
    taken = running()
    names = (name, *(f"{name}-{i}" for i in range(2, 10000)))
    return next(n for n in names if n not in taken), lock


def parse(words):
    """Returns (options for the tender, name or None, image, arguments)."""
    out, name, i = [], None, 0
    while i < len(words) and words[i].startswith("-"):
        option, equals, value = words[i].partition("=")
        if option == "--net":
            out.append(f"--net={value or 'yes'}")
        elif option in FLAGS and not equals:
            out.append(option)
        elif option in TAKES_A_WORD:
            if not equals:
                i += 1
                if i == len(words):
                    raise Usage(f"run: missing value of {option}")
                value = words[i]
            if option == "--name":
                name = value
            elif option != "--type":
                out += [option, value]
        else:
            raise Usage(f"run: {option} does not exist with --type unix; there are "
                        f"{' '.join(sorted((*TAKES_A_WORD, *FLAGS, '--net')))}")
        i += 1
    if i == len(words) or words[i] == "--":
        raise Usage("run: missing argument IMAGE; see xenolith run --help")
    if name is not None and not NAME.fullmatch(name):
        raise Usage(f"--name {name}: not a name of letters, digits, _ . -")
    return out, name, words[i], words[i + 1:]


def run(words):
    """Runs an image; this program becomes the tender."""
    options, name, image, args = parse(words)
    wanted = name or re.sub(r"[^A-Za-z0-9_.-]", "_", Path(image).name.removesuffix(".elf"))[:50]
    free, lock = free_name(wanted)
    if name and free != name:
        raise LabError(f"a guest named {name} is running; choose another --name, or end it: "
                       f"xenolith stop {name}")
    os.set_inheritable(lock, True)      # the tender closes it when it has the name
    args = args[1:] if args[:1] == ["--"] else args
    words = [make_tender(), "--end", "--name", free, "--control", sockets() / free, "--lock", str(lock),
             *options, image, "--", *args]
    os.execv(TENDER, [os.fspath(w) for w in words])


def stop(name, path):
    """Asks the guest to end, as `xl shutdown`, and waits until it has."""
    s = dial(path)
    try:
        if s:
            s.sendall(b"write /local/domain/1/control/shutdown poweroff\n")
        while s and s.recv(4096):
            pass
    except ConnectionError:         # it has ended by itself
        pass
    return 0


def command(words):
    """The status of a command if it is for a process, or None."""
    what, names = words[0], [w for w in words[1:] if not w.startswith("-")]
    if what == "--json":
        names = names[1:]
    if not names or not NAME.fullmatch(names[0]) or names[0] not in running():
        return None
    path = sockets() / names[0]
    if what == "stop" and len(words) == 2:
        return stop(names[0], path)
    if what == "gdb" and len(words) > 2:            # gdb runs this command again, without a file
        own = shlex.quote(str(ROOT / "xenolith"))
        target = f"target remote | {own} gdb {shlex.quote(names[0])}"
        os.execvp("gdb", ["gdb", "-ex", target, *words[2:]])
    env = {**os.environ, "XENOLITH_SOCKET": str(path)}
    os.execve(make_command(), ["xenolith", *words], env)


def for_make(words):
    """`make run TYPE=unix`, whose variables are in the environment; words: IMAGE ARG..."""
    get = os.environ.get
    options = []
    for variable, option in (("MEMORY", "--memory"), ("DISK", "--disk"), ("CMDLINE", "--cmdline"),
                             ("TIMEOUT", "--timeout")):
        if get(variable):
            options += [option, get(variable)]
    if get("NET"):
        options.append(f"--net={get('NET')}")
    run([*options, *words])


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        for_make(sys.argv[1:])
    except LabError as e:
        if e.log:
            print(e.log, file=sys.stderr)
        print(f"xenolith: {e}", file=sys.stderr)
        sys.exit(2 if isinstance(e, Usage) else 125)
