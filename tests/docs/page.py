# SPDX-License-Identifier: ISC
"""Runs the blocks of one document in a tree of its own.

The tree is a folder below the build folder: links to all that the sources have, and folders of
its own where blocks make files (apps/, build/), so that nothing is left in the sources.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from folders import BUILD, ROOT

from .blocks import missing

LIMIT = 300             # seconds for one command
OWN = ("apps", "build")         # folders in which blocks make files
# Variables of a calling make, of its user, and of a lab.
NOT_PASSED_ON = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "T", "APP", "APP_DIR", "ARGS",
                 "BUILD", "CMDLINE", "DISK", "MEMORY", "NET", "TIMEOUT", "TYPE", "GDB", "V",
                 "XENOLITH_LAB", "XENOLITH_TYPE")


class Wrong(Exception):
    """What a document says is not so."""


def link_all(source, folder, leave_out=()):
    folder.mkdir(parents=True)
    for path in source.iterdir():
        if path.name not in leave_out:
            (folder / path.name).symlink_to(path)


def make_tree(folder):
    shutil.rmtree(folder, ignore_errors=True)
    link_all(ROOT, folder, (*OWN, ".git"))
    shutil.copytree(ROOT / "apps", folder / "apps")
    link_all(BUILD, folder / "build", ("docs",))


def environment(tree):
    env = {k: v for k, v in os.environ.items() if k not in NOT_PASSED_ON}
    # The compiler's options have these paths: with others, everything would be compiled again.
    env.update(XENOLITH_TREE=str(ROOT), XEN_INCLUDE=str(BUILD / "src/xen"))
    return {**env, "XENOLITH_BUILD": str(tree / "build"), "TERM": "dumb"}


class Process:
    """Commands that run: a shell, and a file with all that it prints."""

    def __init__(self, command, tree, env, typed=(), shell="sh"):
        self.log = open(tree / "build/said", "w+b")
        self.process = subprocess.Popen(
            [shell, "-e", "-c", command], cwd=tree, env=env, stdout=self.log, stderr=self.log,
            stdin=subprocess.PIPE if typed else subprocess.DEVNULL, start_new_session=True,
            # Ctrl-C is ignored below a shell that runs the tests in the background.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        if typed:
            self.process.stdin.write("".join(f"{line}\n" for line in typed).encode())
            self.process.stdin.close()
        os.unlink(tree / "build/said")

    def said(self):
        self.log.flush()
        return os.pread(self.log.fileno(), 1 << 22, 0).decode(errors="replace")

    def wait(self, seconds):
        """Returns the status, or None if it still runs."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def until(self, text):
        end = time.monotonic() + LIMIT
        while text not in self.said():
            if self.process.poll() is not None:
                raise Wrong(f"it ended with status {self.process.returncode} before it printed "
                            f"`{text}`\n{self.said()[-3000:]}")
            if time.monotonic() > end:
                raise Wrong(f"it has not printed `{text}`\n{self.said()[-3000:]}")
            time.sleep(0.1)

    def stop(self):
        for signo in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, signo)
            except ProcessLookupError:
                break
            if self.wait(20) is not None:
                continue
        self.process.wait()
        self.log.close()

    def lab(self):
        """The number of the lab that one of its processes has started, or None."""
        names = re.findall(rf"@xenolith-lab-{os.getuid()}-(\d+)$",
                           Path("/proc/net/unix").read_text(), re.M)
        for pid in map(int, names):
            try:
                if os.getsid(pid) == self.process.pid:
                    return str(pid)
            except ProcessLookupError:
                pass
        return None


def unavailable(block):
    """Why this machine cannot run the block, or None."""
    for need in block.needs:
        if need.startswith("port "):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", int(need[5:]))) == 0:
                    return f"{need} of this machine is in use"
        elif not shutil.which(need):
            return f"{need} is not installed"
    return None


class Page:
    """Runs blocks one after the other; a context manager that ends what still runs.

    lab: a running Lab for the blocks of dom0; without it only blocks of the host are run.
    """

    def __init__(self, name, lab=None):
        self.lab = lab
        self.tree = BUILD / "docs" / re.sub(r"\W", "-", name)
        self.behind = []                # (block, step, Process) in the background
        self.ran, self.not_run = [], []         # blocks; (block, reason)
        self.said = None                # by the last commands; None: they were not run

    def __enter__(self):
        make_tree(self.tree)
        self.env = environment(self.tree)
        return self

    def __exit__(self, *exc):
        try:
            if not any(exc):
                for one in list(self.behind):
                    self.end(*one)
        finally:
            for *_, process in self.behind:
                process.stop()
            if self.lab:                # the commands of the page share another lab
                subprocess.run(["tools/lab/lab", "stop"], cwd=self.tree, env=self.env,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if not any(exc):
                shutil.rmtree(self.tree, ignore_errors=True)

    def run(self, block):
        if block.kind == "not run":
            self.not_run.append((block, block.value))
            return
        if block.kind == "text":
            return
        if block.kind == "file":
            self.write(block)
        elif block.kind == "output":
            if self.said is None:
                return
            self.output(block)
        elif block.value != "host" and not self.lab:
            self.said = None
            return
        elif reason := unavailable(block):
            self.said = None
            self.not_run.append((block, f"here: {reason}"))
            return
        elif block.value == "dom0":
            self.in_dom0(block)
        else:
            self.on_host(block)
        self.ran.append(block)

    def output(self, block):
        if not block.of_background:
            self.compare(block, block.lines, self.said)
            return
        _, _, process = self.behind[-1]
        self.wait_for_output(block, block.lines, process)
        self.compare(block, block.lines, process.said())

    def write(self, block):
        path = self.tree / block.value
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)

    def compare(self, block, lines, said):
        line = missing(lines, said, block.numbers_vary)
        if line is not None:
            raise Wrong(f"{block}: this was not printed, or not in this order: {line}\n"
                        f"{said[-4000:]}")

    def on_host(self, block):
        *steps, last = block.steps()
        for step in steps:
            self.command(block, step, 0)
        if block.background is not None:
            process = Process(last.command, self.tree, self.env, last.typed)
            self.behind.append((block, last, process))
            try:
                process.until(block.background)
            except Wrong as e:
                raise Wrong(f"{block.page}:{last.line}: {e}") from None
            if lab := process.lab():
                self.env["XENOLITH_LAB"] = lab
            self.said = process.said()
        else:
            self.command(block, last, block.status)

    def command(self, block, step, expected):
        process = Process(step.command, self.tree, self.env, step.typed)
        try:
            if block.until_ctrl_c:
                self.wait_for_output(block, step.printed, process)
                os.killpg(process.process.pid, signal.SIGINT)
            status = process.wait(LIMIT)
            self.said = process.said()
        finally:
            process.stop()
        self.judge(block, step, status, expected)

    def judge(self, block, step, status, expected):
        if block.fails:
            as_expected = status not in (0, None)
        elif block.until_ctrl_c:        # -2: the shell was interrupted too
            as_expected = status in (0, -2, 124, 130)
        else:
            as_expected = status == expected
        if not as_expected:
            what = f"ran longer than {LIMIT} s" if status is None else f"ended with status {status}"
            raise Wrong(f"{block.page}:{step.line}: `{step.command.strip()}` {what}\n"
                        f"{self.said[-4000:]}")
        self.compare(block, step.printed, self.said)

    def wait_for_output(self, block, lines, process):
        """Waits up to 30 s; before Ctrl-C, something has been printed in any case."""
        deadline = time.monotonic() + 30
        while (missing(lines, process.said(), block.numbers_vary) is not None or
               block.until_ctrl_c and not process.said()) and \
                process.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)

    def end(self, block, step, process):
        """A command in the background has printed all that the document says."""
        self.wait_for_output(block, step.printed, process)
        self.compare(block, step.printed, process.said())
        status = process.process.poll()
        if status not in (None, block.status):
            raise Wrong(f"{block}: it ended with status {status}\n{process.said()[-4000:]}")
        process.stop()
        self.behind.remove((block, step, process))

    def in_dom0(self, block):
        home = "/root/docs"
        for file in [*block.files, *(str(p.relative_to(self.tree)) for p in self.tree.glob("*.cfg"))]:
            self.lab.put((self.tree / file).read_bytes(), f"{home}/{file}")
        for step in block.steps():
            status, self.said = self.lab.dom0(f"cd {home} && {step.command}", timeout=LIMIT)
            self.judge(block, step, status, block.status)
        self.lab.sh(f"rm -r {home}")
