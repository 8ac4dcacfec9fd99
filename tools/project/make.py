# SPDX-License-Identifier: ISC
"""Makes the image of a project, in its folder build/: image(project), tests(project), disk(project, word).

The image is build/NAME.  All else is in folders whose names begin with a dot, which no NAME does.

The compiler runs in the project's folder, with names relative to it, so that its messages and
the debug information have them.  A file is compiled again if it, a header that it includes or the
options have changed.
"""

import filecmp
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from folders import BUILD, ROOT, SOURCES
from ports import cli as ports

TARGET = "x86_64-xenolith-elf"
SUFFIXES = (".c", ".s", ".S")
CXX = (".cc", ".cpp", ".cxx", ".C", ".c++")
NOT_SOURCES = ("build", "tests")        # folders, right in the project's


class MakeError(Exception):
    """The text is one line for the user; None: a command has said it."""


def tree_make(*words):
    """make in Xenolith's tree."""
    if not SOURCES:
        raise MakeError(f"this needs Xenolith's source tree (`make {' '.join(words)}`), which is not available")
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "APP_DIR")}
    done = subprocess.run(["make", "-s", f"BUILD={os.path.relpath(BUILD, ROOT)}", *words], cwd=ROOT, env=env,
                          stdout=subprocess.DEVNULL)
    if done.returncode:
        raise MakeError(None)


def place(project, kind, file, suffix):
    """Where that which is made of a file lies; file is relative to the project's folder.

    No two files have the same place: it has the number of `..`, which it does not have itself.
    """
    ups = file.parts.count("..")
    return Path(f"{project.folder / 'build' / kind / str(ups) / Path(*file.parts[ups:])}{suffix}")


def prepare(project, made):
    """Makes the folder of what is to be made, which must be in build/, also if links are followed."""
    if not made.resolve().is_relative_to((project.folder / "build").resolve()):
        raise MakeError(f"{made}: it is a link out of build/")
    made.parent.mkdir(parents=True, exist_ok=True)


class Make:
    def __init__(self, project):
        self.project, self.folder = project, project.folder
        self.out = self.folder / "build"
        self.cxx, self.lock = False, threading.Lock()
        self.libs, self.programs = project.build["libs"], {}
        folder = BUILD / "sdk" if SOURCES else \
            Path(shutil.which(f"{TARGET}-gcc") or "/usr/bin/gcc").parent.parent
        if not (folder / f"bin/{TARGET}-gcc").exists():
            if not SOURCES:
                raise MakeError(f"{TARGET}-gcc is not in PATH: it is in the package xenolith-sdk")
            print("xenolith: making the toolchain (make sdk)", flush=True)
            tree_make("sdk")
        if project.build["ports"] and not SOURCES:
            raise MakeError("build.ports: building ports needs Xenolith's source tree, which is not available")
        if project.build["ports"]:
            folder, libraries, self.programs = ports.toolchain(project)
            self.libs = [*self.libs, *libraries]
        self.sdk = f"{folder}/bin/{TARGET}-"
        self.manifest = folder / "lib/xenolith/manifest"        # it is made with each change of the toolchain

    def run(self, *words, **options):
        done = subprocess.run(words, cwd=self.folder, **options)
        if done.returncode:
            raise MakeError(None)
        return done

    def sources(self):
        """Relative to the folder."""
        found = []
        for word in self.project.build["sources"]:
            path = self.folder / word
            files = sorted(path.rglob("*")) if path.is_dir() else [path]
            for file in (Path(os.path.relpath(f, self.folder)) for f in files):
                inside = [p for p in file.parts if p != ".."]
                if path.is_dir() and (file.parts[0] in NOT_SOURCES or any(p[0] == "." for p in inside)):
                    continue
                if file.suffix in (*SUFFIXES, *CXX) and file not in found:
                    found.append(file)
        return found

    def is_old(self, made, inputs, words):
        """Whether something must be made again; writes the words down, for the next time."""
        noted, text = Path(f"{made}.words"), shlex.join(map(str, words))
        same = noted.exists() and noted.read_text() == text
        prepare(self.project, made)
        if same and made.exists():
            newest = made.stat().st_mtime
            if all((self.folder / i).exists() and (self.folder / i).stat().st_mtime <= newest for i in inputs):
                return False
        noted.unlink(missing_ok=True)
        return True

    def done(self, made, words):
        Path(f"{made}.words").write_text(shlex.join(map(str, words)))

    def headers(self, made):
        depend = made.with_suffix(".d")
        text = depend.read_text() if depend.exists() else ""
        return shlex.split(text.replace("\\\n", " ").partition(":")[2].partition("\n\n")[0])

    def compile(self, source):
        made = place(self.project, ".obj", source, ".o")
        more = self.project.build["cxxflags"] if source.suffix in CXX else []
        words = [f"{self.sdk}{self.compiler(source)}", *self.project.build["cflags"], *more, "-MD", "-c", source,
                 "-o", made.relative_to(self.folder)]
        if self.is_old(made, [source, self.manifest, *self.headers(made)], words):
            print(f"  CC      {source}", flush=True)
            self.run(*words)
            self.done(made, words)
        return made

    def compiler(self, source):
        """gcc or g++, which notes that the image has C++; libstdc++ is built when it is first needed."""
        if source.suffix not in CXX:
            return "gcc"
        with self.lock:
            self.cxx = True
            if not (Path(f"{self.sdk}gcc").parent.parent / TARGET / "lib/libstdc++.a").exists():
                if SOURCES:
                    print("xenolith: making the toolchain's C++ (make sdk CXX=1): some minutes", flush=True)
                tree_make("sdk", "CXX=1")
        return "g++"

    def compiled(self, sources):
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            results = [pool.submit(self.compile, s) for s in sources]
        return [r.result() for r in results]

    def files(self):
        folder = self.folder / self.project.build["files"]
        if not folder.is_dir():
            return []
        assembly, made = self.out / ".obj/files.s", self.out / ".obj/files.o"
        inside = [folder, *folder.rglob("*")]
        words = [f"{self.sdk}files", os.path.relpath(folder, self.folder), *sorted(map(str, inside))]
        if self.is_old(made, inside, words):
            with open(assembly, "w") as out:
                self.run(*words[:2], stdout=out)
            self.run(f"{self.sdk}gcc", "-c", assembly, "-o", made)
            self.done(made, words)
        return [made]

    def link(self, made, objects):
        objects = [Path(os.path.relpath(o, self.folder)) for o in objects]
        words = [f"{self.sdk}{'g++' if self.cxx else 'gcc'}", *self.project.build["cflags"], *objects, *self.libs,
                 "-o", made.relative_to(self.folder)]
        if self.is_old(made, [self.manifest, *objects], words):
            print(f"  LINK    {made.relative_to(self.folder)}", flush=True)
            self.run(*words)
            self.done(made, words)
        return made

    def of_a_command(self):
        """The image that the project's own command makes."""
        path = f"{Path(self.sdk).parent}:{os.environ.get('PATH', '')}"
        self.run("sh", "-c", self.project.build["command"], env={**os.environ, "PATH": path})
        made = self.folder / self.project.build["output"]
        if not made.is_file():
            raise MakeError(f"{self.project.build['output']}: the command of [build] has not made it")
        return made

    def program(self):
        """The objects of the program of a port, if this project is one."""
        name = self.project.build.get("program")
        if name and name not in self.programs:
            there = ", ".join(sorted(self.programs)) or "none"
            raise MakeError(f"build.program: {name}: the ports of this project have {there}")
        return [self.programs[name]] if name else []

    def defines_main(self, objects):
        said = subprocess.run([f"{self.sdk}nm", "-A", "-g", "--defined-only", *objects], text=True,
                              stdout=subprocess.PIPE, cwd=self.folder).stdout
        return {Path(line.split(":", 1)[0]) for line in said.splitlines() if line.endswith(" T main")}


def image(project):
    make = Make(project)
    if project.image:
        tree_make("image", f"APP={project.image}")
        return BUILD / project.image / project.image
    if "command" in project.build:
        return make.of_a_command()
    sources = make.sources()
    program = make.program()
    if not sources and not program:
        raise MakeError(f"{project.folder}: there is no C or C++ file (*.c, *.cc)")
    return make.link(make.out / project.name, [*make.compiled(sources), *program, *make.files()])


def tests(project):
    """[(name, image)] of each C or C++ file in tests/, linked with all of the project except main()."""
    make = Make(project)
    found = sorted(f for f in (project.folder / "tests").glob("*.*") if f.suffix in (".c", *CXX))
    if project.image or "command" in project.build or not found:
        raise MakeError(f"{project.folder}: there are no tests (tests/*.c, *.cc)")
    objects = make.compiled(make.sources())
    main = make.defines_main(objects) if objects else set()
    shared = [*(o for o in objects if o not in main), *make.files()]
    return [(f.stem, make.link(make.out / ".tests" / f.stem,
                               [*make.compiled([f.relative_to(project.folder)]), *shared])) for f in found]


def disk(project, word):
    """The word for --disk; a folder is packed into a tar in build/.disks/."""
    file = word.partition(":/")[0].partition(",")[0]
    path = project.folder / file
    if not path.is_dir():
        return f"{path}{word[len(file):]}"
    made = place(project, ".disks", Path(os.path.relpath(path, project.folder)), ".tar")
    prepare(project, made)
    # A guest may be running with the old one: it keeps that file.
    with tempfile.TemporaryDirectory(dir=made.parent, prefix=".") as scratch:
        new = Path(scratch) / made.name
        subprocess.run(["tar", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-C", path,
                        "-cf", new, "."], check=True)
        if not made.exists() or not filecmp.cmp(made, new, shallow=False):
            new.replace(made)
    return f"{made}{word[len(file):]}"
