# SPDX-License-Identifier: ISC
"""xenolith new, build, test; and the words of `xenolith run` in a project's folder."""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from folders import ROOT, SOURCES
from ports import PortError, cli as ports

from . import config, make

TEMPLATES = Path(__file__).resolve().parent / "templates"
COMMANDS = ("new", "build", "test", "add", "ports")


class ProjectError(Exception):
    """The text is one line for the user."""


def exists():
    """Whether there is a project here; one that is refused counts, so that the reason is told."""
    try:
        return config.file_of(Path.cwd())[0] is not None
    except config.ConfigError:
        return True


def here():
    return config.find(Path.cwd())


def new(args):
    folder = Path(args.name)
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,62}", folder.name):
        raise ProjectError(f"new: {folder.name!r}: a name has at most 63 letters, digits, dots, hyphens and "
                           "underscores")
    if folder.exists():
        raise ProjectError(f"new: {folder} exists already")
    shutil.copytree(TEMPLATES / args.template, folder)
    (folder / ".gitignore").write_text("/build/\n")
    print(f"{folder}: {', '.join(sorted(str(p.relative_to(folder)) for p in folder.rglob('*') if p.is_file()))}")
    print(f"next: cd {shlex.quote(str(folder))} && xenolith run")


def build(args):
    project = here()
    made = make.image(project)
    print(f"{os.path.relpath(made)}: {made.stat().st_size:,} bytes")


def run_words(project, options, arguments):
    """The words of `xenolith run` for this project: what was typed comes after what the file has."""
    run, words = project.run, ["--name", project.name]
    for key in "memory", "type", "timeout":
        if key in run:
            words += [f"--{key}", str(run[key])]
    if run.get("net"):
        words.append("--net")
    for port in run["ports"]:
        words += ["-p", port]
    for disk in run["disks"]:
        words += ["--disk", make.disk(project, disk)]
    if cmdline := kernel_words(project):
        words += ["--cmdline", cmdline]
    args = run["args"] if arguments is None else arguments
    return ["run", *words, *options, str(make.image(project)), *(["--", *args] if args else [])]


def run_here(words):
    """`run` without an image, in a project's folder: the words with all that its file has."""
    end = words.index("--") if "--" in words else len(words)
    return run_words(here(), words[:end], words[end + 1:] if end < len(words) else None)


def kernel_words(project):
    """The kernel options of a project's [run]: those of its environment, then its own."""
    run = project.run
    env = [f"env.{k}={shlex.quote(v)}" for k, v in run["env"].items()]
    return " ".join([*env, *([run["cmdline"]] if "cmdline" in run else [])])


def test(args):
    project = here()
    there = make.tests(project)
    unknown = [n for n in args.name if n not in dict(there)]
    if unknown:
        raise ProjectError(f"test: there is no test {unknown[0]} in tests/; there are {', '.join(n for n, _ in there)}")
    failed = 0
    for name, image in there:
        if args.name and name not in args.name:
            continue
        words = ["run", "--quiet", *(["--type", args.type] if args.type else []), "--timeout",
                 str(project.test["timeout"]), "--name", f"{name}-test", image]
        done = subprocess.run([ROOT / "xenolith", *words], text=True, errors="replace", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        print(f"{'FAILED' if done.returncode else 'ok    '} {name}"
              f"{f': status {done.returncode}' if done.returncode else ''}", flush=True)
        if done.returncode:
            print("".join(f"      | {line}\n" for line in done.stdout.splitlines()[-20:]), end="")
        failed += bool(done.returncode)
    return 1 if failed else 0


def parser():
    p = argparse.ArgumentParser(prog="xenolith", allow_abbrev=False)
    commands = p.add_subparsers(dest="command", required=True)
    one = commands.add_parser("new", help="make the folder of a new project")
    one.add_argument("name", metavar="NAME", help="a folder that does not exist")
    one.add_argument("--template", default="hello", choices=sorted(t.name for t in TEMPLATES.iterdir()))
    commands.add_parser("build", help="make the image of the project in this folder")
    one = commands.add_parser("test", help="boot each test of the project, an image for each file of tests/")
    one.add_argument("name", nargs="*", metavar="NAME", help="only these tests")
    one.add_argument("--type", choices=(*config.TYPES, "unix"), help="of the guests; unix: processes, without Xen")
    return p


def said(function, *arguments):
    """What the function returns; an exit status if it fails for a reason that is told."""
    try:
        return function(*arguments) or 0
    except (ProjectError, config.ConfigError, make.MakeError, PortError) as e:
        if str(e) != "None":
            print(f"xenolith: {e}", file=sys.stderr)
    except subprocess.CalledProcessError as e:
        print(f"xenolith: {e.cmd[0]} failed", file=sys.stderr)
    except OSError as e:
        print(f"xenolith: {e.filename}: {e.strerror}", file=sys.stderr)
    return 2


def of_ports(words):
    if not SOURCES:
        raise ProjectError(f"{words[0]}: building ports needs Xenolith's source tree, which is not available")
    return ports.main(words, here() if exists() else None)


def main(words):
    if words[0] in ("add", "ports"):
        return said(of_ports, words)
    args = parser().parse_args(words)
    return said({"new": new, "build": build, "test": test}[args.command], args)
