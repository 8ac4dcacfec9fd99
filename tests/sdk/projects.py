# SPDX-License-Identifier: ISC
"""Claims of tests/sdk/run about `xenolith new`, `build`, `run` and xenolith.toml.  No guest is booted."""

import json
import os
import re
import subprocess
from pathlib import Path

from folders import BUILD, ROOT
from project import cli, config, make

claims = []


def claim(function):
    claims.append(function)
    return function


def xenolith(folder, *words, status=0):
    """What ./xenolith prints in this folder."""
    done = subprocess.run([ROOT / "xenolith", *words], cwd=folder, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, "BUILD": str(BUILD), "XENOLITH_BUILD": str(BUILD), "LC_ALL": "C"})
    assert done.returncode == status, f"{words}: status {done.returncode}: {done.stdout}"
    return done.stdout


@claim
def a_new_project_is_built_and_only_what_changed_is_built_again(here):
    for template in "hello", "server":
        xenolith(here.folder, "new", template, "--template", template)
        first = xenolith(here.folder / template, "build")
        assert first.count("  CC ") == 2 and f"build/{template}: " in first, first
    folder = here.folder / "hello"
    assert "  " not in xenolith(folder / "src", "build")
    os.utime(folder / "src/greeting.h")
    assert xenolith(folder, "build").count("  CC ") == 2
    toml = folder / "xenolith.toml"
    toml.write_text(toml.read_text().replace('"-O2"', '"-O1"'))
    assert xenolith(folder, "build").count("  CC ") == 2
    (folder / "src/deep").mkdir()
    (folder / "src/deep/wrong.c").write_text("int x = ;\n")
    assert "src/deep/wrong.c:1:9: error" in xenolith(folder, "build", status=2)
    assert "exists already" in xenolith(here.folder, "new", "hello", status=2)
    assert "xenolith new NAME" in xenolith(here.folder, "build", status=2)


@claim
def an_image_is_linked_again_after_a_change_of_the_toolchain(here):
    """Also the image of a port's program, of which nothing is compiled here."""
    xenolith(here.folder, "new", "hello")
    folder = here.folder / "hello"
    xenolith(folder, "build")
    made, image = make.Make(config.load(folder / "xenolith.toml")), folder / "build/hello"
    objects = sorted(folder.glob("build/.obj/**/*.o"))
    changed = made.manifest.stat().st_mtime
    for file, when in (*((o, changed - 20) for o in objects), (image, changed - 10)):
        os.utime(file, (when, when))
    made.link(image, objects)
    assert image.stat().st_mtime > changed, "it was not linked"
    before = image.stat().st_mtime_ns
    made.link(image, objects)
    assert image.stat().st_mtime_ns == before, "it was linked without need"


@claim
def programs_and_tests_of_templates_run_as_processes(here):
    cxx = (BUILD / "sdk/x86_64-xenolith-elf/lib/libstdc++.a").exists()
    for template, says in ("hello", "Hello"), *([("cxx", "one")] if cxx else []):
        xenolith(here.folder, "new", template, "--template", template)
        folder = here.folder / template
        assert says in xenolith(folder, "run", "--type", "unix"), template
        tests = sorted(t.stem for t in (folder / "tests").iterdir())
        said = xenolith(folder, "test", "--type", "unix").splitlines()
        assert [line for line in said if line.startswith("ok")] == [f"ok     {t}" for t in tests] and tests, said
    failing = here.folder / "hello/tests/failing.c"
    failing.write_text("int main(void) { return 3; }\n")
    said = xenolith(failing.parent, "test", "--type", "unix", "failing", status=1)
    assert said.startswith("FAILED failing: status 3") or "\nFAILED failing: status 3" in said, said
    assert "invalid choice" in xenolith(failing.parent, "test", "--type", "linux", status=2)


@claim
def files_of_a_project_are_in_its_image(here):
    xenolith(here.folder, "new", "one")
    folder = here.folder / "one"
    (folder / "files/etc").mkdir(parents=True)
    (folder / "files/etc/motd").write_text("first text of the file\n")
    (folder / "src/main.c").write_text('#include <stdio.h>\nint main(void) { return !fopen("/etc/motd", "r"); }')
    xenolith(folder, "build")
    assert b"first text of the file" in (folder / "build/one").read_bytes()
    (folder / "files/etc/motd").write_text("second text\n")
    xenolith(folder, "build")
    assert b"second text" in (folder / "build/one").read_bytes()
    (folder / "Makefile").write_text("prog: src/main.c src/greeting.c\n\tx86_64-xenolith-elf-gcc -o $@ $^\n")
    (folder / "xenolith.toml").write_text('[build]\ncommand = "make -s"\noutput = "prog"\n')
    assert xenolith(folder, "build").startswith("prog: "), "of a command"


@claim
def each_file_of_a_project_has_its_own_place_in_build(here):
    folder = here.folder / "deep/obj"
    (here.folder / "deep/common/obj").mkdir(parents=True)
    (here.folder / "deep/common/f.c").write_text("int f(void) { return 1; }\n")
    xenolith(here.folder, "new", "deep/obj")
    (folder / "src/f.c").write_text("int f(void);\nint c(void) { return f(); }\n")
    (folder / "src/f.S").write_text('.globl s\ns: ret\n.section .note.GNU-stack, "", @progbits\n')
    (folder / "src/main.c").write_text("int c(void), s(void);\nint main(void) { return c() + s(); }\n")
    (folder / "xenolith.toml").write_text("[build]\nsources = ['src', '../common']\n")
    assert xenolith(folder, "build").count("  CC ") == 5
    assert (folder / "build/obj").is_file() and "  CC " not in xenolith(folder, "build")
    outside = {str(p.relative_to(here.folder / "deep")) for p in here.folder.rglob("*.o")}
    assert all(p.startswith("obj/build/.obj/") for p in outside), outside
    (folder / "build/obj").unlink()
    (folder / "build/obj").symlink_to(here.folder / "mine")
    assert "link out of build/" in xenolith(folder, "build", status=2) and not (here.folder / "mine").exists()
    (folder / "xenolith.toml").write_text("name = 'tests'\n[build]\nsources = ['src', '../common']\n")
    xenolith(folder, "build")
    assert (folder / "build/tests").is_file()
    assert [i.is_file() for _, i in make.tests(config.find(folder))] == [True]


@claim
def each_folder_of_disks_has_its_own_tar(here):
    folders = "a/site", "b/site", "../site"
    project = here.folder / "p"
    for f in folders:
        (project / f).mkdir(parents=True)
        (project / f / "which").write_text(f)
    file = project / "xenolith.toml"
    file.write_text(f"[run]\ndisks = {list(folders)}\n")

    def packed():
        tars = [Path(make.disk(config.load(file), f)) for f in folders]
        return [(t, t.stat().st_ino, subprocess.check_output(["tar", "-xOf", t, "./which"], text=True)) for t in tars]
    first = packed()
    assert [text for _, _, text in first] == list(folders) and packed() == first
    with open(first[0][0], "rb") as of_a_guest:
        before = of_a_guest.read()
        (project / "a/site/which").write_text("changed")
        assert packed()[0][2] == "changed"
        of_a_guest.seek(0)
        assert of_a_guest.read() == before, "the disk of a running guest changed"
    left = sorted(str(p.relative_to(project / "build/.disks")) for p in project.rglob("build/.disks/**/*.*"))
    assert left == ["0/a/site.tar", "0/b/site.tar", "1/site.tar"], left


def refused(function, *arguments):
    try:
        function(*arguments)
    except config.ConfigError as e:
        return str(e)
    raise AssertionError(f"{function.__name__}{arguments} is not refused")


@claim
def no_project_of_another_user_is_taken(here):
    top = here.folder / "top"
    inner = top / "inner"
    inner.mkdir(parents=True)
    file = top / config.NAME
    file.write_text("[build]\ncommand = 'touch ran'\noutput = 'ran'\n")
    assert config.file_of(inner) == (file, None)
    inner.chmod(0o777)
    assert f"the search ended at {inner}, which any user can change" in refused(config.find, inner)
    os.chdir(inner)
    assert not cli.exists()
    inner.chmod(0o755)
    own, config.trusted = config.trusted, lambda: {os.geteuid() + 1}
    try:
        assert f"the search ended at {inner}, which belongs to user " in refused(config.find, inner)
        assert f"{file}: it belongs to user " in refused(config.find, top)
        os.chdir(top)
        assert cli.exists(), "the reason is not told"
    finally:
        config.trusted = own
    if os.geteuid():
        return "without chown, which needs root"
    link = here.folder / "link"
    link.mkdir()
    (link / config.NAME).symlink_to(file)
    for other in file, top, link / config.NAME:
        os.chown(other, 65534, 65534, follow_symlinks=False)
        project = other if other == top else other.parent
        for command in "build", "run":
            said = xenolith(project, command, status=2)
            assert f"{other}: it belongs to user " in said and not list(here.folder.rglob("ran")), said
        if other == file:
            assert f"{link}/{config.NAME}: it belongs to user " in xenolith(link, "build", status=2), "of a link"
        os.chown(other, 0, 0, follow_symlinks=False)
    assert xenolith(inner, "build").startswith("../ran: ")


# A file, the line of its mistake, and what is said.
MISTAKES = (
    ("x = 1", 1, "x: there is no such key; there are name, image, [build]"),
    ("\n[run]\nmemroy = 3", 3, "run.memroy: there is no such key; there are args, env, memory"),
    ("[run]\nmemory = 'x'", 2, "run.memory: it must be a number above 0 (in MB)"),
    ("[run]\n\nmemory = 3", 3, "run.memory: a guest has at least 4 MB"),
    ("[run]\nports = ['80']", 2, "'80': it must be LOCAL:GUEST, such as 8080:80"),
    ("[run]\nports = ['0:80']", 2, "'0:80': it must be LOCAL:GUEST"),
    ("[run]\ntype = 'xen'", 2, "'xen': it must be one of pv, pvh, hvm"),
    ("[run]\nenv = { '1x' = '2' }", 2, "'1x' is not a valid name of an environment variable"),
    ("[run]\nenv = { A = 2 }", 2, "run.env: it must be a table of texts"),
    ("[run]\nargs = 'x'", 2, "run.args: it must be a list of texts"),
    ("[run]\ndisks = ['no.img:/data']", 2, "no.img: it does not exist"),
    ("name = 1", 1, "name: it must be a text (of the image)"),
    ("name = 'a/b'", 1, "name: 'a/b': at most 63 letters"),
    ("run = 3", 1, "run: it must be a table: [run]"),
    ("[build]\nsources = ['nosuch']", 2, "nosuch: it does not exist"),
    ("[build]\n\ncommand = 'make'", 3, "command and output belong together"),
    ("image = 'httpd'\n[build]\nlibs = []", 1, "it has C files of its own"),
    ("[build]\nfiles = 'no'", 2, "no: there is no such folder"),
    ("[test]\ntimeout = true", 2, "test.timeout: it must be a number above 0"),
    ("name = 'a'\n[run", 2, "Expected ']'"),
    ("name = 'a'\nname = 'b'", 2, "Cannot overwrite a value"),
)


@claim
def each_mistake_in_xenolith_toml_is_told_with_its_line(here):
    file = here.folder / "xenolith.toml"
    for text, line, says in MISTAKES:
        file.write_text(text)
        try:
            config.load(file)
        except config.ConfigError as e:
            assert re.match(re.escape(f"{file}:{line}:") + r"\d+: ", str(e)) and says in str(e) and "\n" not in str(e), f"{text!r}: {e}"
        else:
            raise AssertionError(f"{text!r} is accepted")
    file.write_bytes(b"name = '\xff'")
    assert "not a text in UTF-8" in xenolith(here.folder, "build", status=2)
    return f"{len(MISTAKES)} mistakes"


@claim
def the_words_of_run_come_from_the_file_and_then_from_the_command_line(here):
    xenolith(here.folder, "new", "run")
    file = here.folder / "run/xenolith.toml"
    (file.parent / "site").mkdir()
    (file.parent / "site/index.html").write_text("index")
    file.write_text("name = 'web'\n[run]\nargs = ['a b']\nmemory = 48\nnet = true\nports = ['1:2']\n"
                    "disks = ['site:/www,ro']\ncmdline = 'lifetime=9s'\n[run.env]\nX = 'y z'\n")
    words = cli.run_words(config.load(file), [], None)
    image, tar = str(file.parent / "build/web"), file.parent / "build/.disks/0/site.tar"
    assert words == ["run", "--name", "web", "--memory", "48", "--net", "-p", "1:2", "--disk",
                     f"{tar}:/www,ro", "--cmdline", "env.X='y z' lifetime=9s",
                     image, "--", "a b"], words
    assert "index.html" in subprocess.run(["tar", "-tf", tar], text=True,
                                          stdout=subprocess.PIPE).stdout
    import here as command          # tools/xenolith/here.py
    os.chdir(file.parent)
    assert command.in_project([]) and command.in_project(["--memory", "9", "--", "c", "d"])
    assert not command.in_project(["image", "--", "c"]) and not command.in_project(["--help"])
    assert cli.run_words(config.load(file), ["--memory", "9"], ["c"])[-5:] == ["--memory", "9", image, "--", "c"]


@claim
def a_mistake_has_a_column_and_the_schema_is_that_of_the_program(here):
    file = here.folder / "xenolith.toml"
    for text, place in (("[run]\n  memory = 1\n", "2:3"), ("name = 'a' b\n", "1:12"), ("[ec2]\nkind = 'x'\n", "2:1"),
                        ("[run\n", "1:5")):
        file.write_text(text)
        try:
            config.load(file)
        except config.ConfigError as e:
            assert str(e).startswith(f"{file}:{place}: "), (place, e)
        else:
            raise AssertionError(f"{text!r} is accepted")
    there = json.loads((ROOT / "tools/project/xenolith.schema.json").read_text())
    assert there == config.schema(), "tools/project/xenolith.schema.json: write config.schema() into it"
    assert set(there["properties"]) == {"name", "image", "build", "run", "ec2", "test"}


@claim
def each_runner_reads_xenolith_toml(here):
    xenolith(here.folder, "new", "run")
    folder = here.folder / "run"
    (folder / "xenolith.toml").write_text("[run]\nargs = ['a b']\nmemory = 48\ntype = 'pvh'\nports = ['8081:80']\n"
                                          "[ec2]\ntype = 't2.nano'\nlifetime = '20m'\nregion = 'eu-west-1'\n"
                                          "min = 2\nmax = 3\nvolume = ['1G:/data']\n")
    before = os.getcwd()
    os.chdir(folder)
    try:
        from lab import cli as lab
        from ec2 import cli as ec2
        args = lab.parse(["run", "--memory", "9"], "lab")
        assert (args.image, args.memory, args.type, args.port, args.args) == (
            str(folder / "build/run"), 9, "pvh", ["8081:80"], ["a b"]), args
        args = ec2.parse(["run", "--lifetime", "5m"])
        assert args.app is None
        args.app = ec2.from_project(args, args.given)
        assert (args.app, args.type, args.lifetime, args.region, args.port, args.args) == (
            str(folder / "build/run"), "t2.nano", "5m", "eu-west-1", ["8081:80"], ["a b"]), args
        args = ec2.parse(["upload"])
        ec2.from_project(args, args.given)
        assert (args.type, args.lifetime) == ("auto", "20m"), args      # there it is the kind of the AMI
        args = ec2.parse(["fleet"])
        ec2.from_project(args, args.given)
        assert (args.min, args.max, args.volume) == (2, 3, ["1G:/data"])
    finally:
        os.chdir(before)
    done = subprocess.run(["make", "-n", f"BUILD={BUILD}", "run", f"APP_DIR={folder}", "MEMORY=8", "ARGS=c"], cwd=ROOT,
                          text=True, stdout=subprocess.PIPE)
    assert f"cd '{folder}' && {ROOT}/xenolith run " in done.stdout and "-- c" in done.stdout, done
