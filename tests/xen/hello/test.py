# SPDX-License-Identifier: ISC
"""apps/hello: one small image for every guest type."""

import hashlib
import json
import re
from pathlib import Path
from unittest import mock

from lab import config

MOST = 128 << 10
PAGE = Path(__file__).parents[3] / "docs/size.md"
GROWTH = 2 << 10                # until somebody looks at where it is


def kernel(lab, guest):
    """What xl has booted it from, and as what: the file's SHA-256, the type."""
    (domain,) = json.loads(lab.sh(f"xl list -l {guest.domid}"))
    config = domain["config"]
    path = config["b_info"]["kernel"]
    return lab.sh(f"sha256sum {path}").split()[0], config["c_info"]["type"]


def test_the_same_file_opens_both_doors(lab, image):
    file = hashlib.sha256(image.read_bytes()).hexdigest()
    for type in "pv", "pvh":
        with lab.create(image, args=["a b"], type=type, paused=True) as guest:
            assert kernel(lab, guest) == (file, type)
            guest.unpause()
            result = guest.wait(30)
        assert (result.reason, result.status) == ("poweroff", 0), result
        assert "Hello from Xenolith!" in result.console and "argv[1] = a b" in result.console


def test_it_is_small(lab, image):
    assert image.stat().st_size <= MOST, image.stat().st_size


def test_its_size_is_that_of_the_documentation(lab, image):
    known = int(re.search(r"^hello: ([\d,]+) bytes$", PAGE.read_text(), re.M)[1].replace(",", ""))
    size = image.stat().st_size
    assert size <= known + GROWTH, f"{size:,} bytes, not {known:,}: see `make size APP=hello`, then change {PAGE}"


def arguments(length):
    """That are a command line of so many bytes; behind 1000, 4000 and so on are quoted blanks."""
    args = ["a b" * 30 for _ in range(length // 100)] + ["end"]
    left = length - len(config.command_line("", args, "pvh"))
    return args[:-1] + ["x" * left + "end"]


def say(lab, image, length, type):
    """What becomes of a line of so many bytes: xl takes any."""
    args = arguments(length)
    with mock.patch.dict(config.MAX_CMDLINE, {type: 10000}):
        result = lab.run_guest(image, args=args, type=type, timeout=60)
    whole = f"argv[{len(args)}] = {args[-1]}"
    return result, whole in result.console.replace("\r", "")


def test_a_command_line_is_taken_whole_or_refused(lab, image):
    """Xen cuts a PV guest's to 1023 bytes, and a PVH guest's not at all."""
    with mock.patch.dict(config.MAX_CMDLINE, pvh=10000):
        assert len(config.command_line("", arguments(5000), "pvh")) == 5000
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
