# SPDX-License-Identifier: ISC
"""What the claims about tools/ec2 have in common: a cloud, a kernel, a disk, and `ec2` with them."""

import functools
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tools")]

import packages  # noqa: E402
import zygote  # noqa: E402
from ec2 import disk, grub  # noqa: E402
from fake import Cloud  # noqa: E402

EC2 = packages.ROOT / "tools/ec2/ec2"
SHARE = int(os.environ.get("HOST_SHARE") or 1)
KILLS = int(os.environ.get("EC2_KILLS") or
            (500 if os.environ.get("LONG") == "1" else max(1, 4 // SHARE)))
SEED = os.environ.get("EC2_SEED") or str(random.randrange(1 << 32))
# Looks like a kernel, and has several blocks when it is unpacked.
KERNEL = (b"\x7fELF\x02".ljust(18, b"\0") + b"\x3e\0" + b"\0xen-3.0\0").ljust(1_200_000, b"x")
CONSOLE = "end: poweroff, status {}, ran 0.005 s, shutdown took 0.001 s, reason: it has ended\n"

NOTES = os.environ.get("EC2_NOTES")

LIMIT = 1200            # seconds for one command, also on a machine that has much else to do

claims = []


def claim(function):
    claims.append(function)
    return function


def interruptions(kind):
    """(number, random numbers) of KILLS interruptions.  Those that EC2_NOTES=FILE has as done are
    left out, so a run that was ended is continued; each one depends only on SEED and number."""
    done = set(Path(NOTES).read_text().splitlines()) if NOTES and Path(NOTES).exists() else set()
    for n in range(KILLS):
        name = f"{kind} {SEED} {n} ok"
        if name not in done:
            yield n, random.Random(name)
            if NOTES:
                with open(NOTES, "a") as f:
                    f.write(name + "\n")


class Place:
    """A cloud, a kernel, and `ec2` with both."""

    def __init__(self, on_run=None):
        self.folder = Path(tempfile.mkdtemp(prefix="ec2-"))
        self.kernel = self.folder / "app"
        self.kernel.write_bytes(KERNEL)
        self.disk = self.folder / "app.img"
        disk.make(self.disk, self.kernel, "app", "ec2", ["a"], packed=False)
        (self.folder / "grub").symlink_to(grub.GRUB)        # it is downloaded once
        self.cloud = Cloud(packages.modules(), on_run)

    def __enter__(self):
        self.cloud.__enter__()
        self.scratch = self.folder / "tmp"
        self.scratch.mkdir()
        self.env = dict(os.environ, **self.cloud.environment(), XENOLITH_EC2_PACE="0.02",
                        PYTHONPATH=str(packages.modules()), XENOLITH_BUILD=str(self.folder),
                        TMPDIR=str(self.scratch))
        return self

    def __exit__(self, *exc):
        self.cloud.__exit__()
        subprocess.run(["rm", "-rf", self.folder])

    def start(self, *words, **how):
        how = dict({"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                    "stderr": subprocess.PIPE}, **how)
        # Another Python, or what is not possible after a fork, takes a start of its own.
        if "preexec_fn" not in how and "PYTHONIOENCODING" not in self.env \
                and self.env["PYTHONPATH"] == str(packages.modules()):
            return zygote.Forked(the_zygote(), words, self.env, **how)
        return subprocess.Popen([sys.executable, EC2, *map(str, words)], env=self.env, text=True,
                                start_new_session=True, **how)

    def reached(self, process, operation, before=0):
        """Wait until the process has made this call."""
        while len(self.cloud.calls(operation)) <= before and process.poll() is None:
            time.sleep(0.02)
        assert process.poll() is None, process.communicate()

    def ec2(self, *words, status=0):
        p = self.start(*words)
        try:
            out, err = p.communicate(timeout=LIMIT)
        finally:
            p.kill()
        assert p.returncode == status, f"ec2 {words}: {p.returncode}\n{out}{err}"
        return out, err

    def client(self, service, secret=None):
        """botocore's client of the cloud."""
        import botocore.config
        import botocore.session
        key, known = next(iter(self.cloud.keys.items()))
        return botocore.session.Session().create_client(
            service, "us-east-1", endpoint_url=self.cloud.url, aws_access_key_id=key,
            aws_secret_access_key=secret or known,
            config=botocore.config.Config(retries={"total_max_attempts": 1}))

    def quiet(self):
        """Wait for the calls of processes that were killed."""
        before = -1
        while before != len(self.cloud.log):
            before = len(self.cloud.log)
            time.sleep(0.4)

    def states(self):
        return [i["state"] for i in self.cloud.instances.values()]

    def ours(self):
        return [n for t in (self.cloud.images, self.cloud.snapshots) for n, v in t.items()
                if v.get("ImageOwnerAlias", "self") == "self"]


@functools.lru_cache(None)
def the_zygote():
    return zygote.Zygote(packages.modules())


def ends(status):
    return lambda instance: (CONSOLE.format(status), "poweroff")


def stays(instance):
    return "", "nothing"
