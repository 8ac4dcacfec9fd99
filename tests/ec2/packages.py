# SPDX-License-Identifier: ISC
"""Unpacks the distribution's botocore below build/ec2, without installing it."""

import fcntl
import functools
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tools"))
from folders import BUILD, ROOT  # noqa: E402,F401
import apt_private  # noqa: E402

TAKEN = ("python3-", "media-types")
NOT = ("python3-minimal", "python3-pkg")


@functools.lru_cache(None)
def modules():
    """The folder for PYTHONPATH."""
    out = BUILD / "ec2"
    out.mkdir(parents=True, exist_ok=True)
    root = out / "botocore"
    with open(out / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            print("fetching botocore", flush=True)
            apt_private.unpack(["python3-botocore"], root, lambda name: name.startswith(TAKEN)
                               and not name.startswith(NOT))
    return root / "usr/lib/python3/dist-packages"
