# SPDX-License-Identifier: ISC
"""Links an image: gcc finds `ld` in this folder, which calls run() with the words for the linker.

An image is linked twice, with the names of the functions of the first result in the second
(symbols.py).  The first, which has the same code, is checked for uses of the red zone (redzone.py)
during the second link.  Messages about
missing functions say why they are missing (undefined).  With -r, or to ask the linker for its
version or help, it is called once as it stands.  xenolith.specs passes

    --xenolith=FOLDER   this folder; the sysroot is beside it
    --xenolith-verbose  print each command, as gcc -v does
    --xenolith-pie      the option -pie was given
    --xenolith-unwind   the option -fexceptions was given
    --xenolith-libgcc FILE  libgcc.a of the compiler
    --xenolith-symbols  the place of the table of names
"""

import os
import re
import shlex
import subprocess
import sys

TOOLS = "@TOOLS@"
TARGET = "@TARGET@"
DEFAULT = ["-static", "-nostdlib", "--gc-sections", "--build-id=none", "-z", "noexecstack", "--nmagic"]
LIBRARIES = ("libstart.a", "libxenolith.a", "liblwip.a", "libc.a", "libm.a")
ONCE = ("-r", "-i", "-Ur", "--relocatable", "--version", "--help", "-V")
SHARED = ("-shared", "--shared", "-Bshareable", "-G")
PIE = ("-pie", "--pie", "-pic-executable", "--pic-executable", "--no-dynamic-linker")
# With one of these, the image has the tables by which exceptions unwind (sdk/unwind.lds).
UNWINDS = ("-lstdc++", "-lsupc++", "libstdc++.a", "libsupc++.a", "--xenolith-unwind")
# Names of functions are read from the linked file, so it is stripped at the end, by these options.
STRIP = {"-s": "-s", "--strip-all": "-s", "-S": "-g", "--strip-debug": "-g",
         "-x": "-x", "--discard-all": "-x", "-X": "-X", "--discard-locals": "-X"}
# What the linker would print twice.
PRINTS = ("-v", "-t", "--trace", "--verbose", "-M", "--print-map", "--print-gc-sections",
          "--print-memory-usage", "--stats")


class LinkError(Exception):
    """The text is the message; None: a command has said it."""


def from_response_files(words, depth=0):
    """Replaces each @FILE by the words in it, quoted as for gcc."""
    for word in words:
        if not word.startswith("@") or not os.path.isfile(word[1:]):
            yield word
        elif depth > 100:
            raise LinkError(f"{word}: too many response files")
        else:
            with open(word[1:], errors="surrogateescape") as f:
                text = f.read()
            yield from from_response_files(shlex.split(text), depth + 1)


class Words:
    """The words for the linker, and what this program takes out of them."""

    def __init__(self, words):
        self.folder = self.libgcc = self.map = self.dependencies = None
        self.verbose = self.pie = self.unwinds = False
        self.output, self.strip, self.rest = "a.out", [], []
        words = iter(words)

        def following():
            try:
                return next(words)
            except StopIteration:
                raise LinkError(f"missing argument of {word}") from None
        for word in words:
            name, equals, value = word.partition("=")
            if name == "--xenolith":
                self.folder = os.path.normpath(value)
            elif word == "--xenolith-libgcc":
                self.libgcc = following()
            elif word == "--xenolith-verbose":
                self.verbose = True
            elif word == "--xenolith-pie" or word in PIE:
                self.pie = self.pie or word != "--no-dynamic-linker"
            elif word in UNWINDS or os.path.basename(word) in UNWINDS:
                self.unwinds = True
                self.rest += [word] * (not word.startswith("--"))
            elif word in ("-o", "--output"):
                self.output = following()
            elif word.startswith("-o"):
                self.output = word[2:]
            elif name == "--dependency-file":
                self.dependencies = value if equals else following()
            elif name == "--output":
                self.output = value
            elif name in ("-Map", "--Map"):
                self.map = value if equals else following()
            elif word in STRIP:
                self.strip.append(STRIP[word])
            else:
                self.rest.append(word)

    def has(self, names):
        return any(word in names for word in self.rest)


class Link:
    def __init__(self, words):
        self.words, self.folder = words, words.folder
        self.lib = os.path.normpath(f"{self.folder}/../../{TARGET}/lib")

    def tool(self, name):
        folders = os.environ.get("PATH", os.defpath).split(":")
        found = next((f for f in (f"{d or '.'}/{TOOLS}{name}" for d in folders)
                      if os.path.isfile(f) and os.access(f, os.X_OK)), None)
        if not found:
            raise LinkError(f"{TOOLS}{name} is not installed; on Debian: apt-get install binutils")
        return found

    def start(self, name, *words, errors=None):
        """Starts a tool of binutils."""
        words = [f"{TARGET}-{name}", *words]
        self.say(*words)
        # In another language, tools/undefined would not find the names in the linker's messages.
        return subprocess.Popen(words, executable=self.tool(name), stderr=errors,
                                env={**os.environ, "LC_ALL": "C"})

    def run(self, name, *words, errors=None):
        """Runs a tool of binutils; returns its status."""
        return self.start(name, *words, errors=errors).wait()

    def say(self, *words):
        if self.words.verbose:
            print("", shlex.join(words), file=sys.stderr, flush=True)

    def ld(self, output, table, *more, errors=None, again=False):
        """Starts to link with this table of names."""
        script = [] if any(w.startswith(("-T", "--script")) and not w.startswith(
            ("-Ttext", "-Tdata", "-Tbss", "-Trodata")) for w in self.words.rest) \
            else ["-T", f"{self.folder}/{'unwind' if self.words.unwinds else 'xenolith'}.lds"]
        rest = [w for w in self.words.rest if not again or w not in PRINTS]
        libgcc = [self.words.libgcc]
        if self.words.unwinds:
            script.append("--eh-frame-hdr")
            libgcc.append(f"{os.path.dirname(self.words.libgcc)}/libgcc_eh.a")
        if "--xenolith-symbols" not in rest:
            rest.append("--xenolith-symbols")
        for i in reversed(range(len(rest))):
            if rest[i] == "--xenolith-symbols":
                rest[i:i + 1] = table
            elif rest[i] == "-lgcc":
                rest[i:i + 1] = libgcc
        return self.start("ld", *DEFAULT, *script, "-u", "main", "-o", output, *rest, *more, errors=errors)

    def first(self, output, map_file):
        """The first link: its errors are the user's."""
        with open(f"{output}.errors", "w+b") as errors:
            table = [f"{self.folder}/no-symbols.o"]
            status = self.ld(output, table, f"-Map={map_file}", errors=errors).wait()
            errors.seek(0)
            said = errors.read()
        if status:
            said = subprocess.run([f"{self.folder}/undefined"], input=said, stdout=subprocess.PIPE).stdout
        sys.stderr.flush()
        sys.stderr.buffer.write(said)
        sys.stderr.flush()
        if status:
            raise LinkError(None)

    def names(self, first, scratch, name):
        """Assembles the table of the names of functions."""
        import symbols
        self.say("symbols", first)
        source, made = f"{scratch}/{name}.symbols.S", f"{scratch}/{name}.symbols.o"
        with open(source, "w", encoding="utf-8") as f:
            f.write(symbols.assembly(first, name, symbols.known_pairs(f"{self.folder}/pairs")))
        if self.run("as", "--64", "-o", made, source):
            raise LinkError("the table of names cannot be assembled")
        return made

    def accepted(self):
        """Functions of ports of which someone has read that they do not use it (docs/ports.md)."""
        folder = f"{self.lib}/xenolith/redzone"
        names = os.listdir(folder) if os.path.isdir(folder) else []
        return {line for n in names for line in open(f"{folder}/{n}").read().splitlines()
                if not line.startswith("#")}

    def check_red_zone(self, image, map_file):
        import redzone
        ours = [f"{self.lib}/{name}" for name in LIBRARIES]
        self.say("redzone", "--map", map_file, "--ours", *ours, "--", image)
        found = redzone.Image(self.tool("objdump"), image, map_file, set(ours)).check()
        accepted = self.accepted()
        found = [name for name in found if name not in accepted]
        for name in found:
            print(f"{self.words.output}: {name}() uses the red zone; it was compiled without "
                  "-mno-red-zone", file=sys.stderr)
        if found:
            raise LinkError("nothing in an image may use the red zone: Xen writes there")

    def keep(self, output):
        """For a port: the objects of its program, with those of libraries of other ports, as one object."""
        ours = [f"{self.lib}/{name}" for name in LIBRARIES]
        names = [f"-l{name[3:-2]}" for name in LIBRARIES if name != "libstart.a"] + ["-lgcc"]
        rest = [w for w in self.words.rest if w not in [*ours, *names, "--xenolith-symbols", "--gc-sections"]]
        rest = [w for w in rest if w not in ("--whole-archive", "--no-whole-archive")]
        if self.run("ld", "-r", "-u", "main", "-o", f"{output}.program.o", *rest):
            raise LinkError("the objects of the program cannot be kept")

    def tell_dependencies(self, scratch):
        """For make, without the files that exist only now."""
        mine = f"{scratch}/"
        with open(f"{scratch}/dependencies", errors="surrogateescape") as f:
            lines = [line for line in f if not line.lstrip().startswith(mine)]
        with open(self.words.dependencies, "w", errors="surrogateescape") as f:
            f.writelines(lines)

    def image(self, scratch):
        import symbols
        output = self.words.output
        first, map_file, name = f"{scratch}/first", f"{scratch}/map", symbols.stem(output)
        if os.path.isdir(output):
            raise LinkError(f"cannot open output file {output}: Is a directory")
        if os.path.exists(output) and not os.path.isfile(output):
            output = f"{scratch}/second"            # /dev/null
        self.first(first, map_file)
        kept = f"{self.folder}/keep"                # of a port's build (tools/ports/build.py)
        if os.path.exists(kept) and os.path.basename(output) in open(kept).read().split():
            self.keep(output)
        table = self.names(first, scratch, name)
        more = [f"-Map={self.words.map}"] if self.words.map else []
        if self.words.dependencies:
            more.append(f"--dependency-file={scratch}/dependencies")
        errors = open(f"{scratch}/errors", "w+b")       # the same warnings, unless it fails
        second = self.ld(output, [table], *more, errors=errors, again=True)
        try:
            self.check_red_zone(first, map_file)
            if second.wait():
                errors.seek(0)
                sys.stderr.buffer.write(errors.read())
                raise LinkError("the second link failed")
            if symbols.functions(first) != symbols.functions(output):
                raise LinkError("functions moved when their names were added")
            if self.words.strip and self.run("strip", *self.words.strip, output):
                raise LinkError("strip failed")
            if self.words.dependencies:
                self.tell_dependencies(scratch)
        except BaseException:
            second.wait()
            if os.path.exists(output):
                os.unlink(output)
            raise


def once(words):
    """The linker as it stands."""
    link = Link(words)
    rest = [words.libgcc if w == "-lgcc" else w for w in words.rest if w != "--xenolith-symbols"]
    more = ["-o", words.output, *(["-Map", words.map] if words.map else []),
            *([f"--dependency-file={words.dependencies}"] if words.dependencies else []),
            *(["-" + s.strip("-").replace("g", "S") for s in words.strip])]
    return link.run("ld", *more, *rest)


def main(arguments):
    words = Words(from_response_files(arguments))
    if words.has(SHARED):
        raise LinkError("-shared: an image is one program, linked statically")
    if words.has(ONCE):
        return once(words)
    if words.pie:
        print(f"{TARGET}-ld: warning: -pie has no effect: an image has a fixed address", file=sys.stderr)
    with Scratch() as scratch:
        Link(words).image(scratch)
    return 0


class Scratch:
    """A folder for temporary files, without the modules that tempfile loads."""

    def __enter__(self):
        self.folder = f"{os.environ.get('TMPDIR') or '/tmp'}/xenolith-{os.getpid()}-{os.urandom(6).hex()}"
        os.mkdir(self.folder, 0o700)
        return self.folder

    def __exit__(self, *_):
        for name in os.listdir(self.folder):
            os.unlink(f"{self.folder}/{name}")
        os.rmdir(self.folder)


def run():
    try:
        sys.exit(main(sys.argv[1:]))
    except LinkError as e:
        if str(e) != "None":
            print(f"{TARGET}-ld: {e}", file=sys.stderr)
    except OSError as e:
        print(f"{TARGET}-ld: {e.filename}: {e.strerror}", file=sys.stderr)
    except ImportError as e:
        print(f"{TARGET}-ld: {e.name}.py of the SDK is missing", file=sys.stderr)
    except ValueError as e:         # quotes of a response file
        print(f"{TARGET}-ld: {e}", file=sys.stderr)
    except KeyboardInterrupt:
        pass
    sys.exit(1)
