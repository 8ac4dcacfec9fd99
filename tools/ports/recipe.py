# SPDX-License-Identifier: ISC
"""Recipes: ports/NAME/recipe has stanzas in the syntax of Debian's control files.

    Package      the port's name, that of its folder
    Description  one line
    Tar          a line for each version: VERSION SUITE/SOURCE-PACKAGE SHA-256 of the upstream tar
    Depends      other ports, as in a package: zlib (>= 1.2), pcre2
    Build        a shell script, in the folder of the sources; it installs into $OUT/usr
    Program      the image that Build links, whose objects become the port's program
    Run          the arguments that start the program
    Test         a shell script that puts test images into $TESTS (build.py)

Only Depends, Program, Run and Test may be missing.  A file may have several stanzas, for versions
that are built in different ways.
"""

import re
from pathlib import Path

from folders import ROOT

from . import PortError

PORTS = ROOT / "ports"
NEEDED = ("Package", "Description", "Tar", "Build")
FIELDS = (*NEEDED, "Depends", "Program", "Run", "Test")


class Version:
    """One version of a port, with the fields of its stanza."""

    def __init__(self, folder, fields, line):
        match line.split():
            case [version, origin, sha256] if re.fullmatch(r"[0-9][\w.+~]*", version) and \
                    re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", origin) and re.fullmatch(r"[0-9a-f]{64}", sha256):
                self.version, self.sha256 = version, sha256
                self.suite, self.source = origin.split("/")
            case _:
                raise PortError(f"{folder.name}/recipe: Tar: {line!r}: it must be VERSION SUITE/PACKAGE SHA-256")
        self.folder, self.fields, self.name = folder, fields, fields["Package"]
        self.depends = fields.get("Depends", "")
        self.program = fields.get("Program")

    def __str__(self):
        return f"{self.name} {self.version}"

    def stanza(self):
        """What apt reads of it."""
        depends = f"Depends: {self.depends}\n" if self.depends else ""
        return (f"Package: {self.name}\nVersion: {self.version}\nArchitecture: amd64\nMaintainer: none\n"
                f"{depends}Filename: ./{self.name}_{self.version}.deb\nSize: 1\nSHA256: {self.sha256}\n"
                f"Description: {self.fields['Description']}\n")


def stanzas(text, where):
    """Yields {field: text}; a continued line loses its first blank, and ` .` is an empty line."""
    for part in re.split(r"\n(?:[ \t]*\n)+", re.sub(r"(?m)^#.*\n", "", text).strip("\n")):
        fields, name = {}, None
        for line in part.splitlines():
            if line[:1] in " \t" and name:
                fields[name] += "\n" + ("" if line.strip() == "." else line[1:])
            elif (m := re.match(r"([A-Za-z-]+):[ \t]*(.*)", line)) and m[1] in FIELDS and m[1] not in fields:
                name = m[1]
                fields[name] = m[2]
            else:
                raise PortError(f"{where}: {line!r}: the fields are {', '.join(FIELDS)}, each once")
        yield {k: v.strip("\n") for k, v in fields.items()}


def read(folder):
    """All versions of a port, in the order of its file."""
    file, found = folder / "recipe", []
    for fields in stanzas(file.read_text(), f"{folder.name}/recipe"):
        missing = [f for f in NEEDED if not fields.get(f)]
        if missing:
            raise PortError(f"{folder.name}/recipe: {missing[0]} is missing")
        if fields["Package"] != folder.name:
            raise PortError(f"{folder.name}/recipe: Package: {fields['Package']}: it must be the folder's name")
        found += [Version(folder, fields, line) for line in fields["Tar"].splitlines() if line.strip()]
    return found


def all_versions(root=PORTS):
    """{(name, version): Version} of all ports."""
    found = {}
    for file in sorted(Path(root).glob("*/recipe")):
        for one in read(file.parent):
            if (one.name, one.version) in found:
                raise PortError(f"{one.name}/recipe: version {one.version} is there twice")
            found[one.name, one.version] = one
    return found
