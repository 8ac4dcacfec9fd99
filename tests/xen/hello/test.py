# SPDX-License-Identifier: ISC
"""apps/hello: one small image for every guest type."""

import hashlib
import json
import re
import shlex
import struct
from pathlib import Path

from lab import LabError

MOST = 128 << 10
PAGE = Path(__file__).parents[3] / "docs/size.md"
GROWTH = 2 << 10                # until somebody looks at where it is


def kernel(lab, guest):
    """The file that xl has booted, by its SHA-256, and the guest type."""
    (domain,) = json.loads(lab.sh(f"xl list -l {guest.domid}"))
    config = domain["config"]
    path = config["b_info"]["kernel"]
    return lab.sh(f"sha256sum {path}").split()[0], config["c_info"]["type"]


def test_one_file_boots_as_pv_and_pvh(lab, image):
    file = hashlib.sha256(image.read_bytes()).hexdigest()
    for type in "pv", "pvh":
        with lab.create(image, args=["a b"], type=type, paused=True) as guest:
            assert kernel(lab, guest) == (file, type)
            guest.unpause()
            result = guest.wait(30)
        assert (result.reason, result.status) == ("poweroff", 0), result
        assert "Hello from Xenolith!" in result.console and "argv[1] = a b" in result.console


def entries(data):
    """The guest types for which an image has an entry."""
    types, base = set(), int.from_bytes(data[32:40], "little")          # ELF64's program headers
    for i in range(int.from_bytes(data[56:58], "little")):
        kind, _, at, _, _, size = struct.unpack_from("<IIQQQQ", data, base + 56 * i)
        end = at + size
        while kind == 4 and at < end:                                   # PT_NOTE
            name, desc, note = struct.unpack_from("<III", data, at)
            types.add({1: "pv", 18: "pvh", 0x786e6f6c: "unix"}.get(note))
            at += 12 + (name + 3 & ~3) + (desc + 3 & ~3)
    if re.search(rb"\x02\xb0\xad\x1b", data[:8192]):                    # Multiboot
        types.add("hvm")
    return types - {None}


def test_one_file_is_for_all_four_types(lab, image):
    """It has an entry for each, and is the same file after it ran as this type."""
    before = image.read_bytes()
    assert entries(before) == {"pv", "pvh", "hvm", "unix"}, entries(before)
    result = lab.run_guest(image, args=["a b"], timeout=60)
    assert (result.reason, result.status) == ("poweroff", 0), result
    assert "argv[1] = a b" in result.console, result.console
    assert hashlib.sha256(image.read_bytes()).digest() == hashlib.sha256(before).digest()
    assert entries(before.replace(b"\x02\xb0\xad\x1b", bytes(4), 1)) == {"pv", "pvh", "unix"}


def test_it_is_small(lab, image):
    assert image.stat().st_size <= MOST, image.stat().st_size


def test_its_size_is_that_of_the_documentation(lab, image):
    known = int(re.search(r"^hello: ([\d,]+) bytes$", PAGE.read_text(), re.M)[1].replace(",", ""))
    size = image.stat().st_size
    assert size <= known + GROWTH, f"{size:,} bytes, not {known:,}: see `make size APP=hello`, then change {PAGE}"


def line_of(args):
    return " ".join(["--", *map(shlex.quote, args)])


def arguments(length):
    """That are a command line of so many bytes; behind 1000, 4000 and so on are quoted blanks."""
    args = ["a b" * 30 for _ in range(length // 100)] + ["end"]
    return args[:-1] + ["x" * (length - len(line_of(args))) + "end"]


def say(lab, image, length, type):
    """The effect of a command line of this many bytes: xl accepts any length."""
    args = arguments(length)
    result = lab.run_guest(image, more=[f'extra="{line_of(args)}"'], type=type, timeout=60)
    whole = f"argv[{len(args)}] = {args[-1]}"
    return result, whole in result.console.replace("\r", "")


def test_a_command_line_is_taken_whole_or_refused(lab, image):
    """Xen cuts a PV guest's to 1023 bytes, and a PVH guest's not at all."""
    assert len(line_of(arguments(5000))) == 5000
    for type, most in ("pv", 1022), ("pvh", 8191):
        assert lab.run_guest(image, args=arguments(most), type=type, timeout=60).status == 0
        try:
            lab.run_guest(image, args=arguments(most + 1), type=type, timeout=60)
        except LabError as e:
            assert f"has {most + 1} bytes; a {type} guest accepts {most}" in e.log, e.log
        else:
            raise AssertionError(f"{type}: {most + 1} bytes are not refused")
    for type, lengths in ("pv", (1022,)), ("pvh", (1024, 8191)):
        for length in lengths:
            result, whole = say(lab, image, length, type)
            assert result.status == 0 and whole, f"{type} {length}: {result.console}"
    for type, lengths in ("pv", (1023, 5000)), ("pvh", (8192,)):
        for length in lengths:
            result, _ = say(lab, image, length, type)
            assert (result.reason, result.status) == ("poweroff", 2), result
            assert "the command line may be cut" in result.console, result.console
            assert "Hello" not in result.console, result.console
