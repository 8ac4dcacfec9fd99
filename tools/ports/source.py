# SPDX-License-Identifier: ISC
"""The sources of a version: the upstream tar of a source package of the distribution.

The tar is known by its digest.  Several revisions of a source package have the same tar, so it does
not matter which of them the mirrors still have, or that .dsc and .debian.tar of a security update
are gone.  The distribution's patches (debian/patches) are not applied.
"""

import hashlib
import os
import re
import shutil
import tarfile

import apt_private
from folders import BUILD

from . import PortError

ARCHIVES = BUILD / "ports/archives"
HELPER = "/usr/lib/apt/apt-helper"


class Tar:
    """What addresses() and download() need to know of a source package."""

    def __init__(self, source, suite, sha256):
        self.source, self.suite, self.sha256 = source, suite, sha256

    def __str__(self):
        return self.source


class Gone(PortError):
    """No mirror of this machine has the tar."""


def digest(file):
    with open(file, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else \
            hashlib.sha256(f.read()).hexdigest()


def addresses(one):
    """The addresses of the tar in the mirrors' indexes."""
    suite = apt_private.foreign(one.suite)

    def ask():
        found = []
        said = apt_private.apt(suite, "apt-cache", "showsrc", "--only-source", one.source)
        for stanza in said.split("\n\n"):
            version = re.search(r"(?m)^Version: (\S+)", stanza)
            if version and one.sha256 in stanza:
                uris = apt_private.apt(suite, "apt-get", "source", "--print-uris", "--only-source",
                                       f"{one.source}={version[1]}")
                found += [m[1] for m in re.finditer(r"(?m)^'([^']+)' \S+ \d+ SHA256:(\w+)", uris)
                          if m[2] == one.sha256]
        if not found:
            raise apt_private.AptError(f"no mirror of this machine has the sources of {one}")
        return list(dict.fromkeys(found))

    return apt_private.with_lists(ask, suite)


def download(one, to):
    """Fetches the tar, and returns its address; the digest is checked by the caller, too."""
    suite = apt_private.foreign(one.suite)
    error = None
    for address in addresses(one):
        try:
            apt_private.apt(suite, HELPER, "download-file", address, to, f"SHA256:{one.sha256}")
            return address
        except apt_private.AptError as e:
            error = e
    raise error


def archive(one):
    """The tar, in build/ports/archives."""
    ARCHIVES.mkdir(parents=True, exist_ok=True)
    there = ARCHIVES / f"{one.name}-{one.version}-{one.sha256[:16]}.tar"
    if there.exists() and digest(there) == one.sha256:
        return there
    print(f"  FETCH   {one}", flush=True)
    new = there.with_name(f".{there.name}.{os.getpid()}")
    try:
        download(one, new)
        found = digest(new)
        if found != one.sha256:
            raise Gone(f"{one}: SHA-256 of the tar is {found}, but the recipe has {one.sha256}")
        new.rename(there)
    except apt_private.AptError as e:
        raise Gone(f"{one}: {e}") from None
    finally:
        new.unlink(missing_ok=True)
    return there


def unpack(one, folder):
    """Unpacks the tar; its outer folder is left out.  Nothing is written outside of folder."""
    file = archive(one)
    raw = folder.with_name(folder.name + ".raw")
    shutil.rmtree(raw, ignore_errors=True)
    raw.mkdir(parents=True)
    try:
        with tarfile.open(file) as tar:
            tar.extractall(raw, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    except (tarfile.TarError, OSError, EOFError) as e:
        raise PortError(f"{one}: cannot unpack {file.name}: {e}") from None
    inside = list(raw.iterdir())
    (inside[0] if len(inside) == 1 and inside[0].is_dir() else raw).rename(folder)
    shutil.rmtree(raw, ignore_errors=True)

