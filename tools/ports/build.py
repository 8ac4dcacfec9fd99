# SPDX-License-Identifier: ISC
"""Builds ports, once per content, and makes toolchains that have them.

    build(ports)            builds what is not built; ports are in order (solver.py)
    toolchain(ports)        the folder of a toolchain with the ports in its sysroot
    add_to(sdk, ports)      copies the ports into a toolchain

A port's place, build/ports/built/NAME-VERSION-KEY, is made completely or not at all.  KEY is a
digest of the recipe and the other files of its folder, the tar, the keys of its dependencies, and
of what a program sees of the toolchain: headers, options, and the names of the functions that
exist, since `configure` finds out about them.  So a change of Xenolith's code builds nothing again,
and a cache of build/ports may be kept for long.

The script `Build` runs in the folder of the sources with
    PATH        has the toolchain x86_64-xenolith-elf-..., with the dependencies in its sysroot
    SDK         the folder of that toolchain; its cmake and meson files are in share/xenolith
    TARGET      x86_64-xenolith-elf
    OUT         install into $OUT/usr
    PORT        the recipe's folder
    JOBS        how many compilers may run at once

`Program: FILE`: when Build links the image FILE, the toolchain also links its objects, with those
of the libraries of other ports that it needs, into one object, lib/xenolith/programs/NAME.o.  A
project links it with files of its own (docs/ports.md).

The script `Test` runs then, in the same folder, for tests(one); TESTS is the folder for its images.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess

from folders import BUILD

from . import PortError, source

TARGET = "x86_64-xenolith-elf"
SDK = BUILD / "sdk"
ROOT = BUILD / "ports"
LIBRARIES = ("libxenolith.a", "libc.a", "libm.a")
PROGRAMS = "lib/xenolith/programs"      # in a port's usr/


def digest_of_files(*files):
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def functions(library):
    """The names that an archive defines."""
    said = subprocess.run(["nm", "-g", "--defined-only", library], text=True, capture_output=True, check=True).stdout
    return {line.split()[2] for line in said.splitlines() if re.match(r"[0-9a-f]+ \w \S", line)}


def interface():
    """A digest of what a program sees of the toolchain, which is read again only if that is new."""
    manifest, noted = SDK / "lib/xenolith/manifest", ROOT / "interface"
    if not manifest.exists():
        raise PortError(f"{SDK}: there is no toolchain: make sdk")
    stamp = f"{manifest.stat().st_mtime_ns}"
    if noted.exists() and noted.read_text().split()[:1] == [stamp]:
        return noted.read_text().split()[1]
    sysroot = SDK / TARGET
    ours = {SDK / line for line in manifest.read_text().split("\n")}
    headers = sorted(f for d in ("libc", "include") for f in (sysroot / d).rglob("*") if f in ours)
    names = sorted(set().union(*(functions(sysroot / "lib" / a) for a in LIBRARIES)))
    # What is private has a name of its own for each compiled change; programs do not see it.
    names = [n for n in names if not n.startswith("xenolith_")]
    found = hashlib.sha256((digest_of_files(*headers, SDK / "lib/xenolith/xenolith.specs")
                            + "\n".join(names)).encode()).hexdigest()
    noted.parent.mkdir(parents=True, exist_ok=True)
    noted.write_text(f"{stamp} {found}\n")
    return found


class Set:
    """Ports in order, with their keys and places."""

    def __init__(self, ports):
        self.ports, self.keys = ports, {}
        common = interface()
        for one in ports:
            files = sorted(f for f in one.folder.rglob("*") if f.is_file() and f.name != "recipe")
            text = "".join(f"{k}: {v}\n" for k, v in sorted(one.fields.items()) if k not in ("Tar", "Test", "Run"))
            needs = "".join(self.keys[p.name] for p in self.needs(one))
            self.keys[one.name] = hashlib.sha256("\n".join(
                [common, text, one.version, one.sha256, digest_of_files(*files), needs]).encode()).hexdigest()[:16]

    def direct(self, one):
        return re.findall(r"(?:^|,)\s*([a-z0-9][a-z0-9.+-]*)", one.depends)

    def needs(self, one):
        """The ports that this one depends on, also through others, in order."""
        names, new = set(), set(self.direct(one))
        while new:
            names |= new
            new = {n for p in self.ports if p.name in new for n in self.direct(p)} - names
        return [p for p in self.ports if p.name in names]

    def place(self, one):
        return ROOT / "built" / f"{one.name}-{one.version}-{self.keys[one.name]}"


def link_tree(source_folder, to):
    """Links to all files of a folder; those that are there are replaced."""
    for folder, _, files in os.walk(source_folder):
        inside = to / os.path.relpath(folder, source_folder)
        inside.mkdir(parents=True, exist_ok=True)
        for name in files:
            there = inside / name
            there.unlink(missing_ok=True)
            there.symlink_to(os.path.join(folder, name))


def make_toolchain(to, places, keep=None):
    """A toolchain of links, with the ports of these places; keep: the program whose objects it keeps."""
    new = to.with_name(f"{to.name}.{os.getpid()}")
    shutil.rmtree(new, ignore_errors=True)
    manifest = (SDK / "lib/xenolith/manifest").read_text().split("\n")
    for name in filter(None, manifest):
        (new / name).parent.mkdir(parents=True, exist_ok=True)
        if name.startswith("bin/"):
            shutil.copy2(SDK / name, new / name)        # it follows links to find the rest
        elif os.path.lexists(SDK / name):
            (new / name).symlink_to(SDK / name)
    for place in places:
        link_tree(place / "usr", new / TARGET)
    if keep:
        (new / "lib/xenolith/keep").write_text(keep + "\n")
    shutil.rmtree(to, ignore_errors=True)
    new.rename(to)
    return to


def toolchain(ports):
    """build() has been called with these ports."""
    made = Set(ports)
    places = [made.place(p) for p in ports]
    name = hashlib.sha256("\n".join(map(str, places)).encode()).hexdigest()[:16]
    to = ROOT / "toolchains" / name
    stamp = f"{(SDK / 'lib/xenolith/manifest').stat().st_mtime_ns}\n"
    with locked(name):
        if not (to / "stamp").exists() or (to / "stamp").read_text() != stamp:
            to.parent.mkdir(parents=True, exist_ok=True)
            make_toolchain(to, places)
            (to / "stamp").write_text(stamp)
    return to


def locked(name):
    """Two builds of the same thing wait for each other."""
    (ROOT / "locks").mkdir(parents=True, exist_ok=True)
    lock = open(ROOT / "locks" / name, "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def run(one, script, folder, log, **variables):
    """Runs a script of the recipe; its output goes to the log."""
    env = {k: v for k, v in os.environ.items() if k in ("HOME", "PATH", "TMPDIR", "TERM")}
    sdk = variables["SDK"]
    env.update({k: str(v) for k, v in variables.items()})
    env.update(PATH=f"{sdk}/bin:{env['PATH']}", TARGET=TARGET, PORT=str(one.folder), LC_ALL="C", TZ="UTC",
               JOBS=str(len(os.sched_getaffinity(0))), SOURCE_DATE_EPOCH="0")
    with open(log, "ab") as out:
        done = subprocess.run(["bash", "-euxo", "pipefail", "-c", one.fields[script]], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                              stdout=out, stderr=subprocess.STDOUT)
    if done.returncode:
        last = log.read_text(errors="replace").splitlines()[-15:]
        raise PortError("\n".join([f"{one}: {script} failed; its output is in {log}. The last lines:",
                                   *("  " + line[:200] for line in last)]))


def finish(one, usr):
    """What is the same for all: no libtool files, no documents, .pc files that can be moved."""
    for pattern in ("lib/**/*.la", "share/man", "share/doc", "share/info", "lib/**/*.so*"):
        for found in list(usr.glob(pattern)):
            shutil.rmtree(found) if found.is_dir() and not found.is_symlink() else found.unlink()
    for pc in usr.glob("*/pkgconfig/*.pc"):
        text = re.sub(r"(?m)^prefix *=.*$", "prefix=${pcfiledir}/../..", pc.read_text())
        pc.write_text(re.sub(r"(?m)(^|=|\s|-[IL])/usr(?=/|\s|$)", r"\1${prefix}", text))


def keep_accepted(one, usr):
    """The recipe's list of functions that the check of the red zone names in error."""
    if (one.folder / "redzone").exists():
        (usr / "lib/xenolith/redzone").mkdir(parents=True, exist_ok=True)
        shutil.copy(one.folder / "redzone", usr / "lib/xenolith/redzone" / one.name)


def compile_in(work, one, places):
    """Builds in a folder, which is left there: work/src, work/out/usr."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    program = os.path.basename(one.program) if one.program else None
    sdk = make_toolchain(work / "sdk", places, program)
    source.unpack(one, work / "src")
    print(f"  PORT    {one}", flush=True)
    (work / "out/usr").mkdir(parents=True)
    run(one, "Build", work / "src", work / "log", SDK=sdk, OUT=work / "out")
    finish(one, work / "out/usr")
    keep_accepted(one, work / "out/usr")
    if program:
        kept = work / "src" / f"{one.program}.program.o"
        if not kept.exists():
            raise PortError(f"{one}: Program: {one.program}: Build has not linked it")
        (work / "out/usr" / PROGRAMS).mkdir(parents=True, exist_ok=True)
        shutil.copy(kept, work / "out/usr" / PROGRAMS / f"{one.name}.o")
    return sdk


def build(ports):
    """Builds what is not built."""
    made = Set(ports)
    for one in ports:
        place = made.place(one)
        with locked(place.name):
            if place.exists():
                continue
            work = ROOT / "work" / place.name
            compile_in(work, one, [made.place(p) for p in made.needs(one)])
            place.parent.mkdir(parents=True, exist_ok=True)
            (work / "out").rename(place)
            shutil.rmtree(work)


def tests(ports):
    """Builds the last port again, with its tests; returns the folder of their images."""
    made, one = Set(ports), ports[-1]
    if "Test" not in one.fields:
        raise PortError(f"{one} has no tests in its recipe")
    name = made.place(one).name
    digest = hashlib.sha256(one.fields["Test"].encode()).hexdigest()[:8]
    to = ROOT / "tests" / f"{name}-{digest}"
    stamp = to / ".toolchain"
    libraries = digest_of_files(*(SDK / TARGET / "lib" / a for a in LIBRARIES))
    with locked(to.name):
        if stamp.exists() and stamp.read_text() == libraries:
            return to
        build(ports[:-1])
        work = ROOT / "work" / f"{name}.tests"
        sdk = compile_in(work, one, [made.place(p) for p in made.needs(one)])
        shutil.rmtree(to, ignore_errors=True)
        to.mkdir(parents=True)
        link_tree(work / "out/usr", sdk / TARGET)       # tests link the port itself
        run(one, "Test", work / "src", work / "log", SDK=sdk, OUT=work / "out", TESTS=to)
        stamp.write_text(libraries)
        shutil.rmtree(work)
    return to


def add_to(sdk, ports):
    """Copies ports into the sysroot of a toolchain."""
    made = Set(ports)
    for one in ports:
        subprocess.run(["cp", "-R", f"{made.place(one)}/usr/.", sdk / TARGET], check=True)
