# SPDX-License-Identifier: ISC
"""Begins a recipe: xenolith ports --new NAME [SOURCE-PACKAGE].

The versions are those of the distribution's suites, and Build is a guess from the files of the sources.
"""

import re

import apt_private

from . import PortError, recipe, source

SUITES = ("trixie", "bookworm")
GUESSES = (
    ("configure", "./configure --host=$TARGET --prefix=/usr\n make -j$JOBS\n make install DESTDIR=$OUT"),
    ("configure.ac", "autoreconf -i\n ./configure --host=$TARGET --prefix=/usr\n make -j$JOBS\n make install DESTDIR=$OUT"),
    ("CMakeLists.txt", "cmake --toolchain $SDK/share/xenolith/xenolith.cmake -B made -S . -DCMAKE_INSTALL_PREFIX=/usr\n"
                       " make -C made -j$JOBS\n make -C made install DESTDIR=$OUT"),
    ("meson.build", "meson setup --cross-file $SDK/share/xenolith/xenolith.ini --prefix=/usr made\n ninja -C made\n"
                    " DESTDIR=$OUT ninja -C made install"),
    ("Makefile", "make -j$JOBS CC=$TARGET-gcc AR=$TARGET-ar\n make install DESTDIR=$OUT PREFIX=/usr"),
)


def tars(suite, package):
    """{upstream version: SHA-256} of a source package in a suite."""
    where = apt_private.foreign(suite)

    def ask():
        return apt_private.apt(where, "apt-cache", "showsrc", "--only-source", package)
    try:
        said = apt_private.with_lists(ask, where)
    except apt_private.AptError:
        return {}
    found = re.findall(rf"(?m)^ ([0-9a-f]{{64}}) \d+ {re.escape(package)}_(\S+)\.orig\.tar\.\w+$", said)
    return {re.split(r"[+~]?dfsg|\+really|\+ds", v)[0].rstrip(".+"): digest for digest, v in found}


def guess(one):
    folder = source.ARCHIVES.parent / "new" / one.name
    if not folder.exists():
        source.unpack(one, folder)
    there = {p.name for p in folder.iterdir()}
    return next((script for file, script in GUESSES if file in there), "false   # how is it built?"), folder


def begin(name, package):
    folder = recipe.PORTS / name
    if folder.exists():
        raise PortError(f"{folder} exists already")
    if not re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", name):
        raise PortError(f"{name!r}: a port has the name of a package: lower-case letters, digits, plus, minus, dots")
    versions = {}
    for suite in SUITES:
        for version, digest in tars(suite, package).items():
            versions.setdefault(version, f"{version} {suite}/{package} {digest}")
    lines = list(versions.values())
    if not lines:
        raise PortError(f"there is no source package {package} in {' or '.join(SUITES)}; with another name: "
                        f"xenolith ports --new {name} PACKAGE")
    fields = {"Package": name, "Description": "?", "Build": "true"}
    script, sources = guess(recipe.Version(folder, fields, lines[0]))
    folder.mkdir()
    tar = "\n ".join(lines)
    (folder / "recipe").write_text(f"Package: {name}\nDescription: ?\nTar: {tar}\nBuild: {script}\n")
    print(f"{folder / 'recipe'}: complete it, then xenolith add {name}; the sources are in {sources}")
