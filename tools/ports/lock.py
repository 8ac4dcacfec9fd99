# SPDX-License-Identifier: ISC
"""xenolith.lock, beside xenolith.toml: the versions of a project's ports, and of all that they need.

    NAME VERSION SHA-256 of the tar

It is written by `xenolith add` and belongs into the project's repository.
"""

from . import PortError, solver
from .source import Gone, archive

NAME = "xenolith.lock"
HEAD = "# The ports of this project, by `xenolith add`: name, version, SHA-256 of the sources.\n"


def write(file, ports):
    file.write_text(HEAD + "".join(f"{p.name} {p.version} {p.sha256}\n" for p in ports))


def read(file, versions):
    """The Versions of a lock file, in order; each must be what the recipes say."""
    found = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        words = line.split()
        if not words or line.startswith("#"):
            continue
        one = versions.get(tuple(words[:2]))
        if len(words) != 3 or not one or one.sha256 != words[2]:
            raise PortError(f"{file}:{number}: {line}: the recipes have no such version; "
                            "`xenolith add` without a name selects versions again")
        found.append(one)
    return found


def select(versions, wanted):
    """The Versions for these words.  A version whose sources are gone is left out, and others are tried."""
    there = dict(versions)
    while True:
        try:
            ports = solver.solve(there, wanted)
        except PortError as e:
            gone = sorted(f"{n} {v}" for n, v in versions if (n, v) not in there)
            raise PortError(f"{e}\n(no mirror has the sources of {', '.join(gone)})" if gone else str(e)) from None
        try:
            for one in ports:
                archive(one)
            return ports
        except Gone as e:
            print(f"xenolith: {e}", flush=True)
            del there[one.name, one.version]
            if not any(n == one.name for n, _ in there):
                raise
