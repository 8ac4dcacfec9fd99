#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Downloads Debian packages without changing the machine: an apt with its own state.

It reads the mirrors, keys and proxies of the machine's apt configuration, and keeps
all other files (lists, caches, dpkg status) below build/apt, so it works for any
user and changes nothing on the system.  Third-party repositories are ignored.
apt verifies the downloads by the archive's signatures.

    apt_private.py download [--dir DIR] PKG[=VERSION]...   .deb files
    apt_private.py source   [--dir DIR] PKG[=VERSION]...   .dsc and tars, not unpacked
    apt_private.py version  [--source] PKG...              candidate versions
    apt_private.py refresh                                 fetch the lists now

--suite SUITE uses this suite of the machine's mirror (such as trixie) instead of the
machine's own suites; its lists are below build/apt-SUITE.

Packages are for amd64 on any host, since guests use them.  As a module: download(),
unpack(), source(), version(), resolve(); all raise AptError.
"""

import argparse
import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from folders import BUILD

MAX_AGE = 24 * 3600
DISTRIBUTION = re.compile(r"/(debian|ubuntu)[^/]*(/|$)")


class AptError(Exception):
    """The text is one sentence for the user, and the last lines of apt's output."""


def one_line_entries(text):
    """Yields (uri, options, suite, components) of each `deb` line of a .list file."""
    for line in text.splitlines():
        m = re.match(r"\s*deb\s+(?:\[([^]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)", line)
        if m:
            yield m[2], (m[1] or "").split(), m[3], m[4].split()


def deb822_entries(text):
    """Yields the same tuples of each stanza of a .sources file."""
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
    """Yields the entries of the distribution's own archive, component main."""
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
    """Returns the suite, or None if it is the machine's own."""
    return None if suite in {entry[2] for entry in machine_entries()} else suite


def entries(suite):
    """Yields the machine's own entries, or the entry of another suite of its archive."""
    if not suite:
        yield from machine_entries()
        return
    there = list(machine_entries())
    if there and not any("/debian" in uri for uri, *_ in there):
        raise AptError(f"apt: {suite} is a suite of Debian, and this machine's mirrors are not Debian's: add one of "
                       "Debian to /etc/apt/sources.list.d, or use a Debian machine")
    for uri, options, own, components in there:
        if "/debian" in uri and "security" not in uri and "-" not in own:
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
        raise AptError("apt: this machine has no apt-get; use a Debian machine, or set "
                       "NEWLIB_SRC=, LWIP_SRC= and XEN_INCLUDE=") from None
    skip = ("Acquire::IndexTargets", "Acquire::Languages")
    return "".join(line + "\n" for line in dump.stdout.splitlines()
                   if line.startswith("Acquire::") and not line.startswith(skip))


def write_if_changed(path, text):
    """Write a file that only this user can read, since the address of a proxy may have a password;
    returns whether its content was another."""
    if path.exists():
        path.chmod(0o600)
        if path.read_text() == text:
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o600)
    path.write_text(text)
    return True


def prepare(suite):
    """Write the private configuration; returns whether the mirrors have changed."""
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
    """Run an apt command with the private configuration; returns its output."""
    env = dict(os.environ, APT_CONFIG=str(state(suite) / "apt.conf"), LC_ALL="C")
    done = subprocess.run([*map(str, words)], cwd=cwd, env=env, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise AptError(f"{words[0]} {words[1]} failed:\n  " + "\n  ".join(said[-8:]))
    return done.stdout


@contextlib.contextmanager
def locked(suite):
    """Holds a lock: only one apt at a time may use the private state."""
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
    """Run action with lists of at most a day; if it fails, again with new lists."""
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
    """Download the .deb files of PKG[=VERSION] to directory."""
    Path(directory).mkdir(parents=True, exist_ok=True)
    with_lists(lambda: apt(suite, "apt-get", "download", *packages, cwd=directory),
               suite)


def source(packages, directory=".", suite=None):
    """Download the .dsc and tars of source packages PKG[=VERSION] to directory."""
    Path(directory).mkdir(parents=True, exist_ok=True)
    with_lists(lambda: apt(suite, "apt-get", "source", "--download-only", "--only-source",
                           *packages, cwd=directory), suite)


def unpack(packages, root, wanted=None, say=lambda line: None):
    """Unpack packages below root, which appears whole or not at all; returns {name: version}.

    Nothing is installed and no script runs.  wanted(name) says which of the packages and of all
    that they depend on are taken; None: only the packages.  say is called with a line for
    each step.
    """
    root = Path(root).absolute()
    new, debs = root.with_name(f"{root.name}.new"), root.with_name(f"{root.name}.debs")
    for folder in (new, debs):
        shutil.rmtree(folder, ignore_errors=True)
    say("resolving packages")
    found = resolve(packages)
    found = {n: v for n, v in found.items() if (wanted(n) if wanted else n in packages)}
    say(f"downloading {len(found)} packages")
    download([f"{n}={v}" for n, v in found.items()], debs)
    say("unpacking")
    new.mkdir(parents=True)
    for deb in sorted(debs.glob("*.deb")):
        dpkg_deb("-x", deb, new)
    shutil.rmtree(debs)
    shutil.rmtree(root, ignore_errors=True)
    new.rename(root)
    return found


def deb_tar(deb):
    """The files of a .deb, as a tar."""
    return dpkg_deb("--fsys-tarfile", deb)


def dpkg_deb(option, deb, *words):
    try:
        return subprocess.run(["dpkg-deb", option, deb, *words], check=True,
                              capture_output=True).stdout
    except FileNotFoundError:
        raise AptError("apt: dpkg-deb is missing: install the package dpkg") from None
    except subprocess.CalledProcessError as e:
        raise AptError(f"apt: cannot unpack {Path(deb).name}: "
                       f"{e.stderr.decode(errors='replace').strip()}") from None


def version(package, of_source=False, suite=None):
    """Returns the candidate version of a package."""
    show = ("showsrc", "--only-source") if of_source else ("show", "--no-all-versions")

    def ask():
        found = re.findall(r"(?m)^Version: (\S+)", apt(suite, "apt-cache", *show, package))
        if not found:
            raise AptError(f"apt: the package {package} does not exist")
        return found[-1 if of_source else 0]
    return with_lists(ask, suite)


def resolve(packages, suite=None):
    """Returns {name: version} of packages and their dependencies, without recommended ones."""
    def ask():
        out = apt(suite, "apt-get", "install", "--simulate", "-y", *packages)
        return dict(re.findall(r"(?m)^Inst (\S+) \((\S+)", out))
    return with_lists(ask, suite)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("download", "source", "version", "refresh"))
    parser.add_argument("--dir", default=".")
    parser.add_argument("--suite", help="use this suite instead of the machine's")
    parser.add_argument("--source", action="store_true",
                        help="print the version of the source package")
    parser.add_argument("package", nargs="*")
    args = parser.parse_intermixed_args()
    if (args.what == "refresh") != (not args.package):
        parser.error(f"{args.what}: missing argument PKG" if not args.package
                     else "refresh does not accept a package")
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
