#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Debian packages without touching the machine: an apt with a state of its own.

Reads the machine's apt configuration for mirrors, keys and proxies, and keeps
everything else (lists, caches, dpkg status) below build/apt, so it works as any
user and changes nothing on the system.  Third-party repositories are ignored.
What it downloads apt has verified against the archive's signatures.

    apt_private.py download [--dir DIR] PKG[=VERSION]...   .deb files
    apt_private.py source   [--dir DIR] PKG[=VERSION]...   .dsc and tars, not unpacked
    apt_private.py version  [--source] PKG...              candidate versions
    apt_private.py refresh                                 fetch the lists now

Packages are amd64 whatever the host is: they are for the guest's side.  As a
module: download(), source(), version(), resolve(); all raise AptError.
"""

import argparse
import contextlib
import fcntl
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = Path(os.environ.get("XENOLITH_BUILD") or ROOT / "build").absolute() / "apt"
MAX_AGE = 24 * 3600
DISTRIBUTION = re.compile(r"/(debian|ubuntu)[^/]*(/|$)")


class AptError(Exception):
    """One sentence for the person, and the end of what apt said."""


def one_line_entries(text):
    """(uri, options, suite, components) of each `deb` line of a .list file."""
    for line in text.splitlines():
        m = re.match(r"\s*deb\s+(?:\[([^]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)", line)
        if m:
            yield m[2], (m[1] or "").split(), m[3], m[4].split()


def deb822_entries(text):
    """The same of each stanza of a .sources file."""
    text = re.sub(r"(?m)^#.*\n", "", text)
    for stanza in re.split(r"\n\s*\n", text):
        field = {m[1].lower(): " ".join(m[2].split())
                 for m in re.finditer(r"(?m)^([\w-]+):((?:.*\n?)(?:[ \t].*\n?)*)", stanza)}
        if "deb" not in field.get("types", "").split() or field.get("enabled") == "no":
            continue
        key = field.get("signed-by", "")
        options = [f"signed-by={key}"] if key.startswith("/") else []
        for uri in field.get("uris", "").split():
            for suite in field.get("suites", "").split():
                yield uri, options, suite, field.get("components", "").split()


def machine_entries():
    """Every entry of the distribution itself: its archive, component main."""
    etc = Path("/etc/apt")
    files = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]
    for file in files:
        parse = {".list": one_line_entries, ".sources": deb822_entries}.get(file.suffix)
        if not parse or not file.is_file():
            continue
        for entry in parse(file.read_text(errors="replace") + "\n"):
            if DISTRIBUTION.search(entry[0]) and "main" in entry[3]:
                yield entry


def sources_text():
    lines = []
    for uri, options, suite, components in machine_entries():
        options = [o for o in options if o.lower().startswith("signed-by=")]
        opts = f"[{' '.join(options)}] " if options else ""
        for kind in ("deb", "deb-src"):
            lines.append(f"{kind} {opts}{uri} {suite} {' '.join(components)}\n")
    if not lines:
        raise AptError("apt: no Debian mirror is configured on this machine "
                       "(/etc/apt/sources.list, /etc/apt/sources.list.d)")
    return "".join(dict.fromkeys(lines))


def machine_acquire():
    """The machine's settings for downloads (proxies, certificates, retries)."""
    try:
        dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True)
    except FileNotFoundError:
        raise AptError("apt: this machine has no apt-get; install the packages' "
                       "contents by hand or use a Debian machine") from None
    skip = ("Acquire::IndexTargets", "Acquire::Languages")
    return "".join(line + "\n" for line in dump.stdout.splitlines()
                   if line.startswith("Acquire::") and not line.startswith(skip))


def write_if_changed(path, text):
    """True when it wrote."""
    if path.exists() and path.read_text() == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return True


def prepare():
    """Write the private configuration; True when the mirrors have changed."""
    for d in ("lists/partial", "cache/archives/partial", "log", "parts"):
        (STATE / d).mkdir(parents=True, exist_ok=True)
    write_if_changed(STATE / "status", "")
    write_if_changed(STATE / "apt.conf", machine_acquire() + "".join(
        f'{k} "{v}";\n' for k, v in {
            "Dir::Etc::main": "/dev/null",
            "Dir::Etc::parts": STATE / "parts",
            "Dir::Etc::sourcelist": STATE / "sources.list",
            "Dir::Etc::sourceparts": STATE / "parts",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": STATE / "parts",
            "Dir::State": STATE,
            "Dir::State::lists": STATE / "lists",
            "Dir::State::status": STATE / "status",
            "Dir::Cache": STATE / "cache",
            "Dir::Log": STATE / "log",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            "APT::Architecture": "amd64",
            "APT::Architectures": "amd64",
            "APT::Sandbox::User": "root",
            "APT::Install-Recommends": "false",
            "Binary::apt-get::APT::Update::Error-Mode": "any",
        }.items()))
    return write_if_changed(STATE / "sources.list", sources_text())


def apt(*words, cwd=None):
    """Run an apt command privately; its standard output."""
    env = dict(os.environ, APT_CONFIG=str(STATE / "apt.conf"), LC_ALL="C")
    done = subprocess.run([*map(str, words)], cwd=cwd, env=env, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise AptError(f"{words[0]} {words[1]} failed:\n  " + "\n  ".join(said[-8:]))
    return done.stdout


@contextlib.contextmanager
def locked():
    """Only one apt at a time works in the private state."""
    STATE.mkdir(parents=True, exist_ok=True)
    with open(STATE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def refresh():
    print("apt: fetching package lists", file=sys.stderr, flush=True)
    apt("apt-get", "update")
    (STATE / "refreshed").touch()


def lists_age():
    try:
        return time.time() - (STATE / "refreshed").stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def with_lists(action):
    """Run action with lists at most a day old, once more with new ones if it fails."""
    with locked():
        changed = prepare()
        if changed or lists_age() > MAX_AGE:
            refresh()
        try:
            return action()
        except AptError:
            if lists_age() < 60:
                raise
            refresh()
            return action()


def download(packages, directory="."):
    """Bring PKG[=VERSION] .debs into directory."""
    Path(directory).mkdir(parents=True, exist_ok=True)
    with_lists(lambda: apt("apt-get", "download", *packages, cwd=directory))


def source(packages, directory="."):
    """Bring the .dsc and tars of source packages PKG[=VERSION] into directory."""
    Path(directory).mkdir(parents=True, exist_ok=True)
    with_lists(lambda: apt("apt-get", "source", "--download-only", "--only-source",
                           *packages, cwd=directory))


def version(package, of_source=False):
    """The candidate's version."""
    show = ("showsrc", "--only-source") if of_source else ("show", "--no-all-versions")

    def ask():
        found = re.findall(r"(?m)^Version: (\S+)", apt("apt-cache", *show, package))
        if not found:
            raise AptError(f"apt: no package {package}")
        return found[-1 if of_source else 0]
    return with_lists(ask)


def resolve(packages):
    """{name: version} of packages and all they depend on, without recommendations."""
    def ask():
        out = apt("apt-get", "install", "--simulate", "-y", *packages)
        return dict(re.findall(r"(?m)^Inst (\S+) \((\S+)", out))
    return with_lists(ask)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("download", "source", "version", "refresh"))
    parser.add_argument("--dir", default=".")
    parser.add_argument("--source", action="store_true", help="version of a source package")
    parser.add_argument("package", nargs="*")
    args = parser.parse_intermixed_args()
    if (args.what == "refresh") != (not args.package):
        parser.error(f"{args.what}: which package?" if not args.package
                     else "refresh takes no package")
    try:
        if args.what == "download":
            download(args.package, args.dir)
        elif args.what == "source":
            source(args.package, args.dir)
        elif args.what == "version":
            for package in args.package:
                print(version(package, args.source))
        else:
            with locked():
                prepare()
                refresh()
    except AptError as e:
        sys.exit(str(e))


if __name__ == "__main__":
    main()
