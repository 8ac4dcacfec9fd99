# SPDX-License-Identifier: ISC
"""The claims, and the files of the site that all of them use."""

import gzip
import hashlib
import io
import os
import tarfile

MTIME = 1_600_000_000

claims = []


def claim(function):
    claims.append(function)
    return function


def anywhere(function):
    """A claim that needs no option and no look at the process."""
    function.anywhere = True
    return claim(function)


BIG = b"".join(hashlib.sha256(i.to_bytes(4, "big")).digest() for i in range(64 * 1024))
TEXT = b"".join(b"%d green bottles\n" % i for i in range(5000))
FILES = {
    "index.html": b"<!doctype html><title>Home</title><h1>Home</h1>\n",
    "hello.txt": b"Hello from a file.\n",
    "empty.txt": b"",
    "text.txt": TEXT,
    "text.txt.gz": gzip.compress(TEXT, mtime=0),
    "4096.bin": BIG[:4096],
    "4097.bin": BIG[:4097],
    "70000.bin": BIG[:70000],
    "big.bin": BIG,
    "folder/a & b <c>.txt": b"odd\n",
    "folder/question?.txt": b"odder\n",
    "folder/100%.txt": b"oddest\n",
    "folder/sub/index.html": b"sub\n",
    "gz/index.html": b"plain index\n",
    "gz/index.html.gz": gzip.compress(b"plain index\n", mtime=0),
    ".secret": b"secret\n",
    ".git/config": b"secret\n",
    ".well-known/security.txt": b"Contact: x\n",
    "style.css": b"a{}\n", "x.js": b";\n", "x.png": b"\x89PNG", "x.unknown": b"?", "noending": b"?",
}


def write_site(folder):
    for name, data in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (MTIME, MTIME))


def write_tar(path, format=tarfile.PAX_FORMAT, prefix="./"):
    with tarfile.open(path, "w", format=format) as tar:
        for name, data in FILES.items():
            info = tarfile.TarInfo(prefix + name)
            info.size, info.mtime = len(data), MTIME
            tar.addfile(info, io.BytesIO(data))
