# SPDX-License-Identifier: ISC
"""Claims of tests/sdk/run about unusual callers: other locales, links, names, folders and environments."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from unittest import SkipTest

from folders import ROOT

TARGET = "x86_64-xenolith-elf"

claims = []


def claim(function):
    claims.append(function)
    return function


def locales(folder):
    """The environments of other locales, as far as this machine can make them."""
    found = [{"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"}]
    for name in "de_DE.ISO-8859-1", "de_DE.UTF-8":
        done = subprocess.run(["localedef", "-i", "de_DE", "-f", name[6:], folder / name], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) if shutil.which("localedef") else None
        if done and not done.returncode:
            found.append({"LC_ALL": name, "LANGUAGE": "de", "LOCPATH": str(folder)})
    return found


@claim
def the_locale_and_the_name_of_the_image_do_not_matter(here):
    here.write(name_c="int größe(int n) { return n + 1; }\nint main(int n, char **v) { return größe(n); }",
               fork_c="int fork(void);\nint main(void) { return fork(); }")
    images = []
    for env in locales(here.folder):
        here.said("gcc", "name.c", "-o", "name", **env)
        images.append(here.read("name"))
        said = here.run("gcc", "fork.c", **env).stdout
        assert "fork(): a guest has one process" in said, said
    assert len(set(images)) == 1 and "größe".encode() in images[0]
    name = os.fsdecode(b"no\xf6utf8 -x")
    assert not here.gcc("hello.c", "-o", name) and here.read(name)[:4] == b"\x7fELF"


@claim
def its_folder_may_be_a_link_and_a_command_may_have_another_name(here):
    (here.folder / "bin").symlink_to(here.root / "bin")
    (here.folder / "mycc").symlink_to(here.root / f"bin/{TARGET}-gcc")
    images = []
    for command in here.root / f"bin/{TARGET}-gcc", f"bin/{TARGET}-gcc", "./mycc", f"{here.folder}/mycc":
        done = subprocess.run([command, "-g", "hello.c", "-o", "hello"], cwd=here.folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, f"{command}: {done.stdout}"
        images.append(here.read("hello"))
    assert len(set(images)) == 1


@claim
def nobody_writes_into_the_installed_folder(here):
    def state():
        return {p: p.lstat().st_mtime_ns for p in here.root.rglob("*")}
    before = state()
    here.gcc("-O2", "-flto", "hello.c", "-o", "hello", "-Wl,-Map=hello.map")
    here.said("sbom", "hello.map")
    here.said("pkg-config", "--list-all") if shutil.which("pkg-config") else None
    assert state() == before
    if os.getuid() == 0 and shutil.which("setpriv"):         # as a user who could not
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o777)
            top = Path(tempfile.gettempdir())
            for path in {here.folder, *here.folder.parents, *here.root.parents}:
                if path == top or top in path.parents:
                    path.chmod(path.stat().st_mode | 0o755)
            done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                   here.root / f"bin/{TARGET}-gcc", here.folder / "hello.c", "-o", f"{folder}/hello"],
                                  text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder,
                                  env={**os.environ, "TMPDIR": folder})
            assert done.returncode == 0 and not done.stdout, done.stdout


@claim
def variables_of_the_environment_bring_nothing_of_this_machine(here):
    libraries = sorted({str(p.parent) for p in Path("/usr/lib").glob("*/libc.a")})
    env = {"LIBRARY_PATH": ":".join(["/usr/lib", *libraries]), "PYTHONPATH": str(here.folder), "CDPATH": "/:/usr",
           "PYTHONHOME": "/nowhere", "POSIXLY_CORRECT": "1"}
    (here.folder / "re.py").write_text("raise SystemExit('re.py of this folder')\n")
    here.gcc("hello.c", "-o", "one")
    here.said("gcc", "hello.c", "-lm", "-o", "two", **env)
    assert here.read("one")[:4] == b"\x7fELF" and len(here.read("one")) == len(here.read("two"))
    said = here.run("gcc", "hello.c", "-lpthread_of_the_host", **env).stdout
    assert "cannot find -lpthread_of_the_host" in said, said
    said = here.run("gcc", "hello.c", "-o", "three", TMPDIR="/no folder").stdout
    assert "three" not in os.listdir(here.folder) and "No such file or directory" in said, said


@claim
def options_of_the_linker_that_name_files_work_in_each_form(here):
    for words in ["-Wl,-oone"], ["-Wl,--output=one"], ["-Xlinker", "-o", "-Xlinker", "one"], ["-oone"]:
        here.gcc("hello.c", *words)
        (here.folder / "one").unlink()
    assert not (here.folder / "a.out").exists()
    here.write(quoted="'--defsym=a b'=1")
    for words in ["-Wl,@quoted"], ["-Wl,@missing"], ["-Wl,-T,/nowhere"], ["-Wl,--nonsense"]:
        said = here.refused("hello.c", *words)
        assert "Traceback" not in said and "ld:" in said, f"{words}: {said}"
    for form in "--dependency-file=d", "--dependency-file,d":
        here.gcc("hello.c", f"-Wl,{form}", "-o", "one")
        said = here.read("d").decode()
        assert said.startswith("one:") and "libstart.a" in said and "symbols" not in said, said
    assert here.gcc("-print-multi-lib") == ".;\n"


@claim
def a_file_that_is_missing_is_named(here):
    root = here.folder / "partly"
    shutil.copytree(here.root, root, symlinks=True)
    other = type(here)(here.folder, root)
    lib = root / "lib/xenolith"
    for file in [*(p for p in lib.iterdir() if p.suffix != ".pyc"), root / TARGET / "lib/libc.a",
                 root / TARGET / "lib/libstart.a"]:
        # Some are of other commands: gcc does what it must, or says what is missing.
        if file.is_dir() or f"{TARGET}-" in file.name or file.name in ("run", "sbom", "manifest", "sources", "VERSION"):
            continue
        file.rename(root / "away")
        done = other.run("gcc", "hello.c", "-o", "hello")
        if done.returncode:
            assert "Traceback" not in done.stdout and re.search(
                rf"{re.escape(file.name)}|{file.stem.removeprefix('lib')}\b", done.stdout), f"{file}: {done.stdout}"
        (root / "away").rename(file)
    other.gcc("hello.c", "-o", "hello")


@claim
def ccache_gives_the_same_image(here):
    if not shutil.which("ccache"):
        raise SkipTest("ccache is not installed")
    env = {**os.environ, "CCACHE_DIR": str(here.folder / "cache"), "PATH": f"{here.root}/bin:{os.environ['PATH']}"}
    images = []
    for words in [], ["ccache"], ["ccache"]:
        for step in ["-O2", "-c", "hello.c", "-o", "hello.o"], ["hello.o", "-o", "hello"]:
            subprocess.run([*words, f"{TARGET}-gcc", *step], cwd=here.folder, env=env, check=True)
        images.append(here.read("hello"))
    assert len(set(images)) == 1
    said = subprocess.run(["ccache", "--print-stats"], env=env, text=True, stdout=subprocess.PIPE).stdout
    assert re.search(r"(direct|preprocessed)_cache_hit\t1", said), said


@claim
def run_adds_nothing_to_what_a_program_prints(here):
    here.write(out_c='#include <unistd.h>\nint main(int n, char **v) { char b[9]; long got = read(0, b, 9);\n'
                     'write(1, b, got - 1); write(1, "\\r\\n\\0x", 4); return n; }')
    here.gcc("out.c", "-o", "out")
    env = {**os.environ, "PATH": f"{ROOT}:{os.environ['PATH']}"}
    env.pop("XENOLITH_RUN", None)
    done = subprocess.run([here.root / f"bin/{TARGET}-run", "out", "a b", ""], cwd=here.folder, env=env, input=b"in\n",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"in\r\n\0x", b""), done
    done = subprocess.run([here.root / f"bin/{TARGET}-run", "missing"], cwd=here.folder, env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode and "missing" in done.stderr and not done.stdout, done
