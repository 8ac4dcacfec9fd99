#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The commands of dom0 that also make sense for guests that are processes, for tests:

    process_dom0.py FOLDER COMMAND PROGRAM ARG...

FOLDER has the control sockets.  PROGRAM is xenstore-read, -exists, -write or -list, xl trigger, sysrq
or destroy, or a program on client/dom0.c, whose file COMMAND is.
"""

import contextlib
import os
import signal
import socket
import struct
import sys
from pathlib import Path


def find(folder, words):
    """The socket that a word names; else that of the newest guest."""
    sockets = sorted((p for p in folder.iterdir() if p.is_socket()), key=lambda p: p.stat().st_mtime_ns)
    named = [p for p in sockets if p.name in words]
    return (named or sockets or [folder / "none"])[-1]


def ask(path, line):
    """The value of a reply, or None: of an error, and of a guest that ends or has ended."""
    with socket.socket(socket.AF_UNIX) as s, contextlib.suppress(OSError):
        s.connect(str(path))
        s.sendall(f"{line}\n".encode())
        reply = s.makefile("rb")
        head = reply.readline()
        if head.startswith(b"ok ") and head.endswith(b"\n"):
            value = reply.read(int(head[3:]))
            return value if len(value) == int(head[3:]) else None
    return None


def tender_of(path):
    """The number of its process."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        return struct.unpack("iII", s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]


def xenstore(what, path, words):
    if what == "write":
        sys.exit(ask(path, f"write {words[0]} {words[1]}") is None)
    value = ask(path, f"{'list' if what == 'list' else 'read'} {words[-1]}")
    if value is None:
        sys.exit(1)
    if what != "exists":
        print(value.replace(b"\0", b"\n").decode(errors="replace"))


def xl(path, what, *words):
    if what == "destroy":
        os.kill(tender_of(path), signal.SIGKILL)
    elif what == "trigger" and words[-1] == "nmi":
        os.kill(tender_of(path), signal.SIGQUIT)
    elif what == "sysrq":
        sys.exit(ask(path, f"write /local/domain/1/control/sysrq {words[-1]}") is None)
    else:
        sys.exit(f"xl {what}: not for processes")


def main(folder, command, program, *words):
    path = find(Path(folder), words)
    if program.startswith("xenstore-"):
        xenstore(program.removeprefix("xenstore-"), path, words)
    elif program == "xl":
        try:
            xl(path, *words)
        except OSError as e:
            sys.exit(f"xl: no process {path.name}: {e.strerror}")
    else:
        os.environ["XENOLITH_SOCKET"] = str(path)
        os.execv(command, [program, *words])


if __name__ == "__main__":
    main(*sys.argv[1:])
