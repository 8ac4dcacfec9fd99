# SPDX-License-Identifier: ISC
"""CBMC and Spin from Debian 13's packages, unpacked below build/prove; nothing is installed.

They run with the C library of the same packages, so on any machine with apt and gcc.
"""

import fcntl
import hashlib
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tools"))
import apt_private  # noqa: E402

SUITE = "trixie"
# Another version may prove less or take longer, so these are pinned.
PINNED = {
    "cbmc=6.6.0-4": "02560859a17049c976961c232c4fc58f0747b57f9b751a466b1f368a438b0e41",
    "spin=6.5.2+dfsg-2": "4da62cab550cac39bb5fd8fd49a403a18ff34119883e536b21337b49687924b6",
    "minisat=1:2.2.1-8": "0b3a870202e022bea8b04d140ded40d9137363566706750b4540518bc0eb63d7",
}
# Those that they need: what apt has verified, in the suite's latest version.
LIBRARIES = ("libc6", "libgcc-s1", "libstdc++6", "zlib1g")
LIB = ("usr/lib/x86_64-linux-gnu", "usr/lib")


def verify(folder):
    """Checks the digests of the pinned packages."""
    for package, digest in PINNED.items():
        name = package.split("=")[0]
        found = list(folder.glob(f"{name}_*.deb"))
        if len(found) != 1 or hashlib.sha256(found[0].read_bytes()).hexdigest() != digest:
            sys.exit(f"tests/prove: the package {package} is not the one that is pinned")


def unpack(root, say):
    """Makes root with the programs, once."""
    stamp, wanted = root / "stamp", "\n".join(f"{p} {d}" for p, d in PINNED.items())
    root.parent.mkdir(parents=True, exist_ok=True)
    with open(root.with_name("lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        say("fetching CBMC and Spin")
        shutil.rmtree(root, ignore_errors=True)
        debs = root.with_name("debs")
        shutil.rmtree(debs, ignore_errors=True)
        try:
            apt_private.download([*PINNED, *LIBRARIES], debs, apt_private.foreign(SUITE))
            verify(debs)
            root.mkdir()
            for deb in sorted(debs.glob("*.deb")):
                apt_private.dpkg_deb("-x", deb, root)
        except apt_private.AptError as e:
            sys.exit(f"tests/prove: {e}")
        shutil.rmtree(debs)
        stamp.write_text(wanted)


def program(root, name):
    """The first words of a command that runs a program of the packages."""
    return [str(root / "usr/lib64/ld-linux-x86-64.so.2"), "--library-path",
            ":".join(str(root / d) for d in LIB), str(root / "usr/bin" / name)]
