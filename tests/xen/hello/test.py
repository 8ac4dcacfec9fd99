# SPDX-License-Identifier: ISC
"""apps/hello: one file for every door, and a small one."""

import hashlib
import json

MOST = 128 << 10


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
