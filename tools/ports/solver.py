# SPDX-License-Identifier: ISC
"""Selects versions of ports and their order: apt, in a private root below build/ports/apt.

solve(versions, wanted) takes what recipe.all_versions() returns and a list of NAME or NAME=VERSION.
It returns Versions, each behind those that it depends on.  apt runs as any user, without network,
and nothing of the machine's own apt is read or changed.  apt takes the newest version of each port
and never goes back to an older one by itself.  Where aspcud is installed (with apt-cudf), it is asked
when apt finds no solution.
"""

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

from folders import BUILD

from . import PortError

ROOT = BUILD / "ports/apt"


def configuration(root):
    return "".join(f'{k} "{v}";\n' for k, v in {
        "Dir": root,
        "Dir::Etc::main": "/dev/null",
        "Dir::Etc::parts": root / "none",
        "Dir::Etc::sourcelist": root / "sources.list",
        "Dir::Etc::sourceparts": root / "none",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": root / "none",
        "Dir::Etc::trusted": "/dev/null",
        "Dir::Etc::trustedparts": root / "none",
        "Dir::State": root / "state",
        "Dir::State::status": root / "status",
        "Dir::Cache": root / "cache",
        "Dir::Log": root / "log",
        "Acquire::Languages": "none",
        "APT::Architecture": "amd64",
        "APT::Architectures": "amd64",
        "APT::Sandbox::User": "root",
        "APT::Install-Recommends": "false",
        "APT::Get::Show-Versions": "false",
        "Binary::apt-get::APT::Update::Error-Mode": "any",
    }.items())


def prepare(root, index):
    """The private root with this index; apt reads it again only if it has changed."""
    for folder in ("none", "repository", "state/lists/partial", "cache/archives/partial", "log"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "status").touch()
    packages = root / "repository/Packages"
    texts = {packages: index, root / "apt.conf": configuration(root),
             root / "sources.list": f"deb [trusted=yes] file:{root}/repository ./\n"}
    if all(f.exists() and f.read_text() == text for f, text in texts.items()) and (root / "ready").exists():
        return
    (root / "ready").unlink(missing_ok=True)
    for file, text in texts.items():
        file.write_text(text)
    apt(root, "update")
    (root / "ready").touch()


def apt(root, *words):
    env = dict(os.environ, APT_CONFIG=str(root / "apt.conf"), LC_ALL="C")
    try:
        done = subprocess.run(["apt-get", *words], env=env, text=True, stdin=subprocess.DEVNULL,
                              capture_output=True)
    except FileNotFoundError:
        raise PortError("this machine has no apt-get, which selects the versions of ports") from None
    if done.returncode:
        raise PortError(explanation(done.stdout + done.stderr))
    return done.stdout


def explanation(text):
    """The lines of apt's output that say why there is no solution."""
    lines = [line for line in text.splitlines() if re.match(r" \S+ : |  +(Depends|Conflicts):|E: |W: ", line)]
    return "\n".join(line.removeprefix("E: ") for line in lines) or text.strip()


def has_other_solver():
    return shutil.which("aspcud") and Path("/usr/lib/apt/solvers/aspcud").exists()


def ask(root, wanted):
    """(name, version) in the order of installation."""
    words = ("install", "--simulate", "-y", *wanted)
    try:
        said = apt(root, *words)
    except PortError:
        if not has_other_solver():
            raise
        said = apt(root, "-o", "APT::Solver=aspcud", "-o", "APT::Solver::Strict-Pinning=no", *words)
    return re.findall(r"(?m)^Conf (\S+) \((\S+)", said)


def in_order(versions, chosen):
    """Each behind what it depends on, as apt orders what it configures; apt may break ties by chance."""
    left, done = {name: versions[name, version] for name, version in sorted(chosen)}, []

    def add(one):
        for name in re.findall(r"(?:^|,)\s*([a-z0-9][a-z0-9.+-]*)", one.depends):
            if name in left:
                add(left.pop(name))
        done.append(one)

    while left:
        add(left.pop(next(iter(left))))
    return done


def solve(versions, wanted, root=ROOT):
    for word in wanted:
        name, equals, version = word.partition("=")
        there = [v for n, v in versions if n == name]
        if not there:
            names = ", ".join(sorted({n for n, _ in versions}))
            raise PortError(f"there is no port {name}; there are {names}")
        if equals and version not in there:
            raise PortError(f"there is no version {version} of {name}; there are {', '.join(there)}")
    root.mkdir(parents=True, exist_ok=True)
    with open(root / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        prepare(root, "\n".join(v.stanza() for v in versions.values()))
        return in_order(versions, ask(root, wanted))
