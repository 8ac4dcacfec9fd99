# SPDX-License-Identifier: ISC
"""Starts `ec2` without the second that Python needs to import botocore and AWS's model.

A process that has imported them, the zygote, forks for each start.  Forked is like
subprocess.Popen, as far as the tests use it.  With EC2_BEFORE=FILE in the environment, the new
process executes this Python file first.
"""

import array
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

EC2 = Path(__file__).resolve().parent.parent.parent / "tools/ec2/ec2"
SERVICES = ("ec2", "ebs", "scheduler", "sts", "iam", "autoscaling")


def preload():
    import botocore.config
    import botocore.loaders
    import botocore.session
    loader = botocore.loaders.create_loader()
    botocore.session.create_loader = lambda *words: loader
    session = botocore.session.Session()
    for name in SERVICES:
        session.create_client(name, "us-east-1", endpoint_url="http://127.0.0.1:1", aws_access_key_id="x",
                              aws_secret_access_key="x")
        for kind in ("service-2", "paginators-1"):
            try:
                loader.load_service_model(name, kind)
            except botocore.exceptions.UnknownServiceError:
                pass


def become(words, env, fds):
    """The process of one start."""
    os.setsid()
    for to, fd in enumerate(fds):
        os.dup2(fd, to)
    os.closerange(3, 256)
    os.environ.clear()
    os.environ.update(env)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    for n, name in enumerate(("stdin", "stdout", "stderr")):
        setattr(sys, name, open(n, "w" if n else "r", 1 if n == 2 else -1,
                                errors="backslashreplace" if n == 2 else None))
    sys.argv = [str(EC2), *words]
    sys.path.insert(0, str(EC2.parent))
    if "EC2_BEFORE" in env:
        exec(compile(Path(env["EC2_BEFORE"]).read_text(), env["EC2_BEFORE"], "exec"), {})
    signal.signal(signal.SIGINT, signal.default_int_handler)    # until here it ends the process
    runpy.run_path(str(EC2), run_name="__main__")


def keep(words, env, fds, channel):
    """Waits for the process, whose status it tells; it is not one of the zygote itself."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            become(words, env, fds)
            status = 0
        except SystemExit as e:         # of argparse
            status = e.code if isinstance(e.code, int) else 1 if e.code else 0
        except BaseException:           # as Python shows it
            sys.excepthook(*sys.exc_info())
        finally:
            try:
                sys.stdout.flush()
            finally:
                os._exit(status or 0)
    for fd in fds:
        os.close(fd)
    channel.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    channel.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def serve(server):
    preload()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        data, fds, _, _ = socket.recv_fds(server, 1 << 20, 4)
        if not data:
            os._exit(0)
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            server.close()
            try:
                keep(*json.loads(data), fds[:3], socket.socket(fileno=fds[3]))
            finally:
                os._exit(0)
        for fd in fds:
            os.close(fd)


class Zygote:
    def __init__(self, modules):
        self.lock = threading.Lock()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.socket = ours
        env = dict(os.environ, PYTHONPATH=str(modules), AWS_CONFIG_FILE="/dev/null",
                   AWS_SHARED_CREDENTIALS_FILE="/dev/null")
        subprocess.Popen([sys.executable, __file__, str(theirs.fileno())], env=env, start_new_session=True,
                         pass_fds=[theirs.fileno()])
        theirs.close()

    def start(self, words, env, fds):
        ours, theirs = socket.socketpair()
        with self.lock, theirs:
            text = json.dumps([[str(w) for w in words], env]).encode()
            self.socket.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                          array.array("i", [*fds, theirs.fileno()]))])
        return ours


class Forked:
    def __init__(self, zygote, words, env, stdin, stdout, stderr):
        self.args, self.returncode, opened = words, None, []

        def end(how, write):
            if how == subprocess.DEVNULL:
                opened.append(fd := os.open(os.devnull, os.O_RDWR))
                return fd, None
            if how == subprocess.PIPE and write:
                r, w = os.pipe()
                opened.append(w)
                return w, open(r, errors="replace")
            return (how if isinstance(how, int) else how.fileno()), None
        (i, _), (o, self.stdout), (e, self.stderr) = end(stdin, False), end(stdout, True), end(stderr, True)
        self.channel = zygote.start(words, env, (i, o, e)).makefile("r")
        for fd in opened:
            os.close(fd)
        self.pid = int(self.channel.readline())

    def poll(self):
        if self.returncode is None and select.select([self.channel], [], [], 0)[0]:
            self.returncode = int(self.channel.readline())
            self.channel.close()
        return self.returncode

    def wait(self, timeout=None):
        end = timeout is not None and time.monotonic() + timeout
        while self.poll() is None:
            left = end - time.monotonic() if timeout is not None else 1
            if left <= 0:
                raise subprocess.TimeoutExpired(self.args, timeout)
            select.select([self.channel], [], [], left)
        return self.returncode

    def communicate(self, timeout=None):
        end = timeout is not None and time.monotonic() + timeout
        texts = {f: b"" for f in (self.stdout, self.stderr) if f}
        left = set(texts)
        while left:
            seconds = end - time.monotonic() if timeout is not None else None
            if seconds is not None and seconds <= 0:
                raise subprocess.TimeoutExpired(self.args, timeout)
            for f in select.select(list(left), [], [], seconds)[0]:
                data = os.read(f.fileno(), 65536)
                texts[f] += data
                if not data:
                    left.discard(f)
        self.wait(max(0.0, end - time.monotonic()) if timeout is not None else None)
        out, err = (texts[f].decode(errors="replace") if f else None for f in (self.stdout, self.stderr))
        for f in texts:
            f.close()
        return out, err

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def terminate(self):
        self.send_signal(signal.SIGTERM)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
