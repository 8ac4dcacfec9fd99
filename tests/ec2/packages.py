# SPDX-License-Identifier: ISC
"""Unpacks the distribution's AWS CLI and botocore below build/ec2, without installing them."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tools"))
from folders import BUILD, ROOT  # noqa: E402
import apt_private  # noqa: E402

WANTED = ["awscli", "python3-botocore"]
TAKEN = ("awscli", "python3-", "docutils", "media-types")
NOT = ("python3-minimal", "python3-pkg")


def unpacked():
    """Where they are."""
    out = BUILD / "ec2"
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        root = out / "root"
        if not root.exists():
            print("fetching the AWS CLI", flush=True)
            apt_private.unpack(WANTED, root, lambda name: name.startswith(TAKEN)
                               and not name.startswith(NOT))
        return root


def modules(root):
    return root / "usr/lib/python3/dist-packages"


def cli(root):
    """(words, environment) that run it: its compiled parts are for the distribution's Python."""
    for python in ("/usr/bin/python3", sys.executable, shutil.which("python3")):
        env = {"PYTHONPATH": str(modules(root)), "PYTHONDONTWRITEBYTECODE": ""}
        words = [python, str(root / "usr/bin/aws")]
        if subprocess.run([*words, "--version"], env=dict(os.environ, **env),
                          capture_output=True).returncode == 0:
            return words, env
    sys.exit("the distribution's AWS CLI does not run with the Pythons of this machine")


class Server:
    """The CLI kept loaded (awsd.py): .words run it."""

    def __init__(self, folder):
        words, env = cli(unpacked())
        awsd = str(Path(__file__).resolve().parent / "awsd.py")
        path = str(Path(folder) / "awsd")
        self.words = [words[0], "-S", "-E", awsd, "call", path]
        self.process = subprocess.Popen([words[0], awsd, "serve", path], text=True,
                                        stdout=subprocess.PIPE,
                                        env=dict(os.environ, **env, AWS_CONFIG_FILE="/dev/null"))
        if self.process.stdout.readline() != "ready\n":
            sys.exit("the AWS CLI cannot be kept loaded")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.kill()
        self.process.wait()
