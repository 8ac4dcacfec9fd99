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

--suite SUITE takes the packages from that suite of the machine's mirror (trixie, say)
instead of the machine's own suites; its lists lie below build/apt-SUITE.

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
BUILD = Path(os.environ.get("XENOLITH_BUILD") or ROOT / "build").absolute()
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


def foreign(suite):
    """The suite, or None where it is the machine's own."""
    return None if suite in {entry[2] for entry in machine_entries()} else suite


def entries(suite):
    """The machine's own entries, or the one of another suite of its archive."""
    if not suite:
        yield from machine_entries()
        return
    for uri, options, own, components in machine_entries():
        if "security" not in uri and "-" not in own:
            yield uri, options, suite, components
            return


def state(suite):
    return BUILD / (f"apt-{suite}" if suite else "apt")


def sources_text(suite):
    lines = []
    for uri, options, suite, components in entries(suite):
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


def prepare(suite):
    """Write the private configuration; True when the mirrors have changed."""
    root = state(suite)
    for d in ("lists/partial", "cache/archives/partial", "log", "parts"):
        (root / d).mkdir(parents=True, exist_ok=True)
    write_if_changed(root / "status", "")
    write_if_changed(root / "apt.conf", machine_acquire() + "".join(
        f'{k} "{v}";\n' for k, v in {
            "Dir::Etc::main": "/dev/null",
            "Dir::Etc::parts": root / "parts",
            "Dir::Etc::sourcelist": root / "sources.list",
            "Dir::Etc::sourceparts": root / "parts",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": root / "parts",
            "Dir::State": root,
            "Dir::State::lists": root / "lists",
            "Dir::State::status": root / "status",
            "Dir::Cache": root / "cache",
            "Dir::Log": root / "log",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            "APT::Architecture": "amd64",
            "APT::Architectures": "amd64",
            "APT::Sandbox::User": "root",
            "APT::Install-Recommends": "false",
            "Binary::apt-get::APT::Update::Error-Mode": "any",
        }.items()))
    return write_if_changed(root / "sources.list", sources_text(suite))


def apt(suite, *words, cwd=None):
    """Run an apt command privately; its standard output."""
    env = dict(os.environ, APT_CONFIG=str(state(suite) / "apt.conf"), LC_ALL="C")
    done = subprocess.run([*map(str, words)], cwd=cwd, env=env, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise AptError(f"{words[0]} {words[1]} failed:\n  " + "\n  ".join(said[-8:]))
    return done.stdout


@contextlib.contextmanager
def locked(suite):
    """Only one apt at a time works in the private state."""
    state(suite).mkdir(parents=True, exist_ok=True)
    with open(state(suite) / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def refresh(suite):
    print(f"apt: fetching package lists{' of ' + suite if suite else ''}", file=sys.stderr, flush=True)
    apt(suite, "apt-get", "update")
    (state(suite) / "refreshed").touch()


def lists_age(suite):
    try:
        return time.time() - (state(suite) / "refreshed").stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def with_lists(action, suite):
    """Run action with lists at most a day old, once more with new ones if it fails."""
    with locked(suite):
        changed = prepare(suite)
        if changed or lists_age(suite) > MAX_AGE:
            refresh(suite)
        try:
            return action()
        except AptError:
            if lists_age(suite) < 60:
                raise
            refresh(suite)
            return action()


def download(packages, directory=".", suite=None):
    """Bring PKG[=VERSION] .debs into directory."""
    Path(directory).mkdir(parents=True, exist_ok=True)
    with_lists(lambda: apt(suite, "apt-get", "download", *packages, cwd=directory),
               suite)


def source(packages, directory=".", suite=None):
    """Bring the .dsc and tars of source packages PKG[=VERSION] into directory."""
    Path(directory).mkdir(parents=True, exist_ok=True)
    with_lists(lambda: apt(suite, "apt-get", "source", "--download-only", "--only-source",
                           *packages, cwd=directory), suite)


def version(package, of_source=False, suite=None):
    """The candidate's version."""
    show = ("showsrc", "--only-source") if of_source else ("show", "--no-all-versions")

    def ask():
        found = re.findall(r"(?m)^Version: (\S+)", apt(suite, "apt-cache", *show, package))
        if not found:
            raise AptError(f"apt: no package {package}")
        return found[-1 if of_source else 0]
    return with_lists(ask, suite)


def resolve(packages, suite=None):
    """{name: version} of packages and all they depend on, without recommendations."""
    def ask():
        out = apt(suite, "apt-get", "install", "--simulate", "-y", *packages)
        return dict(re.findall(r"(?m)^Inst (\S+) \((\S+)", out))
    return with_lists(ask, suite)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("download", "source", "version", "refresh"))
    parser.add_argument("--dir", default=".")
    parser.add_argument("--suite", help="a suite that is not the machine's")
    parser.add_argument("--source", action="store_true", help="version of a source package")
    parser.add_argument("package", nargs="*")
    args = parser.parse_intermixed_args()
    if (args.what == "refresh") != (not args.package):
        parser.error(f"{args.what}: which package?" if not args.package
                     else "refresh takes no package")
    try:
        if args.what == "download":
            download(args.package, args.dir, args.suite)
        elif args.what == "source":
            source(args.package, args.dir, args.suite)
        elif args.what == "version":
            for package in args.package:
                print(version(package, args.source, args.suite))
        else:
            with locked(args.suite):
                prepare(args.suite)
                refresh(args.suite)
    except AptError as e:
        sys.exit(str(e))


if __name__ == "__main__":
    main()
