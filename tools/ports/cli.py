# SPDX-License-Identifier: ISC
"""xenolith add, and xenolith ports."""

import argparse
import re
from pathlib import Path

import apt_private
from project import config

from . import PortError, build, lock, new, recipe, solver


def libraries(ports):
    """The words that link the archives of ports, of which only what is used gets into the image."""
    made = build.Set(ports)
    names = [f"-l{a.name[3:-2]}" for p in reversed(ports) for a in sorted((made.place(p) / "usr/lib").glob("lib*.a"))]
    return ["-Wl,--start-group", *names, "-Wl,--end-group"] if names else []


def with_ports(text, names):
    """The text of a xenolith.toml with build.ports = names."""
    line = "ports = [" + ", ".join(f'"{n}"' for n in names) + "]"
    table = re.search(r"(?m)^\[build\][ \t]*(#.*)?\n", text)
    if not table:
        return text.rstrip("\n") + f"\n\n[build]\n{line}\n" if text.strip() else f"[build]\n{line}\n"
    end = re.search(r"(?m)^\[", text[table.end():])
    body = text[table.end():table.end() + end.start()] if end else text[table.end():]
    old = re.search(r"(?ms)^ports[ \t]*=[ \t]*\[.*?\]", body)
    new = body[:old.start()] + line + body[old.end():] if old else f"{line}\n{body}"
    return text[:table.end()] + new + text[table.end() + len(body):]


def add_to_project(project, words):
    """Adds ports to xenolith.toml, selects versions, and builds them."""
    versions = recipe.all_versions()
    names = {w.partition("=")[0] for w in words}
    wanted = [p for p in project.build["ports"] if p.partition("=")[0] not in names] + words
    ports = lock.select(versions, wanted)
    build.build(ports)
    text = project.file.read_text()
    if wanted != project.build["ports"]:
        project.file.write_text(with_ports(text, wanted))
    lock.write(project.folder / lock.NAME, ports)
    return ports


def of_project(project):
    """The locked ports of a project, built."""
    file = project.folder / lock.NAME
    versions = recipe.all_versions()
    if not file.exists():
        return add_to_project(project, [])
    ports = lock.read(file, versions)
    there = {p.name: p.version for p in ports}
    for word in project.build["ports"]:
        name, equals, version = word.partition("=")
        if name not in there or (equals and there[name] != version):
            raise PortError(f"{file} lacks {word}, which {config.NAME} requires; run `xenolith add` to update it")
    build.build(ports)
    return ports


def add(words, project):
    if project:
        ports = add_to_project(project, words)
        where = project.file
    elif not words:
        raise PortError("add: missing argument PORT; `xenolith ports` lists them")
    else:
        ports = lock.select(recipe.all_versions(), words)
        build.build(ports)
        build.add_to(build.SDK, ports)
        where = build.SDK
    print("".join(f"{p.name} {p.version}\n" for p in ports), end="")
    print(f"{where}: {', '.join(words) or 'its ports'} can be used; libraries: "
          f"{' '.join(w for w in libraries(ports) if w.startswith('-l')) or 'none'}")


def table():
    found = {}
    for one in recipe.all_versions().values():
        found.setdefault(one.name, []).append(one)
    for name, versions in found.items():
        print(f"{name:<12} {', '.join(v.version for v in versions):<24} {versions[0].fields['Description']}")


def parser():
    p = argparse.ArgumentParser(prog="xenolith", allow_abbrev=False)
    commands = p.add_subparsers(dest="command", required=True)
    one = commands.add_parser("add", help="build ports and put them where the compiler finds them")
    one.add_argument("name", nargs="*", metavar="NAME[=VERSION]", help="a port; none: those of the project, again")
    one = commands.add_parser("ports", help="list the ports")
    one.add_argument("name", nargs="*", metavar="NAME[=VERSION]", help="print what would be built, in order")
    one.add_argument("--new", nargs="+", metavar=("NAME", "PACKAGE"), help="begin a recipe, from a source package")
    return p


def main(words, project):
    """An exit status; project: that of the current folder, or None."""
    args = parser().parse_args(words)
    try:
        if args.command == "add":
            add(args.name, project)
        elif args.new:
            new.begin(args.new[0], args.new[-1])
        elif args.name:
            for one in solver.solve(recipe.all_versions(), args.name):
                print(one)
        else:
            table()
    except apt_private.AptError as e:
        raise PortError(str(e)) from None
    return 0


def toolchain(project):
    """(folder, words that link the libraries, {program: object}) for a project with ports."""
    ports = of_project(project)
    folder = Path(build.toolchain(ports))
    programs = {o.stem: o for o in (folder / build.TARGET / build.PROGRAMS).glob("*.o")}
    return folder, libraries(ports), programs
