# SPDX-License-Identifier: ISC
"""Claims of tests/sdk/run about `make deb`, manual pages, and the list of the parts of an image."""

import gzip
import json
import os
import shutil
import subprocess
from unittest import SkipTest

import apt_private
from folders import BUILD, ROOT

SDK, TARGET = BUILD / "sdk", "x86_64-xenolith-elf"

claims = []


def claim(function):
    claims.append(function)
    return function


@claim
def the_debian_packages_have_all_that_is_needed(here):
    there = []
    for folder in here.folder / "a", here.folder / "b":
        folder.mkdir()
        done = subprocess.run([ROOT / "sdk/deb", SDK, "1.2", folder], cwd=ROOT, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout
        there.append({f.name: f.read_bytes() for f in folder.iterdir()})
    assert there[0] == there[1], "two packages differ"
    assert set(there[0]) == {"xenolith-sdk_1.2_amd64.deb", "xenolith-tools_1.2_all.deb"}, set(there[0])
    tools = here.folder / "tools"
    apt_private.dpkg_deb("-R", here.folder / "a/xenolith-tools_1.2_all.deb", tools)
    home = {"HOME": str(here.folder), "PATH": f"{here.root}/bin:/usr/bin:/bin"}
    for words, says in (["--version"], "xenolith 0."), (["new", "mine"], "mine: "), (["build"], "build/mine: "), \
            (["run", "--type", "unix", "build/mine"], "Hello"):
        done = subprocess.run([tools / "usr/bin/xenolith", *words], env=home, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, cwd=here.folder / ("mine" if words[0] in ("build", "run") else ""))
        assert done.returncode == 0 and says in done.stdout, f"{words}: {done.stdout}"
    share = tools / "usr/share/xenolith"
    done = subprocess.run(["make", "-n", "-C", share / "tools/xenolith", "BUILD=/nowhere"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0 and f"{share}/backend/disks.c" in done.stdout, done.stdout
    sources = [f for f in done.stdout.split() if f.endswith(".c")]
    done = subprocess.run(["gcc", "-MM", "-MG", "-iquote", share, "-idirafter", share / "lib/include", *sources],
                          text=True, stdout=subprocess.PIPE, cwd=share / "tools/xenolith", check=True)
    missing = [f for f in done.stdout.split() if f.startswith(("backend/", "drivers/", "kernel/", "lib/", "net/"))]
    assert not missing, missing
    assert not list(tools.rglob("*.pyc")), "files are written beside the tools"
    apt_private.dpkg_deb("-R", here.folder / "a/xenolith-sdk_1.2_amd64.deb", here.folder / "root")
    control = (here.folder / "root/DEBIAN/control").read_text()
    assert "Package: xenolith-sdk\nVersion: 1.2\n" in control and "python3" in control, control
    for command in (here.folder / "root/usr/bin").iterdir():
        page = here.folder / f"root/usr/share/man/man1/{command.name}.1.gz"
        text = gzip.decompress(page.read_bytes()).decode()
        assert text.startswith(".so man1/") and (page.parent.parent / f"{text.split()[1]}.gz").exists() or \
            f".TH {TARGET}-" in text, f"{page.name}: {text[:100]}"
    unpacked = type(here)(here.folder, here.folder / "root/usr")
    for sdk, name in (unpacked, "one"), (here, "two"):
        sdk.gcc("hello.c", "-o", "hello")
        os.rename(here.folder / "hello", here.folder / name)
    assert here.read("one") == here.read("two")


@claim
def after_make_fetch_it_is_built_without_a_network_and_is_the_same(here):
    if os.environ.get("LONG") != "1":
        raise SkipTest("LONG=1 builds all again")
    build = here.folder / "again"
    build.mkdir()
    shutil.copytree(BUILD / "src", build / "src", symlinks=True)
    cxx = (SDK / TARGET / "lib/libstdc++.a").exists()
    unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "XENOLITH_BUILD", "BUILD")}
    done = subprocess.run([*unshare, "make", "-j2", f"BUILD={build}", "sdk", *(["CXX=1"] if cxx else [])], cwd=ROOT, env=env,
                          text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-3000:]
    files = (SDK / "lib/xenolith/manifest").read_text().splitlines()
    assert (build / "sdk/lib/xenolith/manifest").read_text().splitlines() == files
    other = [f for f in files if not (SDK / f).is_symlink() and (SDK / f).read_bytes() != (build / "sdk" / f).read_bytes()]
    assert not other, f"these differ: {other}"


@claim
def the_parts_of_an_image_are_told_with_their_licences(here):
    here.write(mine_c="int mine(int n) { return n + 1; }", main_c='#include <math.h>\n#include <stdlib.h>\nint mine(int);\n'
               'int main(int n, char **v) { return mine(n) + pow(atof(v[0]), n); }')
    here.gcc("-O2", "-c", "mine.c")
    here.said("ar", "rcs", "libmine.a", "mine.o")
    here.gcc("-O2", "main.c", "libmine.a", "-lm", "-o", "main", "-Wl,-Map=main.map")
    found = {p["name"]: p for p in json.loads(here.said("sbom", "main.map"))["packages"]}
    assert found["xenolith"]["licenseConcluded"] == "ISC", found
    assert found["newlib"]["versionInfo"].startswith("4.") and found["newlib"]["checksums"], found
    assert found["libmine.a"]["licenseConcluded"] == "NOASSERTION" and "lwip" not in found, found
    assert "is not a map" in here.run("sbom", "main.c").stdout
