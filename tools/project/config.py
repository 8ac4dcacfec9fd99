# SPDX-License-Identifier: ISC
"""Reads xenolith.toml: load(FILE) returns a Project, or raises ConfigError with file and line.

A project's commands and Makefile run as the caller, so file_of() takes no file of another user.

All that the file may have is in KEYS, as a type of value and what it means.
"""

import os
import pwd
import re
import stat
from pathlib import Path

try:
    import tomllib
except ImportError:             # before Python 3.11
    tomllib = None

NAME = "xenolith.toml"
TEXT, TEXTS, NUMBER, SWITCH, TABLE = "a text", "a list of texts", "a number", "true or false", "a table of texts"
KEYS = {
    "": {
        "name": (TEXT, "of the image"),
        "image": (TEXT, "an application of Xenolith's tree in place of C files"),
    },
    "build": {
        "sources": (TEXTS, "C files, and folders of C files"),
        "cflags": (TEXTS, "options of the compiler"),
        "cxxflags": (TEXTS, "more options for C++ files"),
        "libs": (TEXTS, "options of the linker, such as -lm"),
        "files": (TEXT, "a folder that becomes the root directory"),
        "ports": (TEXTS, "other people's libraries and programs; xenolith add adds them"),
        "program": (TEXT, "the port whose program this is"),
        "command": (TEXT, "in place of compiling: a command of the shell, such as make"),
        "output": (TEXT, "the image that the command makes"),
    },
    "run": {
        "args": (TEXTS, "of main"),
        "env": (TABLE, "environment variables"),
        "memory": (NUMBER, "in MB"),
        "type": (TEXT, "pv, pvh or hvm"),
        "net": (SWITCH, "a network"),
        "ports": (TEXTS, "LOCAL:GUEST"),
        "disks": (TEXTS, "FILE[:/PATH][,ro]; a folder is packed into a tar"),
        "cmdline": (TEXT, "options of the kernel"),
        "timeout": (NUMBER, "in seconds"),
    },
    "ec2": {
        "type": (TEXT, "of the instances, such as t2.micro"),
        "lifetime": (TEXT, "such as 30m, 2h, 7d"),
        "region": (TEXT, "of AWS"),
        "profile": (TEXT, "of AWS's configuration files"),
        "subnet": (TEXT, "in which instances are"),
        "spot": (SWITCH, "spot instances"),
        "instance-role": (TEXT, "the application's instance profile"),
        "volume": (TEXTS, "data volumes, SIZE:/PATH[,keep]"),
        "min": (NUMBER, "instances of a fleet at least"),
        "max": (NUMBER, "instances of a fleet at most"),
    },
    "test": {
        "timeout": (NUMBER, "in seconds, of each test"),
    },
}
DEFAULT = {
    "build": {"sources": ["."], "cflags": ["-O2", "-g", "-Wall"], "cxxflags": [], "libs": [], "files": "files",
              "ports": []},
    "run": {"args": [], "env": {}, "ports": [], "disks": []},
    "ec2": {},
    "test": {"timeout": 60},
}
TYPES = ("pv", "pvh", "hvm")
LEAST_MEMORY = 4


class ConfigError(Exception):
    """The text is one line for the user: FILE:LINE:COLUMN: what is wrong, and what is accepted."""


def place_of(text, table, key):
    """(line, column) of a key; of its table, or the first one, if it stands there in another form."""
    current, of_table = "", (1, 1)
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+\s*[\"']?([^]\"']+?)[\"']?\s*\]", line):
            current = header[1]
            of_table = (number, line.index("[") + 1) if current == table else of_table
        found = re.match(r"\s*[\"']?([\w-]+)[\"']?\s*[.=]", line)
        if found and (current, found[1]) in ((table, key), ("", table)):
            return number, len(line) - len(line.lstrip()) + 1
        if not key and current == table:
            return number, 1
    return of_table


def is_a(kind, value):
    if kind == NUMBER:
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    if kind == TEXTS:
        return isinstance(value, list) and all(isinstance(v, str) and "\0" not in v for v in value)
    if kind == TABLE:
        return isinstance(value, dict) and all(isinstance(v, str) and "\0" not in v for v in value.values())
    if kind == SWITCH:
        return isinstance(value, bool)
    return isinstance(value, str) and value and "\0" not in value


class Project:
    """The values of a file, those that are missing by DEFAULT: project.run["memory"]."""

    def __init__(self, file, text):
        self.file, self.text, self.folder = file, text, file.parent
        try:
            found = tomllib.loads(text)
        except tomllib.TOMLDecodeError as e:
            m = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", str(e))
            line, column = (m[2], m[3]) if m else (text.count("\n") + 1, len(text) - text.rfind("\n"))
            raise ConfigError(f"{file}:{line}:{column}: {m[1] if m else e}") from None
        self.check(found)
        self.name = found.get("name", self.folder.name)
        self.image = found.get("image")
        self.build, self.run, self.ec2, self.test = (
            {**DEFAULT[t], **found.get(t, {})} for t in ("build", "run", "ec2", "test"))
        self.check_values(found)

    def error(self, table, key, why):
        name = f"{table}.{key}" if table and key else key or table
        line, column = place_of(self.text, table, key)
        raise ConfigError(f"{self.file}:{line}:{column}: {name}: {why}")

    def check(self, found):
        """The names and types of all that is there."""
        for key, value in found.items():
            if key in KEYS and key:
                if not isinstance(value, dict):
                    self.error("", key, f"it must be a table: [{key}]")
                self.check_table(key, value)
        self.check_table("", {k: v for k, v in found.items() if k not in KEYS})

    def check_table(self, table, found):
        known = KEYS[table]
        for key, value in found.items():
            if key not in known:
                there = ", ".join([*known, *([f"[{t}]" for t in KEYS if t] if not table else [])])
                self.error(table, key, f"there is no such key; there are {there}")
            kind, meaning = known[key]
            if not is_a(kind, value):
                above = " above 0" if kind == NUMBER else ""
                self.error(table, key, f"it must be {kind}{above} ({meaning})")

    def check_values(self, found):
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,62}", self.name):
            self.error("", "name", f"{self.name!r}: at most 63 letters, digits, dots, hyphens and underscores")
        if self.run.get("type", "pv") not in TYPES:
            self.error("run", "type", f"{self.run['type']!r}: it must be one of {', '.join(TYPES)}")
        if self.run.get("memory", LEAST_MEMORY) < LEAST_MEMORY:
            self.error("run", "memory", f"a guest has at least {LEAST_MEMORY} MB")
        for port in self.run["ports"]:
            numbers = re.fullmatch(r"(\d{1,5}):(\d{1,5})", port)
            if not numbers or not all(0 < int(n) < 65536 for n in numbers.groups()):
                self.error("run", "ports", f"{port!r}: it must be LOCAL:GUEST, such as 8080:80")
        for key in self.run["env"]:
            if not re.fullmatch(r"[A-Za-z_]\w*", key):
                self.error("run", "env", f"{key!r} is not a valid name of an environment variable")
        for disk in self.run["disks"]:
            file = re.split(r":/|,", disk)[0]
            if not (self.folder / file).exists():
                self.error("run", "disks", f"{file}: it does not exist")
        self.check_build(found.get("build", {}))

    def check_build(self, given):
        if ("command" in given) != ("output" in given):
            key = "command" if "command" in given else "output"
            self.error("build", key, "command and output belong together")
        if self.image and given:
            self.error("", "image", "it has C files of its own; leave [build] out")
        for source in given.get("sources", []):
            if not (self.folder / source).exists():
                self.error("build", "sources", f"{source}: it does not exist")
        if "files" in given and not (self.folder / given["files"]).is_dir():
            self.error("build", "files", f"{given['files']}: there is no such folder")


def schema():
    """The JSON schema of the file, for editors; tools/project/xenolith.schema.json has it."""
    types = {TEXT: {"type": "string", "minLength": 1}, TEXTS: {"type": "array", "items": {"type": "string"}},
             NUMBER: {"type": "integer", "minimum": 1}, SWITCH: {"type": "boolean"},
             TABLE: {"type": "object", "additionalProperties": {"type": "string"}}}

    def properties(table):
        return {key: {"description": meaning, **types[kind]} for key, (kind, meaning) in KEYS[table].items()}
    tables = {t: {"type": "object", "additionalProperties": False, "properties": properties(t)} for t in KEYS if t}
    tables["run"]["properties"]["type"]["enum"] = list(TYPES)
    tables["run"]["properties"]["memory"]["minimum"] = LEAST_MEMORY
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": NAME, "type": "object",
            "additionalProperties": False, "properties": {**properties(""), **tables}}


def load(file):
    file = Path(file)
    if not tomllib:
        raise ConfigError(f"{file}: reading it needs Python 3.11")
    try:
        return Project(file, file.read_text())
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: it is not a text in UTF-8") from None
    except OSError as e:
        raise ConfigError(f"{file}: {e.strerror}") from None


def trusted():
    """The users whose projects are taken: the caller, also before sudo, and root."""
    caller = os.geteuid()
    before = os.environ.get("SUDO_UID", "") if caller == 0 else ""
    return {0, caller, *([int(before)] if re.fullmatch(r"[0-9]{1,10}", before) else [])}


def name_of(user):
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def check_owner(file):
    """Refuses a file that is another user's, or is in a folder of another user, or is a link to such a file."""
    for path, found in ((file, file.lstat()), (file, file.stat()), (file.parent, file.parent.stat())):
        if found.st_uid not in trusted():
            raise ConfigError(f"{path}: it belongs to user {name_of(found.st_uid)}, whose commands would run as you; "
                              "copy the project, or change the owner of its folder")


def end_of_search(folder):
    """Why no file above this folder is taken; None if it is."""
    found = folder.stat()
    if found.st_uid not in trusted():
        return f"{folder}, which belongs to user {name_of(found.st_uid)}"
    return f"{folder}, which any user can change" if found.st_mode & stat.S_IWOTH else None


def file_of(folder):
    """(file, None) of the project of a folder, or of one above it; (None, where the search ended, or "")."""
    for here in (folder, *folder.parents):
        if (here / NAME).exists():
            check_owner(here / NAME)
            return here / NAME, None
        if end := end_of_search(here):
            return None, end
    return None, ""


def find(folder):
    """The project of a folder, or of one above it."""
    file, end = file_of(folder)
    if not file:
        above = f"; above it, the search ended at {end}" if end else ", nor above it"
        raise ConfigError(f"there is no {NAME} in {folder}{above}; xenolith new NAME makes a project")
    return load(file)
